//! Counts of interfaces that left, where the next process finds them: a ledger goes into these sums and is emptied in one
//! step, whenever the process is killed.
//!
//! There are two sets of sums and a word that says which one counts, and whose ledger is in it that may not be empty yet. The
//! other set is written first and made to count by storing the word. A successor that finds a ledger named empties it (again).

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

/// Where the number of a place stands, from 1; 0 is none.
const PLACE: u32 = 1;

/// By direction of a hook.
pub(crate) type HookAccounts = [Account; 2];

/// Where the sums are kept.
#[derive(Debug)]
pub(crate) struct RetiredCounters {
    page: Pages<[HookAccounts; 2]>,
}

/// The shape of its map.
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

    /// The sums so far.
    pub(crate) fn read(&self) -> HookAccounts {
        let word = self.page.word(0).load(Ordering::SeqCst);
        // SAFETY: within the mapping; any octets are sums.
        unsafe { self.page.by(0, word).read_volatile() }
    }

    /// Has these sums count, in which the ledger of a place is, and empties that.
    pub(crate) fn close(&self, sums: &HookAccounts, place: Place, ledger: &Ledger) {
        let counts = self.page.word(0);
        let word = (counts.load(Ordering::SeqCst) ^ SECOND) & SECOND;
        // SAFETY: within the mapping; the sums that do not count are the capture thread's.
        unsafe { self.page.by(0, word).write_volatile(*sums) };
        fail_point(FailPoint::Summed);
        // The process is killed between two of its own instructions: what has to be kept in order is the compiler.
        fence(Ordering::SeqCst);
        let number = u64::from(place.number()) + 1;
        counts.store(word | number << PLACE, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        fail_point(FailPoint::Departing);
        self.finish(ledger);
    }

    /// Empties the ledger that is in the sums already. To be called before anything is read of a ledger that was found.
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
