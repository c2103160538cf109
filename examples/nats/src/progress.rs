//! Progress of a batch, including records in an unknown state.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use mermin_core::{
    Flow,
    sink::{DropReason, Meter},
};
use mermin_program::{Delivered, Key, key};

use crate::{
    link::{Facts, Fate, Found},
    protocol::message_id,
};

/// State of the records of a batch that is exported until all are finished.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Finished records of a batch that will be exported again.
    done: Delivered,
    /// Records that may be in the stream, and the time when they were first sent.
    doubtful: HashMap<Key, Instant>,
    /// Position in the stream after which they are, if they are stored.
    behind: u64,
}

impl Progress {
    /// Begins a batch. Other batches were given up and are forgotten.
    pub(crate) fn begin(&mut self, flows: &[Flow]) {
        if !self.doubtful.is_empty() {
            let given: HashSet<_> = flows.iter().map(key).collect();
            self.doubtful.retain(|key, _| given.contains(key));
        }
    }

    /// Returns the rest of a batch.
    pub(crate) fn left<'f>(&mut self, flows: &'f [Flow]) -> Vec<&'f Flow> {
        self.done.rest_of(flows)
    }

    /// Notes a new connection to a stream with these properties.
    pub(crate) fn connected(&mut self, facts: Facts) {
        if self.doubtful.is_empty() {
            self.behind = facts.last;
        }
    }

    /// Returns the position from which to look up records before they are sent again, if the stream may have
    /// forgotten their ids. Sending takes at most `margin`.
    pub(crate) fn lookup(&self, facts: Facts, margin: Duration, now: Instant) -> Option<u64> {
        let oldest = self.doubtful.values().min()?;
        let age = now.saturating_duration_since(*oldest) + margin;
        (age >= facts.window).then_some(self.behind)
    }

    /// Notes the result of a look-up; returns how many records may be stored twice.
    pub(crate) fn looked(&mut self, found: &Found) -> usize {
        let doubtful = std::mem::take(&mut self.doubtful);
        match found {
            Found::All(ids) => {
                let stored = doubtful
                    .into_keys()
                    .filter(|key| ids.contains(&message_id(*key)));
                self.done.extend(stored);
                0
            }
            Found::Unknown => doubtful.len(),
        }
    }

    /// Notes the state of records sent at `now` or later.
    pub(crate) fn published(&mut self, flows: &[&Flow], fates: &[Fate], now: Instant) {
        let mut last = self.behind;
        for (flow, fate) in flows.iter().zip(fates) {
            match fate {
                Fate::Left => {}
                Fate::Doubtful => {
                    self.doubtful.entry(key(flow)).or_insert(now);
                    continue;
                }
                Fate::Stored(place) => {
                    last = last.max(place.unwrap_or(0));
                    self.done.insert(flow);
                }
                Fate::TooLarge => self.done.lose(flow, DropReason::Unsendable),
            }
            self.doubtful.remove(&key(flow));
        }
        if self.doubtful.is_empty() {
            self.behind = last;
        }
    }

    /// Counts the records of a finished batch.
    pub(crate) fn finish(&mut self, flows: &[Flow], meter: &Meter) {
        self.done.finish(flows, meter);
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::sink::testing::flows;

    use super::*;

    const FACTS: Facts = Facts {
        window: Duration::from_mins(1),
        last: 10,
        keeps: true,
    };

    #[test]
    fn acknowledged_records_are_not_sent_again() {
        let now = Instant::now();
        let mut progress = Progress::default();
        let all = flows(5);
        let left = progress.left(&all[..4]);
        let fates = [
            Fate::Stored(Some(11)),
            Fate::TooLarge,
            Fate::Left,
            Fate::Stored(None),
        ];
        progress.published(&left, &fates, now);
        // With one more record after them.
        let left = progress.left(&all);
        assert_eq!(left, [&all[2], &all[4]]);
        progress.published(&left, &[Fate::Stored(Some(12)); 2], now);
        let meter = Meter::default();
        progress.finish(&all, &meter);
        let stats = meter.stats();
        assert_eq!((stats.accepted, stats.delivered), (5, 4));
        assert_eq!(stats.dropped_by(DropReason::Unsendable), 1);
        assert_eq!(progress.behind, 12);
        assert_eq!(progress.left(&all).len(), 5);
    }

    #[test]
    fn abandoned_batch_leaves_no_state() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut progress = Progress::default();
        progress.connected(FACTS);
        let all = flows(10);
        let left = progress.left(&all[..5]);
        progress.published(&left, &[Fate::Doubtful; 5], now);
        // Only records of the repeated batch are looked up.
        progress.begin(&all[4..]);
        let later = now + second * 600;
        assert_eq!(progress.lookup(FACTS, second, later), Some(10));
        assert_eq!(progress.doubtful.len(), 1);
        progress.begin(&all[5..]);
        assert_eq!(progress.lookup(FACTS, second, later), None);
        assert_eq!(progress.looked(&Found::Unknown), 0);
        progress.connected(Facts { last: 99, ..FACTS });
        assert_eq!(progress.behind, 99);
    }

    #[test]
    fn possibly_stored_records_are_looked_up_after_the_duplicate_window() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut progress = Progress::default();
        progress.connected(FACTS);
        let all = flows(4);
        let left = progress.left(&all);
        let fates = [
            Fate::Stored(Some(14)),
            Fate::Doubtful,
            Fate::Doubtful,
            Fate::Left,
        ];
        assert_eq!(progress.lookup(FACTS, second, now + second * 600), None);
        progress.published(&left, &fates, now);
        progress.connected(Facts { last: 99, ..FACTS });
        assert_eq!(progress.lookup(FACTS, second, now + second * 58), None);
        assert_eq!(progress.lookup(FACTS, second, now + second * 59), Some(10));
        // Sent again without an acknowledgement: the first time counts.
        let left = progress.left(&all);
        progress.published(
            &left,
            &[Fate::Doubtful, Fate::Left, Fate::Left],
            now + second * 30,
        );
        assert_eq!(progress.lookup(FACTS, second, now + second * 59), Some(10));
        let found = Found::All(HashSet::from([message_id(key(&all[1]))]));
        assert_eq!(progress.looked(&found), 0);
        assert_eq!(progress.left(&all), [&all[2], &all[3]]);
        assert_eq!(progress.lookup(FACTS, second, now + second * 600), None);
    }

    #[test]
    fn records_that_cannot_be_looked_up_are_counted() {
        let now = Instant::now();
        let mut progress = Progress::default();
        let all = flows(3);
        let left = progress.left(&all);
        progress.published(&left, &[Fate::Doubtful; 3], now);
        assert_eq!(progress.looked(&Found::Unknown), 3);
        assert_eq!(progress.left(&all).len(), 3);
    }
}
