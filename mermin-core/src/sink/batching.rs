//! When a batch is complete.

use std::time::Duration;

use crate::flow::Flow;

/// Octets that a record takes.
type Size = fn(&Flow) -> usize;

/// How records are put together to batches: a batch is exported as soon as one limit is reached.
///
/// The default is what waits, at most 4,096 records: it adds no delay, and batches grow by themselves when the sink is
/// slower than the source.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "give it to `Run::batch` or to an adapter"]
pub struct Batching {
    records: usize,
    octets: Option<(usize, Size)>,
    age: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            records: 4096,
            octets: None,
            age: Duration::ZERO,
        }
    }
}

impl Batching {
    /// Records of a batch at most. Default: 4,096. At least one.
    pub fn records(mut self, records: usize) -> Self {
        self.records = records.max(1);
        self
    }

    /// Octets of a batch at most, where `size` returns the octets of a record at the receiver; a record that is larger
    /// goes alone. Default: no limit.
    pub fn octets(mut self, octets: usize, size: fn(&Flow) -> usize) -> Self {
        self.octets = Some((octets, size));
        self
    }

    /// How long the first record of a batch waits for others at most. Default: not at all.
    pub fn age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// How long an incomplete batch may wait.
    pub(crate) fn patience(&self) -> Duration {
        self.age
    }

    /// Records of the next batch out of those that wait, and whether the batch is complete.
    pub(crate) fn cut<'a>(&self, waiting: impl ExactSizeIterator<Item = &'a Flow>) -> Cut {
        let available = waiting.len();
        let mut records = available.min(self.records);
        let mut complete = records == self.records;
        if let Some((most, size)) = self.octets {
            let mut octets = 0_usize;
            for (place, flow) in waiting.take(records).enumerate() {
                octets = octets.saturating_add(size(flow));
                if octets >= most {
                    // One that goes beyond the limit is left for the next batch, unless it is alone.
                    records = if octets == most {
                        place + 1
                    } else {
                        place.max(1)
                    };
                    complete = true;
                    break;
                }
            }
        }
        Cut { records, complete }
    }
}

/// The next batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// How many records it has.
    pub(crate) records: usize,
    /// True if it need not wait for others.
    pub(crate) complete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::example::plain;

    fn cut(batching: &Batching, waiting: usize) -> (usize, bool) {
        let flows: Vec<_> = (0..waiting).map(|_| plain()).collect();
        let cut = batching.cut(flows.iter());
        (cut.records, cut.complete)
    }

    #[test]
    fn the_first_limit_that_is_reached_cuts() {
        let batching = Batching::default().records(10);
        assert_eq!(cut(&batching, 9), (9, false));
        assert_eq!(cut(&batching, 10), (10, true));
        assert_eq!(cut(&batching, 25), (10, true));
        let batching = batching.octets(350, |_| 100);
        assert_eq!(cut(&batching, 3), (3, false));
        assert_eq!(cut(&batching, 4), (3, true));
        let exact = Batching::default().octets(300, |_| 100);
        assert_eq!(cut(&exact, 2), (2, false));
        assert_eq!(cut(&exact, 3), (3, true));
        assert_eq!(cut(&exact, 9), (3, true));
    }

    #[test]
    fn too_large_record_is_a_batch_of_its_own() {
        let batching = Batching::default().octets(50, |_| 100);
        assert_eq!(cut(&batching, 1), (1, true));
        assert_eq!(cut(&batching, 7), (1, true));
        assert_eq!(cut(&Batching::default().records(0), 5), (1, true));
    }
}
