//! Interfaces of flows, kept for the next process. An index can be reused by another interface while no process runs,
//! and then the table has flows of both.
//!
//! A flow belongs to the interface that had its index when the flow began.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    sync::atomic::{Ordering, fence},
};

use super::{names::INTERFACES, pages::Pages};
use crate::{
    bpf::size::HOOK_PLACES,
    failpoint::{FailPoint, fail_point},
    sys::bpf_pin::Shape,
};

/// Places for watched interfaces, and as many for removed ones.
const PLACES: u32 = 2 * HOOK_PLACES;
/// Octets of a name in the kernel (`IFNAMSIZ`).
const NAME: usize = 16;

/// Entry behind the word of a place. The word is the interface's index; 0 is an empty place.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry {
    /// See [`NamedInterface::since`].
    since: u64,
    name: [u8; NAME],
}

/// An interface that had an index from some time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedInterface {
    pub(crate) index: u32,
    /// Flows that began at this time or later belong to it, until another interface has the index (monotonic ns).
    pub(crate) since: u64,
    pub(crate) name: String,
}

/// All interfaces that flows in the table may belong to.
#[derive(Debug)]
pub(crate) struct Interfaces {
    pages: Pages<Entry>,
}

/// Returns the shape of its map.
pub(crate) fn shape() -> Shape {
    Pages::<Entry>::shape(PLACES)
}

/// Creates the map.
pub(crate) fn create() -> io::Result<OwnedFd> {
    Pages::<Entry>::create(INTERFACES, PLACES)
}

impl Interfaces {
    pub(crate) fn open(map: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self {
            pages: Pages::open(map, PLACES)?,
        })
    }

    /// Returns all entries.
    pub(crate) fn all(&self) -> impl Iterator<Item = NamedInterface> {
        (0..PLACES).filter_map(|place| {
            let (index, Entry { since, name }) = self.read(place)?;
            let length = name.iter().position(|octet| *octet == 0).unwrap_or(NAME);
            Some(NamedInterface {
                index,
                since,
                name: String::from_utf8_lossy(&name[..length]).into_owned(),
            })
        })
    }

    /// Stores the name of the interface that has an index since this time, and replaces an earlier name. Returns
    /// false if there is no free place.
    pub(crate) fn put(&self, index: u32, since: u64, name: &str) -> bool {
        let is_it = |place| matches!(self.read(place), Some((known, at)) if (known, at.since) == (index, since));
        let before = (0..PLACES).find(|place| is_it(*place));
        let Some(place) = (0..PLACES).find(|place| self.read(*place).is_none()) else {
            return false;
        };
        let mut octets = [0; NAME];
        for (octet, of) in octets.iter_mut().zip(name.bytes()) {
            *octet = of;
        }
        let entry = Entry {
            since,
            name: octets,
        };
        // SAFETY: within the mapping; an empty place is the capture thread's.
        unsafe { self.pages.body(place).write_volatile(entry) };
        // The process can only be killed between two of its own instructions, so a compiler fence is enough.
        fence(Ordering::SeqCst);
        self.set(place, index);
        fail_point(FailPoint::Named);
        if let Some(before) = before {
            self.set(before, 0);
        }
        true
    }

    /// Removes the entries for which `keep` (index, time) returns false.
    pub(crate) fn retain(&self, keep: impl Fn(u32, u64) -> bool) {
        for place in 0..PLACES {
            if let Some((index, entry)) = self.read(place)
                && !keep(index, entry.since)
            {
                self.set(place, 0);
            }
        }
    }

    fn read(&self, place: u32) -> Option<(u32, Entry)> {
        let index = self.pages.word(place).load(Ordering::SeqCst);
        let index = u32::try_from(index).ok().filter(|index| *index != 0)?;
        // SAFETY: within the mapping; any octets are an entry.
        Some((index, unsafe { self.pages.body(place).read_volatile() }))
    }

    fn set(&self, place: u32, index: u32) {
        self.pages.word(place).store(index.into(), Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }
}

const _: () = assert!(Pages::<Entry>::SIZE == 32);

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    fn known(interfaces: &Interfaces) -> Vec<(u32, u64, String)> {
        let all = interfaces.all();
        let mut all: Vec<_> = all.map(|at| (at.index, at.since, at.name)).collect();
        all.sort();
        all
    }

    #[test]
    fn interfaces_of_one_index_are_told_apart_and_forgotten_one_by_one() {
        let map = match create() {
            Ok(map) => map,
            Err(error) => {
                assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
                return eprintln!("skipped: {error}");
            }
        };
        let interfaces = Interfaces::open(map.as_fd()).unwrap();
        let longest = "a-name-of-fifte";
        assert!(interfaces.put(7, 10, "eth0"));
        assert!(interfaces.put(7, 20, "veth0"));
        assert!(interfaces.put(8, 20, longest));
        // A new name of the same interface.
        assert!(interfaces.put(7, 20, "eth0"));
        let eth0 = || "eth0".to_owned();
        let all = [
            (7, 10, eth0()),
            (7, 20, eth0()),
            (8, 20, longest.to_owned()),
        ];
        assert_eq!(known(&interfaces), all);
        interfaces.retain(|index, since| (index, since) == (7, 20));
        assert_eq!(known(&interfaces), [(7, 20, eth0())]);
        for index in 1..PLACES {
            assert!(interfaces.put(index, 1, "x"));
        }
        assert!(!interfaces.put(1, 2, "x"));
    }
}
