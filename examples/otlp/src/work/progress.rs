//! How far a batch got: what a receiver has is not sent again with the rest.

use std::{borrow::Cow, ops::Range};

use mermin_core::Flow;
use mermin_program::{Delivered, key};

/// Fate of the records of a batch that is given until all are through.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Records that are through, of a batch that is to be given again.
    done: Delivered,
    lost: Lost,
}

/// Records that no receiver takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) refused: usize,
    pub(super) unsendable: usize,
}

impl Lost {
    pub(super) const fn in_all(self) -> usize {
        self.refused + self.unsendable
    }
}

impl Progress {
    /// The rest of a batch. One that has nothing of the batch before is another: that one was given up.
    pub(super) fn left<'f>(&mut self, flows: &'f [Flow]) -> Cow<'f, [Flow]> {
        let left = self.done.left(flows);
        if self.done.is_empty() {
            self.lost = Lost::default();
        }
        left
    }

    /// So many were lost.
    pub(super) fn add(&mut self, lost: Lost) {
        self.lost.refused += lost.refused;
        self.lost.unsendable += lost.unsendable;
    }

    /// These ranges are through, and the others are not.
    pub(super) fn interrupted(&mut self, flows: &[Flow], through: &[Range<usize>]) {
        let through = through.iter().cloned();
        let records = through.filter_map(|range| flows.get(range)).flatten();
        self.done.extend(records.map(key));
    }

    /// All are through, and another receiver has yet to take them.
    pub(super) fn through(&mut self, flows: &[Flow]) {
        self.done.extend(flows.iter().map(key));
    }

    /// All are through; what was lost on the way.
    pub(super) fn finish(&mut self) -> Lost {
        std::mem::take(self).lost
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::sink::testing::flows;

    use super::*;

    #[test]
    fn acknowledged_records_are_not_sent_again() {
        let mut progress = Progress::default();
        let all = flows(10);
        assert_eq!(progress.left(&all[..8]).len(), 8);
        progress.lost.refused = 1;
        progress.interrupted(&all[..8], &[0..2, 5..8]);
        // With others behind them.
        let left = progress.left(&all);
        assert_eq!(left[..], [&all[2..5], &all[8..]].concat());
        assert_eq!(progress.lost.refused, 1);
        progress.interrupted(&left, std::slice::from_ref(&(0..1)));
        assert_eq!(progress.left(&all).len(), 4);
        assert_eq!(progress.finish().in_all(), 1);
        assert_eq!(progress.left(&all).len(), 10);
    }

    #[test]
    fn acknowledged_signal_is_not_sent_again_while_another_waits() {
        let mut progress = Progress::default();
        let all = flows(10);
        progress.add(Lost {
            refused: 2,
            unsendable: 0,
        });
        progress.through(&all[..8]);
        assert_eq!(progress.left(&all[..8]).len(), 0);
        assert_eq!(progress.left(&all)[..], all[8..]);
        assert_eq!(progress.finish().in_all(), 2);
    }

    #[test]
    fn abandoned_batch_leaves_no_state() {
        let mut progress = Progress::default();
        let all = flows(10);
        progress.lost.unsendable = 1;
        progress.interrupted(&all, std::slice::from_ref(&(0..5)));
        assert_eq!(progress.left(&all[5..]).len(), 5);
        assert_eq!(progress.finish(), Lost::default());
    }
}
