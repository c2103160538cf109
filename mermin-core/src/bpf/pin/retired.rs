//! Counts of removed interfaces, kept for the next process. Adding a ledger to these sums and emptying it is one
//! atomic step, even if the process is killed.
//!
//! There are two sets of sums, and a word that says which set is valid and which ledger it contains that may not be
//! empty yet. The other set is written first; storing the word makes it valid. The next process empties the ledger
//! that the word names (again).

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    sync::atomic::{Ordering, fence},
};

use super::{
    names::DEPARTED,
    pages::{Pages, SECOND},
};
use crate::{
    bpf::ledger::{Account, Ledger, Place},
    failpoint::{FailPoint, fail_point},
    sys::bpf_pin::Shape,
};

/// Bit position of the number of a place, from 1; 0 is none.
const PLACE: u32 = 1;

/// Accounts by direction of a hook.
pub(crate) type HookAccounts = [Account; 2];

/// Storage of the sums.
#[derive(Debug)]
pub(crate) struct RetiredCounters {
    page: Pages<[HookAccounts; 2]>,
}

/// Returns the shape of its map.
pub(crate) fn shape() -> Shape {
    Pages::<[HookAccounts; 2]>::shape(1)
}

/// Creates the map.
pub(crate) fn create() -> io::Result<OwnedFd> {
    Pages::<[HookAccounts; 2]>::create(DEPARTED, 1)
}

impl RetiredCounters {
    pub(crate) fn open(map: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self {
            page: Pages::open(map, 1)?,
        })
    }

    /// Returns the present sums.
    pub(crate) fn read(&self) -> HookAccounts {
        let word = self.page.word(0).load(Ordering::SeqCst);
        // SAFETY: within the mapping; any octets are sums.
        unsafe { self.page.by(0, word).read_volatile() }
    }

    /// Makes these sums valid, which contain the ledger of a place, and empties that ledger.
    pub(crate) fn close(&self, sums: &HookAccounts, place: Place, ledger: &Ledger) {
        let counts = self.page.word(0);
        let word = (counts.load(Ordering::SeqCst) ^ SECOND) & SECOND;
        // SAFETY: within the mapping; the sums that do not count are the capture thread's.
        unsafe { self.page.by(0, word).write_volatile(*sums) };
        fail_point(FailPoint::Summed);
        // The process can only be killed between two of its own instructions, so a compiler fence is enough.
        fence(Ordering::SeqCst);
        let number = u64::from(place.number()) + 1;
        counts.store(word | number << PLACE, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        fail_point(FailPoint::Departing);
        self.finish(ledger);
    }

    /// Empties the ledger that the sums already contain. Call it before anything is read from an existing ledger.
    pub(crate) fn finish(&self, ledger: &Ledger) {
        let counts = self.page.word(0);
        let word = counts.load(Ordering::SeqCst);
        if let Some(place) = Place::from_number((word >> PLACE).wrapping_sub(1)) {
            ledger.forget(place);
            fence(Ordering::SeqCst);
            fail_point(FailPoint::Emptied);
        }
        counts.store(word & SECOND, Ordering::SeqCst);
    }
}

const _: () = assert!(Pages::<[HookAccounts; 2]>::SIZE == 64 + 4 * size_of::<Account>());
