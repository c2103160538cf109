//! Progress of a batch: records that a receiver has are not sent again with the rest.

use std::{borrow::Cow, ops::Range};

use mermin_core::Flow;
use mermin_program::{Delivered, key};

/// State of the records of a batch that is exported until all are finished.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Finished records of a batch that will be exported again.
    done: Delivered,
    lost: Lost,
}

/// Records that the receiver rejected for good.
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
    /// Returns the rest of a batch. A batch without a record in common with the previous one is new; the previous one
    /// was given up.
    pub(super) fn left<'f>(&mut self, flows: &'f [Flow]) -> Cow<'f, [Flow]> {
        let left = self.done.left(flows);
        if self.done.is_empty() {
            self.lost = Lost::default();
        }
        left
    }

    /// Adds lost records.
    pub(super) fn add(&mut self, lost: Lost) {
        self.lost.refused += lost.refused;
        self.lost.unsendable += lost.unsendable;
    }

    /// Marks these ranges as finished, and the others as unfinished.
    pub(super) fn interrupted(&mut self, flows: &[Flow], through: &[Range<usize>]) {
        let through = through.iter().cloned();
        let records = through.filter_map(|range| flows.get(range)).flatten();
        self.done.extend(records.map(key));
    }

    /// Marks all records as finished, while another receiver does not have them yet.
    pub(super) fn through(&mut self, flows: &[Flow]) {
        self.done.extend(flows.iter().map(key));
    }

    /// Finishes the batch; returns its lost records.
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
        // With more records after them.
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
