//! The room of one sweep: how many records may be made, and how many flows may be closed.

use crate::source::queue;

/// Room of one sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source::capture) struct Room {
    /// Records that may still be made now.
    pub(in crate::source::capture) records: usize,
    /// Flows that may still be handed to the closer. Flows that the filter rejects do not count.
    pub(in crate::source::capture) endings: usize,
}

impl Room {
    /// Returns the room in a table of `slots` slots. The queue has room for `records` records. `ahead` more flows may be closed.
    /// `promised` flows are being closed already, and each may have a record.
    pub(super) fn of(slots: u32, records: usize, ahead: usize, promised: usize) -> Self {
        // Flows that are closed ahead wait in their slots, so a small table must keep most of its slots for open flows.
        let ahead = ahead.min(slots as usize / 4);
        Self {
            records,
            endings: (records + ahead).saturating_sub(promised),
        }
    }

    /// Returns true if a sweep could close as many flows as the queue holds. With less room, a sweep would
    /// read all flows that are due, and could close only a few of them.
    pub(in crate::source::capture) fn is_worth_a_sweep(&self) -> bool {
        self.endings >= queue::CAPACITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOTS: u32 = 1 << 20;
    const FULL: usize = 0;

    #[test]
    fn flows_are_closed_while_a_consumer_empties_a_full_queue() {
        let room = Room::of(SLOTS, FULL, 20_000, 12_000);
        assert_eq!((room.records, room.endings), (0, 8_000));
        assert!(room.is_worth_a_sweep());
        assert!(!Room::of(SLOTS, FULL, 20_000, 16_000).is_worth_a_sweep());
    }

    #[test]
    fn full_queue_of_a_consumer_that_stands_still_closes_no_flow() {
        assert_eq!(Room::of(SLOTS, FULL, 0, 0).endings, 0);
        assert_eq!(Room::of(SLOTS, FULL, 0, 300).endings, 0);
        assert_eq!(Room::of(SLOTS, 500, 0, 300).endings, 200);
    }

    #[test]
    fn a_quarter_of_the_table_is_closed_ahead_at_most() {
        assert_eq!(Room::of(64, 10, 50_000, 0).endings, 10 + 16);
    }
}
