//! Records of a batch that a receiver has: they are not sent again with the rest.

use std::collections::HashSet;

use mermin_core::{Flow, flow::FlowId};

/// The name of a record: its flow's id and its number.
pub type Key = (FlowId, u64);

/// The name of this record.
#[must_use]
pub const fn key(flow: &Flow) -> Key {
    (flow.id, flow.sequence)
}

/// Records that are delivered, of a batch that is exported again until all are.
///
/// ```
/// # let flows = mermin_core::sink::testing::flows(3);
/// let mut delivered = mermin_program::Delivered::default();
/// delivered.insert(&flows[1]);
/// assert_eq!(delivered.rest_of(&flows), [&flows[0], &flows[2]]);
/// ```
#[derive(Debug, Default)]
pub struct Delivered(HashSet<Key>);

impl Delivered {
    /// The rest of a batch. A batch that has nothing in common with the one before is another, because that one was given up:
    /// its records are forgotten.
    pub fn rest_of<'f>(&mut self, flows: &'f [Flow]) -> Vec<&'f Flow> {
        let is_left = |flow: &&Flow| !self.0.contains(&key(flow));
        let rest: Vec<_> = flows.iter().filter(is_left).collect();
        if rest.len() == flows.len() {
            self.0.clear();
        }
        rest
    }

    /// This record is delivered.
    pub fn insert(&mut self, flow: &Flow) {
        self.0.insert(key(flow));
    }

    /// The batch is through.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// True if no record of a batch is delivered, or all of them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Extend<Key> for Delivered {
    fn extend<I: IntoIterator<Item = Key>>(&mut self, keys: I) {
        self.0.extend(keys);
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::sink::testing::flows;

    use super::*;

    #[test]
    fn what_is_delivered_is_not_given_again() {
        let mut delivered = Delivered::default();
        let all = flows(8);
        assert_eq!(delivered.rest_of(&all[..4]).len(), 4);
        delivered.insert(&all[1]);
        delivered.extend([key(&all[3])]);
        // With others behind them, and again.
        for _ in 0..2 {
            assert_eq!(delivered.rest_of(&all[..5]), [&all[0], &all[2], &all[4]]);
        }
        assert_eq!(delivered.rest_of(&all[5..]).len(), 3);
        assert!(delivered.is_empty());
    }
}
