//! Tracks the finished records of a batch, which are not sent again with the rest.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use mermin_core::{
    Flow,
    flow::FlowId,
    sink::{DropReason, Meter},
};

/// Identity of a record: its flow's id and its sequence number.
pub type Key = (FlowId, u64);

/// Returns the identity of this record.
#[must_use]
pub const fn key(flow: &Flow) -> Key {
    (flow.id, flow.sequence)
}

/// Finished records of a batch that is exported until all records are finished: those that the receiver has, and
/// those that it rejects for good. They are counted when the whole batch is finished. If the batch is given up
/// before, the adapter that gives it up counts it.
///
/// ```
/// use mermin_core::sink::{DropReason, Meter};
///
/// # let flows = mermin_core::sink::testing::flows(3);
/// let (mut delivered, meter) = (mermin_program::Delivered::default(), Meter::default());
/// delivered.insert(&flows[1]);
/// delivered.lose(&flows[2], DropReason::Unsendable);
/// assert_eq!(delivered.rest_of(&flows), [&flows[0]]);
/// delivered.finish(&flows, &meter);
/// assert_eq!((meter.stats().delivered, meter.stats().dropped_in_all()), (2, 1));
/// ```
#[derive(Debug, Default)]
pub struct Delivered {
    through: HashSet<Key>,
    /// The finished records that the receiver rejects for good.
    lost: HashMap<Key, DropReason>,
}

impl Delivered {
    /// Returns the unfinished records of a batch. A batch without a record in common with the previous one is a new
    /// batch, because the previous one was given up: its records are forgotten.
    pub fn rest_of<'f>(&mut self, flows: &'f [Flow]) -> Vec<&'f Flow> {
        let is_left = |flow: &&Flow| !self.through.contains(&key(flow));
        let rest: Vec<_> = flows.iter().filter(is_left).collect();
        if rest.len() == flows.len() {
            self.clear();
        }
        rest
    }

    /// Returns the unfinished records as [`rest_of`](Self::rest_of) does, as a slice of flows.
    pub fn left<'f>(&mut self, flows: &'f [Flow]) -> Cow<'f, [Flow]> {
        if self.is_empty() {
            return Cow::Borrowed(flows);
        }
        let rest = self.rest_of(flows);
        if rest.len() == flows.len() {
            return Cow::Borrowed(flows);
        }
        rest.into_iter().cloned().collect()
    }

    /// Marks a record that the receiver has.
    pub fn insert(&mut self, flow: &Flow) {
        self.through.insert(key(flow));
    }

    /// Marks a record that the receiver rejects for good, with the reason.
    pub fn lose(&mut self, flow: &Flow, reason: DropReason) {
        self.insert(flow);
        self.lost.insert(key(flow), reason);
    }

    /// Counts each record of a finished batch once, and forgets them.
    pub fn finish(&mut self, flows: &[Flow], meter: &Meter) {
        let mut delivered = flows.len();
        if !self.lost.is_empty() {
            for reason in flows.iter().filter_map(|flow| self.lost.get(&key(flow))) {
                meter.dropped(*reason, 1);
                delivered -= 1;
            }
        }
        meter.accepted(flows.len());
        meter.delivered(delivered);
        self.clear();
    }

    /// Forgets the batch without counting it.
    pub fn clear(&mut self) {
        self.through.clear();
        self.lost.clear();
    }

    /// Returns true if no record of a batch is finished, or all of them are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.through.is_empty()
    }
}

impl Extend<Key> for Delivered {
    fn extend<I: IntoIterator<Item = Key>>(&mut self, keys: I) {
        self.through.extend(keys);
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::sink::testing::flows;

    use super::*;

    fn counted(meter: &Meter) -> [u64; 3] {
        let stats = meter.stats();
        [stats.accepted, stats.delivered, stats.dropped_in_all()]
    }

    #[test]
    fn delivered_records_are_not_sent_again() {
        let (mut delivered, meter) = (Delivered::default(), Meter::default());
        let all = flows(8);
        assert_eq!(delivered.rest_of(&all[..4]).len(), 4);
        delivered.insert(&all[1]);
        delivered.lose(&all[3], DropReason::Refused);
        // With more records behind them, twice.
        for _ in 0..2 {
            assert_eq!(delivered.rest_of(&all[..5]), [&all[0], &all[2], &all[4]]);
            let left = delivered.left(&all[..5]);
            assert_eq!(left[..], [&all[..1], &all[2..3], &all[4..5]].concat());
        }
        // An attempt counts nothing.
        assert_eq!(counted(&meter), [0; 3]);
        delivered.finish(&all[..5], &meter);
        assert_eq!(counted(&meter), [5, 4, 1]);
        assert_eq!(meter.stats().dropped_by(DropReason::Refused), 1);
        assert!(delivered.is_empty());
    }

    #[test]
    fn abandoned_batch_leaves_no_state() {
        let (mut delivered, meter) = (Delivered::default(), Meter::default());
        let all = flows(8);
        delivered.lose(&all[0], DropReason::Unsendable);
        assert_eq!(delivered.rest_of(&all[5..]).len(), 3);
        assert!(delivered.is_empty());
        delivered.finish(&all[5..], &meter);
        assert_eq!(counted(&meter), [3, 3, 0]);
    }
}
