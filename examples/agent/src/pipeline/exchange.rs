//! Gives a running fan-out other receivers.

use std::{
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use mermin_core::sink::Meter;
use mermin_kubernetes::{Cluster, Settings};
use tokio::sync::{Notify, oneshot};

use super::Prepared;
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
    meters: Mutex<Vec<(String, Meter)>>,
    removed: Mutex<Vec<(String, Meter)>>,
    doubled: Mutex<Vec<(String, Doubled)>>,
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
        lock(&self.0.meters).clone()
    }

    /// Returns the meters of all receivers by name, also of those that were removed.
    #[must_use]
    pub fn all_meters(&self) -> Vec<(String, Meter)> {
        let mut all = lock(&self.0.removed).clone();
        all.extend(self.meters());
        all
    }

    /// Returns the counts of records that receivers may have twice, by name, also of those that were removed.
    pub(crate) fn doubled(&self) -> Vec<(String, Doubled)> {
        lock(&self.0.doubled).clone()
    }

    pub(super) fn may_double(&self, name: &str, doubled: Doubled) {
        lock(&self.0.doubled).push((name.to_owned(), doubled));
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

    pub(super) fn show(&self, meters: Vec<(String, Meter)>) {
        *lock(&self.0.meters) = meters;
    }

    pub(super) fn retire(&self, name: &str, meter: Meter) {
        lock(&self.0.removed).push((format!("{name} (removed)"), meter));
    }
}
