//! Detects captures that are read while they are written. For these, time passes also while no packet arrives.
//!
//! **The rule**: a capture is live if the last read began with a packet captured at most [`MOST_LAG`] before the read
//! (and at most [`AHEAD`] after it). While a live capture is silent, its time is the host's time minus the greatest lag
//! so far and [`MARGIN`]. So packets that are still in flight arrive in time.

/// A packet with a longer lag belongs to an old file, ns. Capture programs buffer some kilobytes.
pub(super) const MOST_LAG: i64 = 60_000_000_000;
/// Difference between clocks, ns.
const AHEAD: i64 = 1_000_000_000;
/// The kernel delivers captured packets at least once a second, ns.
const MARGIN: i64 = 1_000_000_000;

/// Lag of the packets that are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Live {
    /// The greatest lag; none while the capture is not live.
    lag: Option<i64>,
}

impl Live {
    /// Notes a read at `now` whose first packet was captured at `time`; both in ns since 1970.
    pub(super) fn read(&mut self, time: i64, now: i64) {
        let lag = now.saturating_sub(time).max(0);
        let is_live = lag <= MOST_LAG && time <= now.saturating_add(AHEAD);
        self.lag = is_live.then(|| lag.max(self.lag.unwrap_or(0)));
    }

    /// The time up to which no more packets are expected, if nothing is readable at `now`.
    pub(super) fn silent_until(&self, now: i64) -> Option<i64> {
        now.checked_sub(self.lag?.saturating_add(MARGIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const NOW: i64 = 1_700_000_000 * SECOND;

    #[test]
    fn old_file_is_not_live() {
        let mut live = Live::default();
        assert_eq!(live.silent_until(NOW), None, "before any packet");
        live.read(NOW - 86_400 * SECOND, NOW);
        assert_eq!(live.silent_until(NOW), None);
        live.read(NOW - MOST_LAG - 1, NOW);
        assert_eq!(live.silent_until(NOW), None);
        live.read(NOW + AHEAD + 1, NOW);
        assert_eq!(live.silent_until(NOW), None, "of a clock that is ahead");
    }

    #[test]
    fn live_clock_is_host_time_minus_greatest_lag() {
        let mut live = Live::default();
        live.read(NOW - 3 * SECOND, NOW);
        live.read(NOW, NOW);
        assert_eq!(live.silent_until(NOW + 10 * SECOND), Some(NOW + 6 * SECOND));
        live.read(NOW + AHEAD, NOW);
        assert_eq!(live.silent_until(NOW), Some(NOW - 4 * SECOND));
    }

    #[test]
    fn capture_becomes_live_and_stops_being_live() {
        let mut live = Live::default();
        live.read(NOW - 86_400 * SECOND, NOW);
        live.read(NOW - MOST_LAG, NOW);
        assert_eq!(live.silent_until(NOW), Some(NOW - MOST_LAG - MARGIN));
        live.read(0, NOW);
        assert_eq!(live.silent_until(NOW), None);
        live.read(NOW, NOW);
        assert_eq!(live.silent_until(NOW), Some(NOW - MARGIN), "anew");
    }
}
