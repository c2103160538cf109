//! Which records of a batch are through.

use std::collections::HashSet;

use mermin_core::{Flow, flow::FlowId};

type Key = (FlowId, u64);

fn key(flow: &Flow) -> Key {
    (flow.id, flow.sequence)
}

/// Records of the batch before that the topic has: a batch that comes again, after an error or a call that was dropped, is
/// not sent again. Kafka does not know the ids of records.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    done: HashSet<Key>,
}

impl Progress {
    /// The rest of a batch. One that has nothing of the batch before is another.
    pub(crate) fn left<'f>(&mut self, flows: &'f [Flow]) -> Vec<&'f Flow> {
        let is_left = |flow: &&Flow| !self.done.contains(&key(flow));
        let left: Vec<_> = flows.iter().filter(is_left).collect();
        if left.len() == flows.len() {
            self.done.clear();
        }
        left
    }

    /// It is through.
    pub(crate) fn done(&mut self, flow: &Flow) {
        self.done.insert(key(flow));
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::sink::testing::flows;

    use super::*;

    #[test]
    fn what_is_through_is_not_given_again() {
        let mut progress = Progress::default();
        let all = flows(8);
        progress.left(&all[..4]);
        progress.done(&all[1]);
        progress.done(&all[3]);
        // With others behind them, and again.
        for _ in 0..2 {
            assert_eq!(progress.left(&all[..5]), [&all[0], &all[2], &all[4]]);
        }
        assert_eq!(progress.left(&all[5..]).len(), 3);
        assert!(progress.done.is_empty());
    }
}
