//! The state of the agent at one moment.

use mermin_core::{Report, Stats, report::Feature, sink::SinkStats};

use crate::state::{Check, Phase, State};

/// The state of the agent, besides its flows.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) phase: Phase,
    pub(super) stats: Stats,
    pub(super) report: Report,
    pub(super) receivers: Vec<(String, SinkStats)>,
    /// The checks of `/readyz`.
    pub(super) checks: Vec<Check>,
    /// The source was asked to count packets that the kernel drops.
    pub(super) wants_drops: bool,
}

impl Facts {
    /// Reads the state now.
    pub(super) fn read(state: &State, wants_drops: bool) -> Self {
        let source = state.source();
        Self {
            phase: state.phase(),
            stats: source.map(mermin_core::Handle::stats).unwrap_or_default(),
            report: source.map(mermin_core::Handle::report).unwrap_or_default(),
            receivers: state.exchange().stats(),
            checks: state.checks(),
            wants_drops,
        }
    }

    /// Returns true if flows have the packets that the kernel dropped. A source that counts with another program than the one it found
    /// has a degradation too, and is taken for one that does not count.
    pub(super) fn counts_drops(&self) -> bool {
        let mut degradations = self.report.degradations.iter();
        self.wants_drops && !degradations.any(|it| it.feature == Feature::Drops)
    }
}
