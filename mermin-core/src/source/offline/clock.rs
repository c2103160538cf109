//! The capture's clock: a monotonic time for timeouts, made of packet timestamps.

/// Initial value, ns. It is not 0, which means "no time" elsewhere, and it is large enough to subtract the lag of late
/// packets.
const BEGIN: u64 = 60_000_000_000;
/// Maximum lag of packets that were captured concurrently, on several CPUs or interfaces, ns. At a larger step back,
/// the clock was set back or files were concatenated, and the time continues from there.
const LATE: u64 = 10_000_000_000;

/// About two years in ns. A damaged file needs 256 such leaps to reach the limit of 64 bits, where the clock saturates.
const LONGEST_LEAP: u64 = 1 << 56;

/// A clock that packets advance. It never goes back, and a step forward is at most [`LATE`] more than the longest
/// timeout: a longer gap ends the same flows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The latest time so far.
    now: u64,
    /// A packet's time, and the time of this clock.
    reference: Option<(u64, u64)>,
    longest_leap: u64,
}

impl Clock {
    /// A clock for timeouts of at most `longest` ns.
    pub(super) fn new(longest: u64) -> Self {
        Self {
            now: BEGIN,
            reference: None,
            // More than the longest timeout, so that it has passed.
            longest_leap: longest.saturating_add(LATE).min(LONGEST_LEAP),
        }
    }

    /// The time after all packets so far, ns.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Returns a packet's time (ns since 1970) on this clock, and advances the clock to it.
    pub(super) fn advance(&mut self, time: i64) -> u64 {
        // Keeps the order and the distances.
        let time = time.cast_unsigned() ^ 1 << 63;
        let (then, told) = *self.reference.get_or_insert((time, BEGIN));
        let moment = if time >= then {
            told.saturating_add(time - then)
        } else {
            told.saturating_sub(then - time)
        };
        let moment = if moment < self.now.saturating_sub(LATE) {
            self.now
        } else if moment > self.now.saturating_add(self.longest_leap) {
            self.now.saturating_add(self.longest_leap)
        } else {
            self.now = self.now.max(moment);
            return moment;
        };
        self.reference = Some((time, moment));
        self.now = moment;
        moment
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const TICK: i64 = 1_000_000_000;
    const YEAR: i64 = 365 * 86_400 * TICK;

    #[test]
    fn clock_follows_the_capture() {
        let mut clock = Clock::new(60 * SECOND);
        let first = clock.advance(50 * YEAR);
        assert_eq!(clock.advance(50 * YEAR + 7), first + 7);
        assert_eq!(clock.now(), first + 7);
    }

    #[test]
    fn late_packet_keeps_its_own_time() {
        let mut clock = Clock::new(60 * SECOND);
        let first = clock.advance(50 * YEAR);
        assert_eq!(clock.advance(50 * YEAR - TICK), first - SECOND);
        assert_eq!(clock.now(), first);
        assert_eq!(clock.advance(50 * YEAR + TICK), first + SECOND);
    }

    #[test]
    fn clock_set_back_continues_forward() {
        let mut clock = Clock::new(60 * SECOND);
        clock.advance(50 * YEAR);
        let before = clock.advance(50 * YEAR + TICK);
        assert_eq!(clock.advance(49 * YEAR), before);
        assert_eq!(clock.advance(49 * YEAR + 3), before + 3);
    }

    #[test]
    fn gap_is_limited_to_little_more_than_the_longest_timeout() {
        let mut clock = Clock::new(60 * SECOND);
        let first = clock.advance(0);
        assert_eq!(clock.advance(70 * TICK), first + 70 * SECOND);
        let second = clock.advance(i64::MAX / 2);
        assert_eq!(second, first + 140 * SECOND);
        assert_eq!(clock.advance(i64::MAX / 2 + 5), second + 5);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn clock_is_monotonic_and_limits_late_packets(
            times in prop::collection::vec(prop_oneof![any::<i64>(), -100 * TICK..100 * TICK], 1..50),
            longest in any::<u64>(),
        ) {
            let mut clock = Clock::new(longest);
            let mut before = clock.now();
            for time in times {
                let moment = clock.advance(time);
                prop_assert!(clock.now() >= before);
                prop_assert!(moment <= clock.now() && moment.saturating_add(LATE) >= clock.now());
                before = clock.now();
            }
        }
    }
}
