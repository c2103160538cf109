//! The state of the agent at one moment.

use mermin_core::{Report, Stats, sink::SinkStats};

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
    /// Flows have the packets that the kernel dropped.
    pub(super) counts_drops: bool,
}

impl Facts {
    /// Reads the state now.
    pub(super) fn read(state: &State, counts_drops: bool) -> Self {
        let source = state.source();
        let meters = state.exchange().meters().into_iter();
        Self {
            phase: state.phase(),
            stats: source.map(mermin_core::Handle::stats).unwrap_or_default(),
            report: source.map(mermin_core::Handle::report).unwrap_or_default(),
            receivers: meters.map(|(name, meter)| (name, meter.stats())).collect(),
            checks: state.checks(),
            counts_drops,
        }
    }
}
