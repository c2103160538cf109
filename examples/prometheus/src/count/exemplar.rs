//! An exemplar: one flow of a series.

use std::time::SystemTime;

use mermin_core::{Flow, flow::FlowId};

/// A record that was added to a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exemplar {
    pub(crate) flow: FlowId,
    pub(crate) community: String,
    pub(crate) forward_octets: u64,
    pub(crate) at: SystemTime,
}

impl Exemplar {
    /// Computes a SHA-1, so it runs once per series and scrape, not per record.
    pub(crate) fn of(flow: &Flow) -> Self {
        Self {
            flow: flow.id,
            community: flow.community_id(0),
            forward_octets: flow.forward.octets.delta,
            at: flow.end,
        }
    }
}
