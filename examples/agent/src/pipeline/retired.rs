//! Counts of receivers that were removed.

use std::collections::BTreeMap;

use mermin_core::sink::{DropReason, Meter, SinkStats};

/// Counts of receivers that were removed, by name. A meter keeps the memory of its buffer, so only those of receivers that still
/// deliver are here.
#[derive(Default)]
pub(super) struct Retired(BTreeMap<String, Sum>);

#[derive(Default)]
struct Sum {
    ended: SinkStats,
    /// The numbers and meters of receivers that still deliver.
    leaving: Vec<(u64, Meter)>,
}

impl Retired {
    /// Adds a receiver, which may still deliver.
    pub(super) fn begins(&mut self, number: u64, name: &str, meter: Meter) {
        let sum = self.0.entry(name.to_owned()).or_default();
        sum.leaving.push((number, meter));
    }

    /// Replaces the meter of a receiver that is closed by its counts.
    pub(super) fn ends(&mut self, number: u64, name: &str) {
        let Some(sum) = self.0.get_mut(name) else {
            return;
        };
        for (_, meter) in sum.leaving.extract_if(.., |(it, _)| *it == number) {
            add(&mut sum.ended, meter.stats());
        }
    }

    /// Counts records that a receiver passed on when its successor was gone.
    pub(super) fn dropped(&mut self, name: &str, records: usize) {
        let meter = Meter::default();
        meter.accepted(records);
        meter.dropped(DropReason::Closed, records);
        let sum = self.0.entry(name.to_owned()).or_default();
        add(&mut sum.ended, meter.stats());
    }

    /// Returns the sums by name.
    pub(super) fn stats(&self) -> impl Iterator<Item = (&String, SinkStats)> {
        self.0.iter().map(|(name, sum)| {
            let mut all = sum.ended.clone();
            for (_, meter) in &sum.leaving {
                add(&mut all, meter.stats());
            }
            (name, all)
        })
    }
}

fn add(sum: &mut SinkStats, stats: SinkStats) {
    sum.accepted += stats.accepted;
    sum.delivered += stats.delivered;
    sum.retried += stats.retried;
    for (sum, count) in sum.dropped.iter_mut().zip(stats.dropped) {
        *sum += count;
    }
    sum.waiting += stats.waiting;
    sum.in_progress += stats.in_progress;
    sum.oldest = sum.oldest.max(stats.oldest);
    sum.last_error = stats.last_error.or_else(|| sum.last_error.take());
    sum.failing |= stats.failing;
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    use mermin_core::{
        Flow,
        sink::{BoxError, FlowSink as _, Overflow, buffered, from_fn, testing::flows},
    };

    use super::*;

    #[test]
    fn counts_of_a_name_are_summed_and_its_meters_are_let_go() {
        let mut retired = Retired::default();
        let records = flows(40);
        let count = records.len() as u64;
        let mut sinks = Vec::new();
        for number in 0..2 {
            let never = from_fn(|_: &[Flow]| std::future::pending::<Result<(), BoxError>>());
            let mut sink = buffered(never, 1_000, Overflow::Block);
            {
                let mut export = pin!(sink.export(&records));
                let context = &mut Context::from_waker(Waker::noop());
                assert!(export.as_mut().poll(context).is_ready());
            }
            let meter = sink.meter().unwrap();
            meter.failed(&"down".into());
            retired.begins(number, "a", meter);
            sinks.push(sink);
        }
        let shown = |retired: &Retired| {
            let all: Vec<_> = retired
                .stats()
                .map(|(name, stats)| (name.clone(), stats))
                .collect();
            assert_eq!(all.len(), 1);
            let (name, stats) = &all[0];
            assert_eq!(
                (name.as_str(), stats.last_error.as_deref()),
                ("a", Some("down"))
            );
            [stats.accepted, stats.waiting, stats.dropped_in_all()]
        };
        assert_eq!(shown(&retired), [2 * count, 2 * count, 0]);
        sinks.remove(0);
        retired.ends(0, "a");
        assert_eq!(shown(&retired), [2 * count, count, count]);
        sinks.clear();
        retired.ends(1, "a");
        retired.ends(1, "a");
        assert_eq!(shown(&retired), [2 * count, 0, 2 * count]);
        assert!(retired.0["a"].leaving.is_empty());
        retired.dropped("a", 3);
        assert_eq!(shown(&retired), [2 * count + 3, 0, 2 * count + 3]);
    }
}
