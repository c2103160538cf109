//! Kernel ticks told as time.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use mermin_bpf::abi::globals::{Clock, Globals};
use rustix::time::{ClockId, clock_getres, clock_gettime};

use crate::sys::{bpf, mapping::Mapping};

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn monotonic() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// Nanoseconds since 1970 of `CLOCK_REALTIME`.
fn realtime() -> u64 {
    nanoseconds(clock_gettime(ClockId::Realtime))
}

fn nanoseconds(time: rustix::time::Timespec) -> u64 {
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// How far the wall clock is ahead of the monotonic one.
///
/// The two run alike until somebody sets the wall clock, so what a thread that was interrupted between two readings finds
/// is no change: dates of one flow stay the same from record to record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wall {
    ahead: i64,
}

/// Changes below this (1 ms) are the reading's, ns.
const LEAST_STEP: u64 = 1_000_000;

impl Wall {
    /// Looks at both clocks.
    pub(crate) fn read() -> Self {
        let before = monotonic();
        let wall = realtime();
        let middle = before.midpoint(monotonic());
        Self {
            ahead: wall.wrapping_sub(middle).cast_signed(),
        }
    }

    /// Takes a later reading if the clock was set meanwhile.
    pub(crate) fn follow(&mut self, later: Self) {
        if self.ahead.abs_diff(later.ahead) >= LEAST_STEP {
            *self = later;
        }
    }

    /// The wall clock at a time of the monotonic one, ns.
    pub(crate) fn at(self, monotonic: u64) -> u64 {
        monotonic.saturating_add_signed(self.ahead)
    }
}

/// A moment known on both clocks, and the length of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticks {
    reference: Clock,
    nanoseconds: u64,
}

impl Ticks {
    /// As if both clocks were read, and a tick took so long (ns).
    #[cfg(test)]
    pub(crate) fn new(reference: Clock, nanoseconds: u64) -> Self {
        Self {
            reference,
            nanoseconds,
        }
    }

    /// `CLOCK_MONOTONIC` at a tick, ns. Ticks are counted from that clock, so any reference gives the same answer.
    pub(crate) fn monotonic(&self, ticks: u64) -> u64 {
        let ahead = ticks.wrapping_sub(self.reference.ticks).cast_signed();
        let tick = self.nanoseconds.cast_signed();
        self.reference
            .monotonic
            .saturating_add_signed(ahead.saturating_mul(tick))
    }
}

/// The program that reads both clocks at once.
#[derive(Debug)]
pub(crate) struct Reader {
    program: OwnedFd,
}

/// The kernel refuses a test run of less than an Ethernet header.
const SHORTEST_PACKET: [u8; 14] = [0; 14];

impl Reader {
    pub(crate) fn new(program: OwnedFd) -> Self {
        Self { program }
    }

    /// Looks at both clocks: one system call.
    pub(crate) fn read(&self, globals: &Mapping<Globals>) -> io::Result<Ticks> {
        bpf::test_run(self.program.as_fd(), &SHORTEST_PACKET, &[], 1)?;
        Ok(Ticks {
            reference: globals.read(0).clock,
            // The coarse clock's resolution is the kernel's tick by definition.
            nanoseconds: nanoseconds(clock_getres(ClockId::MonotonicCoarse)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_before_and_after_the_reference() {
        let reference = Clock {
            ticks: 1000,
            monotonic: 50_000_000_000,
        };
        let ticks = Ticks::new(reference, 4_000_000);
        assert_eq!(ticks.monotonic(1000), 50_000_000_000);
        assert_eq!(ticks.monotonic(1002), 50_008_000_000);
        assert_eq!(ticks.monotonic(999), 49_996_000_000);
        assert_eq!(ticks.monotonic(0), 46_000_000_000);
    }

    #[test]
    fn the_wall_clock_is_followed_when_it_is_set() {
        let mut wall = Wall {
            ahead: 1_763_856_000_000_000_000,
        };
        let first = wall;
        wall.follow(Wall {
            ahead: first.ahead + 999_999,
        });
        assert_eq!(wall, first);
        assert_eq!(wall.at(5), 1_763_856_000_000_000_005);
        // Daylight saving done wrong.
        wall.follow(Wall {
            ahead: first.ahead - 3_600_000_000_000,
        });
        assert_eq!(wall.at(5), 1_763_852_400_000_000_005);
    }

    #[test]
    fn both_clocks_are_read_at_once() {
        let wall = Wall::read();
        let (now, date) = (monotonic(), realtime());
        assert!(wall.at(now).abs_diff(date) < 1_000_000_000);
    }
}
