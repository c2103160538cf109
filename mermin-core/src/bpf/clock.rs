//! Converts kernel ticks to time.
//!
//! A program that user space runs reads the tick and `CLOCK_MONOTONIC` together. With `exact_end` the same word of a
//! slot holds nanoseconds, so pins with the other setting are not taken over.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use mermin_bpf::abi::globals::{Clock, Globals};
use rustix::time::{ClockId, clock_getres, clock_gettime};

use crate::sys::{bpf, mapping::Mapping};

/// Returns nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn monotonic() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// Returns nanoseconds since 1970 of `CLOCK_REALTIME`.
fn realtime() -> u64 {
    nanoseconds(clock_gettime(ClockId::Realtime))
}

fn nanoseconds(time: rustix::time::Timespec) -> u64 {
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// The difference between the wall clock and the monotonic clock.
///
/// It changes only when somebody sets the wall clock. A small difference comes from the delay between two readings
/// and is ignored, so the dates of a flow are the same in all its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wall {
    ahead: i64,
}

/// Smallest difference that is a change: 1 ms, in ns.
const LEAST_STEP: u64 = 1_000_000;

impl Wall {
    /// Reads both clocks several times, and keeps the reading that took the least time, because it is the most exact.
    pub(crate) fn read() -> Self {
        let looks = [(); 4].map(|()| {
            let before = monotonic();
            let wall = realtime();
            let after = monotonic();
            let ahead = wall.wrapping_sub(before.midpoint(after)).cast_signed();
            (after.saturating_sub(before), ahead)
        });
        let closest = looks.into_iter().min();
        Self {
            ahead: closest.map_or(0, |(_, ahead)| ahead),
        }
    }

    /// Adopts a later reading, if the clock was set in between.
    pub(crate) fn follow(&mut self, later: Self) {
        if self.ahead.abs_diff(later.ahead) >= LEAST_STEP {
            *self = later;
        }
    }

    /// Returns the wall clock at a time of the monotonic clock, ns since 1970.
    pub(crate) fn at(self, monotonic: u64) -> i64 {
        self.ahead.saturating_add_unsigned(monotonic)
    }
}

/// One moment on both clocks, and the length of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticks {
    reference: Clock,
    nanoseconds: u64,
}

impl Ticks {
    /// For packets whose times are `CLOCK_MONOTONIC` themselves.
    const NANOSECONDS: Self = Self {
        reference: Clock {
            ticks: 0,
            monotonic: 0,
            now: 0,
        },
        nanoseconds: 1,
    };

    /// Creates a reading of both clocks with this length of a tick (ns).
    #[cfg(test)]
    pub(crate) fn new(reference: Clock, nanoseconds: u64) -> Self {
        Self {
            reference,
            nanoseconds,
        }
    }

    /// Returns the length of a tick, ns.
    pub(crate) fn length(&self) -> u64 {
        self.nanoseconds
    }

    /// Returns `CLOCK_MONOTONIC` at a tick, ns. Ticks follow that clock, so every reference gives the same result.
    pub(crate) fn monotonic(&self, ticks: u64) -> u64 {
        let ahead = ticks.wrapping_sub(self.reference.ticks).cast_signed();
        let tick = self.nanoseconds.cast_signed();
        self.reference
            .monotonic
            .saturating_add_signed(ahead.saturating_mul(tick))
    }
}

/// Offset of this process's `CLOCK_MONOTONIC` from the kernel program's, ns. It differs from zero in a time namespace
/// (Linux 5.6), for example in containers of some runtimes and in restored checkpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeNs {
    ahead: i64,
}

impl TimeNs {
    /// Computes the offset from a time of the kernel's, and those of this process directly before and after it.
    fn between(before: u64, kernel: u64, after: u64) -> Self {
        if (before..=after).contains(&kernel) {
            return Self::default();
        }
        Self {
            ahead: before.midpoint(after).wrapping_sub(kernel).cast_signed(),
        }
    }

    /// Converts a time of this process's clock into the kernel program's.
    pub(crate) fn kernel(self, monotonic: u64) -> u64 {
        monotonic.saturating_add_signed(self.ahead.wrapping_neg())
    }
}

/// The program that reads both clocks at once.
#[derive(Debug)]
pub(crate) struct Reader {
    program: OwnedFd,
    exact_end: bool,
}

/// The kernel refuses a test run with less than an Ethernet header.
const SHORTEST_PACKET: [u8; 14] = [0; 14];

impl Reader {
    /// Creates a reader from this program. With `exact_end`, packets' times are nanoseconds and not ticks.
    pub(crate) fn new(program: OwnedFd, exact_end: bool) -> Self {
        Self { program, exact_end }
    }

    /// Returns the program.
    pub(crate) fn program(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }

    /// Measures the offset of this process's clock from the kernel program's.
    pub(crate) fn time_ns(&self, globals: &Mapping<Globals>) -> io::Result<TimeNs> {
        let mut closest = (u64::MAX, TimeNs::default());
        // The reading that takes the least time is the most exact.
        for _ in 0..4 {
            let before = monotonic();
            // The coarse clock lags by up to a tick, which would shift every date.
            let kernel = self.look(globals)?.now;
            let after = monotonic();
            let took = after.saturating_sub(before);
            if took < closest.0 {
                closest = (took, TimeNs::between(before, kernel, after));
            }
        }
        Ok(closest.1)
    }

    /// Reads both clocks with one system call.
    fn look(&self, globals: &Mapping<Globals>) -> io::Result<Clock> {
        bpf::test_run(self.program.as_fd(), &SHORTEST_PACKET, &[], 1)?;
        Ok(globals.read(0).clock)
    }

    /// Returns the conversion of packets' times.
    pub(crate) fn read(&self, globals: &Mapping<Globals>) -> io::Result<Ticks> {
        if self.exact_end {
            return Ok(Ticks::NANOSECONDS);
        }
        Ok(Ticks {
            reference: self.look(globals)?,
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
            now: 50_000_000_007,
        };
        let ticks = Ticks::new(reference, 4_000_000);
        assert_eq!(ticks.monotonic(1000), 50_000_000_000);
        assert_eq!(ticks.monotonic(1002), 50_008_000_000);
        assert_eq!(ticks.monotonic(999), 49_996_000_000);
        assert_eq!(ticks.monotonic(0), 46_000_000_000);
    }

    #[test]
    fn exact_time_is_exported_unrounded() {
        let ticks = Ticks::NANOSECONDS;
        for time in [0, 1, 50_000_000_001, i64::MAX.cast_unsigned()] {
            assert_eq!(ticks.monotonic(time), time);
        }
        assert_eq!(ticks.length(), 1);
    }

    #[test]
    fn only_a_time_namespace_shifts_the_monotonic_clock() {
        let own = TimeNs::between(100, 150, 200);
        assert_eq!((own, own.kernel(777)), (TimeNs::default(), 777));
        let ahead = TimeNs::between(1_100, 150, 1_200);
        assert_eq!(ahead.kernel(1_150), 150);
        let behind = TimeNs::between(100, 5_150, 200);
        assert_eq!(behind.kernel(150), 5_150);
        assert_eq!(ahead.kernel(0), 0);
    }

    #[test]
    fn wall_clock_is_followed_when_it_is_set() {
        let mut wall = Wall {
            ahead: 1_763_856_000_000_000_000,
        };
        let first = wall;
        wall.follow(Wall {
            ahead: first.ahead + 999_999,
        });
        assert_eq!(wall, first);
        assert_eq!(wall.at(5), 1_763_856_000_000_000_005);
        // The wall clock is set by an hour.
        wall.follow(Wall {
            ahead: first.ahead - 3_600_000_000_000,
        });
        assert_eq!(wall.at(5), 1_763_852_400_000_000_005);
    }

    #[test]
    fn both_clocks_are_read_at_once() {
        let wall = Wall::read();
        let (now, date) = (monotonic(), realtime());
        assert!(wall.at(now).abs_diff(date.cast_signed()) < 1_000_000_000);
    }
}
