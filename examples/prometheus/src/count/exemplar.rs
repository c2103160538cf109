//! One flow of a series, by name.

use std::time::SystemTime;

use mermin_core::{Flow, flow::FlowId};

/// A record that added to a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exemplar {
    pub(crate) flow: FlowId,
    pub(crate) community: String,
    pub(crate) forward_octets: u64,
    pub(crate) at: SystemTime,
}

impl Exemplar {
    /// Takes a SHA-1, so one is made for each series and scrape and not for each record.
    pub(crate) fn of(flow: &Flow) -> Self {
        Self {
            flow: flow.id,
            community: flow.community_id(0),
            forward_octets: flow.forward.octets.delta,
            at: flow.end,
        }
    }
}
