//! Moving counts to the reason `filtered` or `joined` and noting that it was done: one step, whenever the process is killed.
//!
//! All that is to be stored is written down first, as what is to stand there and not as what is to be added; then it is
//! stored, and what was written down is taken back. A successor that finds it stores it again, which changes nothing where
//! it was stored already.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    sync::atomic::{Ordering, fence},
};

use mermin_bpf::abi::slot::DIRECTIONS;

use super::{journal::Journal, names::REDO, pages::Pages};
use crate::{
    bpf::ledger::{Ledger, Sum},
    failpoint::{FailPoint, fail_point},
    sys::bpf_pin::Shape,
};

/// The values to store.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Whose records are withheld.
    slot: u64,
    /// The journal's word for it.
    word: u64,
    /// The counts to be under their reason, at each hook.
    sums: [Sum; DIRECTIONS],
}

/// Where a plan is kept. The page's word says whether it is to be carried out.
#[derive(Debug)]
pub(crate) struct Redo {
    page: Pages<Plan>,
}

/// The shape of its map.
pub(crate) fn shape() -> Shape {
    Pages::<Plan>::shape(1)
}

/// Creates the map.
pub(crate) fn create() -> io::Result<OwnedFd> {
    Pages::<Plan>::create(REDO, 1)
}

impl Plan {
    pub(crate) fn new(slot: u32, word: u64, sums: [Sum; DIRECTIONS]) -> Self {
        Self {
            slot: slot.into(),
            word,
            sums,
        }
    }

    fn store(&self, journal: &Journal, ledger: &Ledger) {
        for sum in &self.sums {
            ledger.set_suppressed(sum);
            fail_point(FailPoint::HalfMoved);
        }
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

    /// Stores all of it, or leaves word of what is missing.
    pub(crate) fn carry_out(&self, plan: &Plan, journal: &Journal, ledger: &Ledger) {
        let pending = self.page.word(0);
        // SAFETY: within the mapping; no plan is pending, so nobody reads it.
        unsafe { self.page.body(0).write_volatile(*plan) };
        // The process is killed between two of its own instructions: what has to be kept in order is the compiler.
        fence(Ordering::SeqCst);
        pending.store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        fail_point(FailPoint::Planned);
        plan.store(journal, ledger);
        pending.store(0, Ordering::SeqCst);
    }

    /// Carries out what a former process left. To be called before anything else is read of journal or ledger.
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

const _: () = assert!(Pages::<Plan>::SIZE == 72);
