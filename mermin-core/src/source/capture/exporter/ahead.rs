//! The number of flows that may be closed ahead of the queue's room.
//!
//! A grace period takes longer than making as many records as the queue holds. So, for a fast consumer, several times as many
//! flows as the queue holds share one grace period. For a slow consumer, flows stay open instead, because the kernel program
//! goes on counting into them.

use crate::source::queue;

/// Shortest time over which the consumer's pace counts, ns. A period ends at the first sweep after it.
const PERIOD: u64 = 100_000_000;

/// Maximum number of flows ahead.
const MOST: usize = 15 * queue::CAPACITY;

/// The consumer's pace: the number of records that it took in the current period, or in the one before if that is more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ahead {
    flows: usize,
    /// Number of records that were taken before this period.
    taken: u64,
    /// End of this period, monotonic ns.
    until: u64,
}

impl Ahead {
    /// Notes that the consumer has taken `taken` records in all, at `now` (monotonic ns). Returns the number of flows that may be
    /// closed beyond the queue's room.
    pub(super) fn at(&mut self, taken: u64, now: u64) -> usize {
        let pace = usize::try_from(taken.saturating_sub(self.taken)).unwrap_or(MOST);
        if now < self.until {
            self.flows = self.flows.max(pace).min(MOST);
        } else {
            self.flows = pace.min(MOST);
            self.taken = taken;
            self.until = now.saturating_add(PERIOD);
        }
        self.flows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flow_is_closed_ahead_of_a_consumer_that_stands_still() {
        let mut ahead = Ahead::default();
        assert_eq!(ahead.at(0, 5 * PERIOD), 0);
        assert_eq!(ahead.at(4096, 5 * PERIOD + 1), 4096);
        assert_eq!(ahead.at(9000, 5 * PERIOD + 2), 9000);
        assert_eq!(ahead.at(9000, 6 * PERIOD), 9000);
        assert_eq!(ahead.at(9000, 7 * PERIOD), 0);
        assert_eq!(ahead.at(9000, 8 * PERIOD), 0);
    }

    #[test]
    fn flows_ahead_are_limited() {
        let mut ahead = Ahead::default();
        assert_eq!(ahead.at(1_000_000, PERIOD), MOST);
        assert_eq!(ahead.at(u64::MAX, PERIOD + 1), MOST);
    }
}
