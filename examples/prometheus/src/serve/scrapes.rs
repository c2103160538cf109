//! Counts of scrapes.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of connections by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scrapes {
    /// The whole response was sent.
    pub(crate) answered: u64,
    /// The scraper closed early, or sent no valid HTTP.
    pub(crate) broken: u64,
    /// There were too many connections, or no free descriptor.
    pub(crate) refused: u64,
    /// The scraper sent its request or read the response too slowly.
    pub(crate) too_slow: u64,
}

/// The same counts as atomics.
#[derive(Default)]
pub(crate) struct Outcomes {
    pub(super) answered: AtomicU64,
    pub(super) broken: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) too_slow: AtomicU64,
}

impl Outcomes {
    pub(crate) fn scrapes(&self) -> Scrapes {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Scrapes {
            answered: read(&self.answered),
            broken: read(&self.broken),
            refused: read(&self.refused),
            too_slow: read(&self.too_slow),
        }
    }
}

pub(super) fn count(outcome: &AtomicU64) {
    outcome.fetch_add(1, Ordering::Relaxed);
}
