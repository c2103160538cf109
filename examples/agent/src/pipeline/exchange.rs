//! Gives a running fan-out other receivers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mermin_core::sink::{Meter, SinkStats};
use mermin_kubernetes::{Cluster, Settings};
use tokio::sync::{Notify, oneshot};

use super::{Prepared, retired::Retired};
use crate::{configuration::Receiver, lock::lock};

/// The objects of a cluster, and the names that flows get of them.
#[derive(Clone, Debug)]
pub struct Decoration {
    /// The objects.
    pub cluster: Cluster,
    /// The names.
    pub settings: Settings,
}

/// Other receivers.
pub struct Change {
    /// Receivers that stay, if they are there.
    pub kept: Vec<Receiver>,
    /// Receivers that are new.
    pub added: Vec<Prepared>,
    /// The decoration from now on.
    pub decoration: Option<Decoration>,
    /// Time limit of closing a receiver that is not in the change.
    pub close_within: Duration,
}

/// Number of records that a receiver may have twice, and a remedy.
pub(crate) type Doubled = (Arc<AtomicU64>, &'static str);

/// Records that receivers of one name may have twice.
#[derive(Default)]
struct Doubts {
    /// Those of receivers that were removed and have ended.
    ended: u64,
    counts: Vec<Arc<AtomicU64>>,
    remedy: &'static str,
}

impl Doubts {
    /// A receiver that was replaced may still deliver, so its count stays until nobody else has it.
    fn add(&mut self, (count, remedy): Doubled) {
        for count in std::mem::take(&mut self.counts) {
            match Arc::try_unwrap(count) {
                Ok(count) => self.ended += count.into_inner(),
                Err(count) => self.counts.push(count),
            }
        }
        self.counts.push(count);
        self.remedy = remedy;
    }

    fn sum(&self) -> u64 {
        let counts = self.counts.iter();
        self.ended + counts.map(|it| it.load(Ordering::Relaxed)).sum::<u64>()
    }
}

/// A change on its way.
pub(super) struct Pending {
    pub(super) change: Change,
    pub(super) done: oneshot::Sender<()>,
}

/// Gives a running fan-out other receivers, and reads the counts of those that it has. Clones belong to the same fan-out.
#[derive(Clone, Default)]
pub struct Exchange(Arc<Shared>);

#[derive(Default)]
struct Shared {
    pending: Mutex<Vec<Pending>>,
    arrived: Notify,
    shown: Mutex<Vec<(String, Meter)>>,
    retired: Mutex<Retired>,
    doubled: Mutex<BTreeMap<String, Doubts>>,
}

impl Exchange {
    /// Changes the receivers. Ready when records go to the new ones. A receiver that is removed first delivers the records in
    /// its buffer; one that is replaced by another of the same name does so before that one gets records.
    pub async fn change(&self, change: Change) {
        let (done, finished) = oneshot::channel();
        lock(&self.0.pending).push(Pending { change, done });
        self.0.arrived.notify_one();
        // An error means that the fan-out was dropped, so there is nothing to change.
        let _ = finished.await;
    }

    /// Returns the meters of the present receivers by name.
    #[must_use]
    pub fn meters(&self) -> Vec<(String, Meter)> {
        lock(&self.0.shown).clone()
    }

    /// Returns the counts of the present receivers by name.
    #[must_use]
    pub fn stats(&self) -> Vec<(String, SinkStats)> {
        let meters = self.meters().into_iter();
        meters.map(|(name, meter)| (name, meter.stats())).collect()
    }

    /// Returns the counts of all receivers by name, also of those that were removed.
    #[must_use]
    pub fn all_stats(&self) -> Vec<(String, SinkStats)> {
        let retired = lock(&self.0.retired);
        let sums = retired.stats();
        let mut all: Vec<_> = sums
            .map(|(name, stats)| (format!("{name} (removed)"), stats))
            .collect();
        drop(retired);
        all.extend(self.stats());
        all
    }

    /// Returns how many records receivers may have twice, and a remedy, by name, also of those that were removed.
    pub(crate) fn doubled(&self) -> Vec<(String, u64, &'static str)> {
        let doubled = lock(&self.0.doubled);
        let sums = doubled
            .iter()
            .map(|(name, it)| (name.clone(), it.sum(), it.remedy));
        sums.collect()
    }

    pub(super) fn may_double(&self, name: &str, doubled: Doubled) {
        let mut all = lock(&self.0.doubled);
        all.entry(name.to_owned()).or_default().add(doubled);
    }

    pub(super) fn take(&self) -> Vec<Pending> {
        std::mem::take(&mut *lock(&self.0.pending))
    }

    /// Waits for a change.
    pub(super) async fn arrived(&self) {
        while lock(&self.0.pending).is_empty() {
            self.0.arrived.notified().await;
        }
    }

    pub(super) fn show(&self, shown: Vec<(String, Meter)>) {
        *lock(&self.0.shown) = shown;
    }

    /// Counts of receivers that were removed.
    pub(super) fn retired(&self) -> MutexGuard<'_, Retired> {
        lock(&self.0.retired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_may_be_doubled_are_summed_by_name() {
        let exchange = Exchange::default();
        let [first, second, third, other] = [3, 4, 1, 5].map(|it| Arc::new(AtomicU64::new(it)));
        let begin = |name, count: &Arc<AtomicU64>| {
            exchange.may_double(name, (Arc::clone(count), "remove them"));
        };
        let sums =
            |a| [("a", a), ("b", 5)].map(|(name, count)| (name.to_owned(), count, "remove them"));
        begin("a", &first);
        begin("b", &other);
        begin("a", &second);
        // The first one still delivers.
        first.fetch_add(1, Ordering::Relaxed);
        assert_eq!(exchange.doubled(), sums(8));
        drop(first);
        begin("a", &third);
        assert_eq!(exchange.doubled(), sums(9));
        assert_eq!(lock(&exchange.0.doubled)["a"].counts.len(), 2);
    }
}
