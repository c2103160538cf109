//! Facts that probes, metrics and the page show, and the transitions that change them.

mod metrics;
mod probes;
mod server;

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use mermin_core::Handle;
use mermin_kubernetes::{Cluster, Follower};
use serde::Serialize;

pub(crate) use self::{
    probes::{Check, Status},
    server::listen,
};
use crate::{
    lock::lock,
    pipeline::{Decoration, Exchange},
};

/// The agent's progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// The source is being opened.
    #[default]
    Opening,
    Capturing,
    /// Open flows and waiting records are exported.
    Closing,
}

/// Reloads of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reloads {
    pub(crate) applied: u64,
    pub(crate) refused: u64,
    /// The errors of the last file, if it was refused.
    pub(crate) problem: Option<String>,
    /// Keys and options that take effect when the agent starts again.
    pub(crate) needs_restart: Vec<String>,
}

/// A cluster that is followed.
#[derive(Clone)]
pub(crate) struct Followed {
    pub(crate) follower: Arc<Follower>,
    pub(crate) cluster: Cluster,
    since: Instant,
    /// Time limit of the first read of all objects.
    patience: Duration,
}

impl Followed {
    pub(crate) fn new(follower: Follower, cluster: Cluster, patience: Duration) -> Self {
        Self {
            follower: Arc::new(follower),
            cluster,
            since: Instant::now(),
            patience,
        }
    }

    /// Returns true when the agent no longer waits for the first read of all objects.
    pub(crate) fn is_settled(&self) -> bool {
        self.follower.health().is_synced() || self.since.elapsed() >= self.patience
    }
}

/// Facts that probes, metrics and the page show. Clones are the same facts.
#[derive(Clone, Default)]
pub(crate) struct State(Arc<Shared>);

#[derive(Default)]
struct Shared {
    phase: Mutex<Phase>,
    source: OnceLock<Handle>,
    reloads: Mutex<Reloads>,
    followed: Mutex<Option<Followed>>,
    decoration: Mutex<Option<Arc<Decoration>>>,
    exchange: Exchange,
}

impl State {
    pub(crate) fn new(exchange: Exchange) -> Self {
        Self(Arc::new(Shared {
            exchange,
            ..Shared::default()
        }))
    }

    /// The source is open.
    pub(crate) fn capturing(&self, source: Handle) {
        // It opens once.
        let _ = self.0.source.set(source);
        *lock(&self.0.phase) = Phase::Capturing;
    }

    /// The source is being closed.
    pub(crate) fn closing(&self) {
        *lock(&self.0.phase) = Phase::Closing;
    }

    /// Another cluster, or none, is followed, and flows get names by this decoration.
    pub(crate) fn follow(&self, followed: Option<Followed>, decoration: Option<Decoration>) {
        *lock(&self.0.followed) = followed;
        *lock(&self.0.decoration) = decoration.map(Arc::new);
    }

    /// A file is in effect, except for keys that need a restart.
    pub(crate) fn applied(&self, needs_restart: Vec<String>) {
        let mut reloads = lock(&self.0.reloads);
        reloads.applied += 1;
        reloads.problem = None;
        reloads.needs_restart = needs_restart;
    }

    /// A file was refused, and the former one stays in effect.
    pub(crate) fn refused(&self, problem: String) {
        let mut reloads = lock(&self.0.reloads);
        reloads.refused += 1;
        reloads.problem = Some(problem);
    }

    /// Returns the checks of `/readyz`.
    pub(crate) fn checks(&self) -> Vec<Check> {
        probes::Probe::Ready.answer(self).checks
    }

    pub(crate) fn phase(&self) -> Phase {
        *lock(&self.0.phase)
    }

    pub(crate) fn source(&self) -> Option<&Handle> {
        self.0.source.get()
    }

    pub(crate) fn reloads(&self) -> Reloads {
        lock(&self.0.reloads).clone()
    }

    pub(crate) fn followed(&self) -> Option<Followed> {
        lock(&self.0.followed).clone()
    }

    /// Returns the decoration of flows. It is another object after each change.
    pub(crate) fn decoration(&self) -> Option<Arc<Decoration>> {
        lock(&self.0.decoration).clone()
    }

    pub(crate) fn exchange(&self) -> &Exchange {
        &self.0.exchange
    }
}
