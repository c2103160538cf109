//! Records of a batch that are through: they are not sent again with the rest.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use mermin_core::{
    Flow,
    flow::FlowId,
    sink::{DropReason, Meter},
};

/// The name of a record: its flow's id and its number.
pub type Key = (FlowId, u64);

/// The name of this record.
#[must_use]
pub const fn key(flow: &Flow) -> Key {
    (flow.id, flow.sequence)
}

/// Records that are through, of a batch that is exported again until all are: those that the receiver has, and those that it
/// never takes. They are counted when all are through: a batch that is given up before is counted by who gives it up.
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
    /// Of these, those that the receiver never takes.
    lost: HashMap<Key, DropReason>,
}

impl Delivered {
    /// The rest of a batch. A batch that has nothing in common with the one before is another, because that one was given up:
    /// its records are forgotten.
    pub fn rest_of<'f>(&mut self, flows: &'f [Flow]) -> Vec<&'f Flow> {
        let is_left = |flow: &&Flow| !self.through.contains(&key(flow));
        let rest: Vec<_> = flows.iter().filter(is_left).collect();
        if rest.len() == flows.len() {
            self.clear();
        }
        rest
    }

    /// The rest of a batch, as [`rest_of`](Self::rest_of), for whoever takes it as a slice.
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

    /// The receiver has this record.
    pub fn insert(&mut self, flow: &Flow) {
        self.through.insert(key(flow));
    }

    /// The receiver never takes this record, for this reason.
    pub fn lose(&mut self, flow: &Flow, reason: DropReason) {
        self.insert(flow);
        self.lost.insert(key(flow), reason);
    }

    /// All records of the batch are through: counts each of them once, and forgets them.
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

    /// Forgets the batch, without counting it.
    pub fn clear(&mut self) {
        self.through.clear();
        self.lost.clear();
    }

    /// True if no record of a batch is through, or all of them.
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
        // With others behind them, and again.
        for _ in 0..2 {
            assert_eq!(delivered.rest_of(&all[..5]), [&all[0], &all[2], &all[4]]);
            let left = delivered.left(&all[..5]);
            assert_eq!(left[..], [&all[..1], &all[2..3], &all[4..5]].concat());
        }
        // Attempts count nothing.
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
