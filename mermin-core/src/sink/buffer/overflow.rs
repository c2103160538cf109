//! The records of the buffer, and the policy when it is full.

use std::{collections::VecDeque, time::Instant};

use crate::flow::Flow;

/// Policy for records for which a buffer has no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// `export` waits, and nothing is dropped. The other members of a fan-out wait too.
    #[default]
    Block,
    /// New records are dropped. The buffer keeps the records from the beginning of an outage.
    DropNewest,
    /// The oldest records in the buffer are dropped. The buffer keeps the newest records.
    DropOldest,
}

/// Waiting records, up to the capacity, including those being sent.
#[derive(Debug)]
pub(super) struct Waiting {
    capacity: usize,
    flows: VecDeque<Flow>,
    /// For each group of records that came together, the time since which they wait and their number, oldest first.
    since: VecDeque<(Instant, usize)>,
    /// Number of records that are being sent. `sending_since` is the time since which the oldest of them waits.
    sending: usize,
    sending_since: Option<Instant>,
    /// Number of records that the sink's meter had counted before.
    inside: u64,
}

impl Waiting {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            flows: VecDeque::new(),
            since: VecDeque::new(),
            sending: 0,
            sending_since: None,
            inside: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.flows.len() + self.sending
    }

    pub(super) fn room(&self) -> usize {
        self.capacity - self.len().min(self.capacity)
    }

    /// True if this many records fit. For more records than the capacity, true if the buffer is empty.
    pub(super) fn has_room_for(&self, records: usize) -> bool {
        self.room() >= records.min(self.capacity)
    }

    /// Time since which the oldest record waits.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.sending_since
            .or_else(|| self.since.front().map(|&(since, _)| since))
    }

    /// Records that are not being sent.
    pub(super) fn flows(&self) -> &VecDeque<Flow> {
        &self.flows
    }

    /// Takes the records that fit. Returns their number.
    pub(super) fn push(&mut self, flows: &[Flow], now: Instant) -> usize {
        let count = self.room().min(flows.len());
        if count != 0 {
            self.flows.extend(flows.iter().take(count).cloned());
            self.since.push_back((now, count));
        }
        count
    }

    /// Drops the oldest records that are not being sent, until this many fit. Returns the number of dropped records.
    pub(super) fn make_room(&mut self, records: usize) -> usize {
        let wanted = records.min(self.capacity).saturating_sub(self.room());
        let dropped = wanted.min(self.flows.len());
        self.flows.drain(..dropped);
        self.forget(dropped);
        dropped
    }

    /// Takes the first records for sending. They count as waiting until [`finish_sending`](Self::finish_sending) is called.
    pub(super) fn take(&mut self, records: usize, into: &mut Vec<Flow>) {
        into.clear();
        self.sending_since = self.since.front().map(|&(since, _)| since);
        let count = records.min(self.flows.len());
        if count == self.flows.len() {
            // The two exchange their memory: usually no record is moved, and none is allocated.
            let all = std::mem::replace(&mut self.flows, std::mem::take(into).into());
            *into = all.into();
        } else {
            into.extend(self.flows.drain(..count));
        }
        self.sending = count;
        self.forget(count);
    }

    /// Notes how many records the sink's meter has counted before these are sent.
    pub(super) fn note_inside(&mut self, inside: u64) {
        self.inside = inside;
    }

    /// Notes that the records being sent were delivered or dropped.
    pub(super) fn finish_sending(&mut self) {
        self.sending = 0;
        self.sending_since = None;
    }

    /// Drops all records and frees their memory: a meter may outlive the buffer, and it keeps this struct alive. `inside` is
    /// the number of records that the sink's meter has now counted. Returns the number of records that it has not counted.
    pub(super) fn clear(&mut self, inside: u64) -> usize {
        let sent = inside.saturating_sub(self.inside);
        let sent = usize::try_from(sent).unwrap_or(usize::MAX);
        let left = self.flows.len() + self.sending.saturating_sub(sent);
        self.flows = VecDeque::new();
        self.since = VecDeque::new();
        self.finish_sending();
        left
    }

    fn forget(&mut self, mut records: usize) {
        while records != 0
            && let Some((_, count)) = self.since.front_mut()
        {
            let gone = records.min(*count);
            *count -= gone;
            records -= gone;
            if *count == 0 {
                self.since.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::flow::{FlowId, example::plain};

    fn flows(ids: std::ops::Range<u32>) -> Vec<Flow> {
        ids.map(|id| {
            let mut flow = plain();
            flow.id = FlowId::from_u128(id.into());
            flow
        })
        .collect()
    }

    fn ids<'a>(flows: impl IntoIterator<Item = &'a Flow>) -> Vec<u128> {
        flows.into_iter().map(|flow| flow.id.to_u128()).collect()
    }

    #[test]
    fn records_in_flight_take_room_and_are_not_dropped() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut waiting = Waiting::new(5);
        assert_eq!(waiting.push(&flows(0..3), now), 3);
        assert_eq!(waiting.push(&flows(3..9), later), 2);
        assert!(!waiting.has_room_for(1));
        let mut sending = Vec::new();
        waiting.take(2, &mut sending);
        assert_eq!((ids(&sending), waiting.len()), (vec![0, 1], 5));
        assert_eq!(waiting.oldest(), Some(now));
        assert_eq!(waiting.make_room(9), 3);
        assert_eq!(waiting.push(&flows(10..15), later), 3);
        assert_eq!(ids(waiting.flows()), [10, 11, 12]);
        waiting.finish_sending();
        assert_eq!((waiting.len(), waiting.oldest()), (3, Some(later)));
        assert!(waiting.has_room_for(2) && !waiting.has_room_for(3));
        assert_eq!((waiting.clear(0), waiting.len()), (3, 0));
        assert_eq!(waiting.oldest(), None);
        assert_eq!((waiting.flows.capacity(), waiting.since.capacity()), (0, 0));
        // A batch larger than the capacity is taken in pieces.
        assert!(waiting.has_room_for(100));
    }
}
