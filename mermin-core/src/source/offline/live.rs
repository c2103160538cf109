//! Tells if a capture is read while it is made: then time passes for its flows also while no packet comes.
//!
//! **The rule**: a capture is live as long as what was last read of it began with a packet captured at most
//! [`MOST_LAG`] before it was read (and at most [`AHEAD`] after). While a live capture is silent, its time is that of
//! the host, less the greatest lag so far and [`MARGIN`]. So a packet that is still on its way comes in time.

/// A packet that takes longer to come through is of an old file, ns. Programs that write captures collect some kilobytes.
pub(super) const MOST_LAG: i64 = 60_000_000_000;
/// Clocks differ, ns.
const AHEAD: i64 = 1_000_000_000;
/// The kernel hands packets to who captures them once in a second, ns.
const MARGIN: i64 = 1_000_000_000;

/// How far what is read is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Live {
    /// The greatest so far; none while it is not live.
    lag: Option<i64>,
}

impl Live {
    /// Of what was read at `now` the first packet was captured at `time`; both in ns since 1970.
    pub(super) fn read(&mut self, time: i64, now: i64) {
        let lag = now.saturating_sub(time).max(0);
        let is_live = lag <= MOST_LAG && time <= now.saturating_add(AHEAD);
        self.lag = is_live.then(|| lag.max(self.lag.unwrap_or(0)));
    }

    /// The time up to which no packet is to come any more, if nothing is there to be read at `now`.
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
