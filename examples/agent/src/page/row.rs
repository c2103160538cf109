//! Sums and names in the form that a frame has.

use serde::Serialize;

use super::{ends::Name, model::Sums};

/// The units and the known numbers of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Seconds since the snapshot before, if there was one.
    pub(super) seconds: Option<f64>,
    pub(super) counts_drops: bool,
}

/// Sums of flows.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Row {
    flows: u64,
    octets: u64,
    packets: u64,
    /// Octets per second.
    octet_rate: Option<f64>,
    packet_rate: Option<f64>,
    /// Absent if TCP is not analysed.
    retransmissions: Option<u64>,
    /// Absent if drops are not counted.
    dropped: Option<u64>,
    /// Flows are sampled. Absent if all numbers are exact.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_estimate: bool,
}

impl Row {
    pub(super) fn new(sums: &Sums, scale: Scale) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rate is shown with three digits"
        )]
        let rate = |count: u64| scale.seconds.map(|seconds| count as f64 / seconds);
        Self {
            flows: sums.flows,
            octets: sums.total.octets,
            packets: sums.total.packets,
            octet_rate: rate(sums.new.octets),
            packet_rate: rate(sums.new.packets),
            retransmissions: (sums.analysed != 0).then_some(sums.retransmissions),
            dropped: scale.counts_drops.then_some(sums.dropped),
            is_estimate: sums.is_estimate,
        }
    }
}

/// The name of an end or of a group of ends.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Label {
    kind: &'static str,
    namespace: Option<String>,
    name: String,
}

impl From<&Name> for Label {
    fn from(name: &Name) -> Self {
        Self {
            kind: name.kind(),
            namespace: name.namespace().map(str::to_owned),
            name: name.to_string(),
        }
    }
}
