//! Moves counts to the reason `filtered` or `joined` and updates the journal in one atomic step, even if the process
//! is killed.
//!
//! The new values are written down first, as values and not as differences. Then they are stored, and the plan is
//! cleared. If the next process finds a plan, it stores the values again, which changes nothing if they were already
//! stored.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    sync::atomic::{Ordering, fence},
};

use super::{journal::Journal, names::REDO, pages::Pages};
use crate::{
    bpf::ledger::{Ledger, LedgerSums},
    failpoint::{FailPoint, fail_point},
    sys::bpf_pin::Shape,
};

/// The values to store.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Slot of the flow with the suppressed record.
    slot: u64,
    /// The new word of its journal page.
    word: u64,
    /// The new counts of the ledger.
    sums: LedgerSums,
}

/// Storage of a plan. The page's word says if the plan is pending.
#[derive(Debug)]
pub(crate) struct Redo {
    page: Pages<Plan>,
}

/// Returns the shape of its map.
pub(crate) fn shape() -> Shape {
    Pages::<Plan>::shape(1)
}

/// Creates the map.
pub(crate) fn create() -> io::Result<OwnedFd> {
    Pages::<Plan>::create(REDO, 1)
}

impl Plan {
    pub(crate) fn new(slot: u32, word: u64, sums: LedgerSums) -> Self {
        Self {
            slot: slot.into(),
            word,
            sums,
        }
    }

    fn store(&self, journal: &Journal, ledger: &Ledger) {
        for sum in &self.sums.hooks {
            ledger.set_suppressed(sum);
            fail_point(FailPoint::HalfMoved);
        }
        ledger.set_suppressed_drops(self.sums.drops);
        fail_point(FailPoint::Moved);
        fence(Ordering::SeqCst);
        if let Ok(slot) = u32::try_from(self.slot) {
            journal.set(slot, self.word);
        }
        fail_point(FailPoint::Suppressed);
    }
}

impl Redo {
    pub(crate) fn open(map: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self {
            page: Pages::open(map, 1)?,
        })
    }

    /// Stores all values, or leaves a plan for the next process.
    pub(crate) fn carry_out(&self, plan: &Plan, journal: &Journal, ledger: &Ledger) {
        let pending = self.page.word(0);
        // SAFETY: within the mapping; no plan is pending, so nobody reads it.
        unsafe { self.page.body(0).write_volatile(*plan) };
        // The process can only be killed between two of its own instructions, so a compiler fence is enough.
        fence(Ordering::SeqCst);
        pending.store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        fail_point(FailPoint::Planned);
        plan.store(journal, ledger);
        pending.store(0, Ordering::SeqCst);
    }

    /// Carries out the plan of an earlier process. Call it before anything else is read from journal or ledger.
    pub(crate) fn finish(&self, journal: &Journal, ledger: &Ledger) {
        let pending = self.page.word(0);
        if pending.load(Ordering::SeqCst) != 0 {
            // SAFETY: within the mapping; any octets are a plan.
            let plan = unsafe { self.page.body(0).read_volatile() };
            plan.store(journal, ledger);
            pending.store(0, Ordering::SeqCst);
        }
    }
}

const _: () = assert!(Pages::<Plan>::SIZE == 80);
