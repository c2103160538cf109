//! What interfaces counted that left, where the next process finds it: a ledger goes into these sums and is emptied in one step,
//! whenever the process is killed.
//!
//! There are two sets of sums and a word that says which one counts, and whose ledger is in it that may not be empty yet. The
//! other set is written first and made to count by storing the word. A successor that finds a ledger named empties it (again).

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicU64, Ordering, fence},
};

use super::names::DEPARTED;
use crate::{
    bpf::ledger::{Account, Ledger, Place},
    points::{Point, pass},
    sys::{
        bpf_pin::{self, Shape},
        mapping::Mapping,
    },
};

/// Which sums count.
const SECOND: u64 = 1;
/// Where the number of a place stands, from 1; 0 is none.
const PLACE: u32 = 1;

/// By direction of a hook.
pub(crate) type Sums = [Account; 2];

/// The map's one element.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Page {
    word: u64,
    sums: [Sums; 2],
}

/// Where the sums are kept.
#[derive(Debug)]
pub(crate) struct Departed {
    page: Mapping<Page>,
}

/// The shape of its map.
pub(crate) fn shape() -> Shape {
    bpf_pin::array_shape(size_of::<Page>(), 1)
}

/// Creates the map.
pub(crate) fn create() -> io::Result<OwnedFd> {
    bpf_pin::create_array_of::<Page>(DEPARTED, 1)
}

impl Departed {
    pub(crate) fn open(map: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self {
            page: Mapping::new(map.as_fd(), 1)?,
        })
    }

    fn word(&self) -> &AtomicU64 {
        let page = self.page.at(0);
        // SAFETY: eight aligned octets of the mapping, which lives as long as `self`, and only accessed so.
        unsafe { AtomicU64::from_ptr(&raw mut (*page).word) }
    }

    fn sums(&self, word: u64) -> *mut Sums {
        let page = self.page.at(0);
        // SAFETY: within the mapping, as the number is below two.
        unsafe { &raw mut (*page).sums[usize::from(word & SECOND != 0)] }
    }

    /// The sums so far.
    pub(crate) fn read(&self) -> Sums {
        let word = self.word().load(Ordering::SeqCst);
        // SAFETY: within the mapping; any octets are sums.
        unsafe { self.sums(word).read_volatile() }
    }

    /// Has these sums count, in which the ledger of a place is, and empties that.
    pub(crate) fn close(&self, sums: &Sums, place: Place, ledger: &Ledger) {
        let word = (self.word().load(Ordering::SeqCst) ^ SECOND) & SECOND;
        // SAFETY: within the mapping; the sums that do not count are the capture thread's.
        unsafe { self.sums(word).write_volatile(*sums) };
        pass(Point::Summed);
        // The process is killed between two of its own instructions: what has to be kept in order is the compiler.
        fence(Ordering::SeqCst);
        let number = u64::from(place.number()) + 1;
        self.word().store(word | number << PLACE, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        pass(Point::Departing);
        self.finish(ledger);
    }

    /// Empties the ledger that is in the sums already. To be called before anything is read of a ledger that was found.
    pub(crate) fn finish(&self, ledger: &Ledger) {
        let word = self.word().load(Ordering::SeqCst);
        if let Some(place) = Place::from_number((word >> PLACE).wrapping_sub(1)) {
            ledger.forget(place);
            fence(Ordering::SeqCst);
            pass(Point::Emptied);
        }
        self.word().store(word & SECOND, Ordering::SeqCst);
    }
}

const _: () = assert!(size_of::<Page>() == 64 + 4 * size_of::<Account>());
