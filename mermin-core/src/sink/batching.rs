//! Limits of a batch.

use std::time::Duration;

use crate::flow::Flow;

/// Size of a record at the receiver, octets.
type Size = fn(&Flow) -> usize;

/// Limits of a batch. A batch is exported as soon as it reaches one of them.
///
/// By default a batch has all records that wait, at most 4,096. That adds no delay, and batches grow when the sink is
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
    /// Maximum number of records. Default: 4,096. At least one.
    pub fn records(mut self, records: usize) -> Self {
        self.records = records.max(1);
        self
    }

    /// Maximum size in octets. `size` returns the size of a record at the receiver. A larger record is a batch of its
    /// own. Default: no limit.
    pub fn octets(mut self, octets: usize, size: fn(&Flow) -> usize) -> Self {
        self.octets = Some((octets, size));
        self
    }

    /// Maximum time that the first record of a batch waits for others. Default: zero.
    pub fn age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// Maximum age of an incomplete batch.
    pub(crate) fn greatest_age(&self) -> Duration {
        self.age
    }

    /// Number of waiting records that the next batch takes, and if the batch is complete.
    pub(crate) fn cut<'a>(&self, waiting: impl ExactSizeIterator<Item = &'a Flow>) -> Cut {
        let available = waiting.len();
        let mut records = available.min(self.records);
        let mut complete = records == self.records;
        if let Some((most, size)) = self.octets {
            let mut octets = 0_usize;
            for (place, flow) in waiting.take(records).enumerate() {
                octets = octets.saturating_add(size(flow));
                if octets >= most {
                    // The record that would exceed the limit begins the next batch, unless this batch would then be
                    // empty.
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
    /// Number of records.
    pub(crate) records: usize,
    /// True if the batch waits for no other records.
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
    fn first_limit_that_is_reached_cuts() {
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
