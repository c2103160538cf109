//! Moving counts to the reason `filtered` and noting that it was done: one step, whenever the process is killed.
//!
//! All that is to be stored is written down first, as what is to stand there and not as what is to be added; then it is
//! stored, and what was written down is taken back. A successor that finds it stores it again, which changes nothing where
//! it was stored already.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicU64, Ordering, fence},
};

use mermin_bpf::abi::slot::DIRECTIONS;

use super::{journal::Journal, names::REDO};
use crate::{
    bpf::ledger::{Ledger, Sum},
    points::{Point, pass},
    sys::{
        bpf_pin::{self, Shape},
        mapping::Mapping,
    },
};

/// What is to be stored.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Whose records are withheld.
    slot: u64,
    /// What the journal is to say of it.
    word: u64,
    /// What is to be under the reason `filtered`, at each hook.
    sums: [Sum; DIRECTIONS],
}

/// The map's one element.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Page {
    /// Whether the plan is to be carried out.
    pending: u64,
    plan: Plan,
}

/// Where a plan is kept.
#[derive(Debug)]
pub(crate) struct Redo {
    page: Mapping<Page>,
}

/// The shape of its map.
pub(crate) fn shape() -> Shape {
    bpf_pin::array_shape(size_of::<Page>(), 1)
}

/// Creates the map.
pub(crate) fn create() -> io::Result<OwnedFd> {
    bpf_pin::create_array_of::<Page>(REDO, 1)
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
            ledger.set_filtered(sum);
            pass(Point::HalfMoved);
        }
        pass(Point::Moved);
        fence(Ordering::SeqCst);
        if let Ok(slot) = u32::try_from(self.slot) {
            journal.set(slot, self.word);
        }
        pass(Point::Withheld);
    }
}

impl Redo {
    pub(crate) fn open(map: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self {
            page: Mapping::new(map.as_fd(), 1)?,
        })
    }

    fn pending(&self) -> &AtomicU64 {
        let page = self.page.at(0);
        // SAFETY: eight aligned octets of the mapping, which lives as long as `self`, and only accessed so.
        unsafe { AtomicU64::from_ptr(&raw mut (*page).pending) }
    }

    /// Stores all of it, or leaves word of what is missing.
    pub(crate) fn carry_out(&self, plan: &Plan, journal: &Journal, ledger: &Ledger) {
        let page = self.page.at(0);
        // SAFETY: within the mapping; no plan is pending, so nobody reads it.
        unsafe { (&raw mut (*page).plan).write_volatile(*plan) };
        // The process is killed between two of its own instructions: what has to be kept in order is the compiler.
        fence(Ordering::SeqCst);
        self.pending().store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        pass(Point::Planned);
        plan.store(journal, ledger);
        self.pending().store(0, Ordering::SeqCst);
    }

    /// Carries out what a former process left. To be called before anything else is read of journal or ledger.
    pub(crate) fn finish(&self, journal: &Journal, ledger: &Ledger) {
        if self.pending().load(Ordering::SeqCst) != 0 {
            self.page.read(0).plan.store(journal, ledger);
            self.pending().store(0, Ordering::SeqCst);
        }
    }
}

const _: () = assert!(size_of::<Page>() == 72);
