//! The objects of a cluster, shared between those that follow it and those that decorate flows.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mermin_core::Flow;

use crate::{Decorator, Extract, Index, Kind};

/// Objects are kept for this time after the cluster has deleted them.
const RETENTION: Duration = Duration::from_mins(5);

/// The objects of a cluster. Clones are the same cluster.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

struct Shared {
    index: RwLock<Index>,
    known: AtomicU64,
    unknown: AtomicU64,
}

/// Counts of sources and destinations of records: two for each record that was decorated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ends {
    /// Ends at which an object was found.
    pub known: u64,
    /// Ends at which none was: outside the cluster, or its objects are not known yet.
    pub unknown: u64,
}

impl Cluster {
    /// Creates a cluster without objects.
    #[must_use]
    pub fn new(extract: Extract) -> Self {
        Self::of(Index::new(extract, RETENTION))
    }

    /// Creates a cluster with the objects of an index.
    #[must_use]
    pub fn of(index: Index) -> Self {
        Self {
            shared: Arc::new(Shared {
                index: RwLock::new(index),
                known: AtomicU64::new(0),
                unknown: AtomicU64::new(0),
            }),
        }
    }

    /// Calls a function with the index. Flows are not decorated meanwhile, so it should be short.
    pub fn change<T>(&self, change: impl FnOnce(&mut Index) -> T) -> T {
        // A panic leaves at worst one object half entered, which its next version mends.
        let index = self.shared.index.write();
        change(&mut index.unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls a function with the index.
    pub fn read<T>(&self, read: impl FnOnce(&Index) -> T) -> T {
        let index = self.shared.index.read();
        read(&index.unwrap_or_else(PoisonError::into_inner))
    }

    /// Decorates flows.
    pub fn decorate(&self, decorator: &mut Decorator, flows: &mut [Flow]) {
        let known: usize = self.read(|index| {
            let known = flows.iter_mut().map(|flow| decorator.decorate(index, flow));
            known.sum()
        });
        let (known, all) = (known as u64, 2 * flows.len() as u64);
        self.shared.known.fetch_add(known, Ordering::Relaxed);
        self.shared
            .unknown
            .fetch_add(all - known, Ordering::Relaxed);
    }

    /// Returns counts of the sources and destinations of all records that were decorated.
    #[must_use]
    pub fn ends(&self) -> Ends {
        Ends {
            known: self.shared.known.load(Ordering::Relaxed),
            unknown: self.shared.unknown.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pods = self.read(|index| index.present(Kind::Pod));
        f.debug_struct("Cluster")
            .field("pods", &pods)
            .finish_non_exhaustive()
    }
}
