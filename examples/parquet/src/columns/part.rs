//! Parts of a record. Most records lack most parts: the columns of a part that no record of a batch has are left empty
//! without a look at each record.

use mermin_core::Flow;

/// The part of a record that a column reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Fields of every record.
    Whole,
    Added,
    Application,
    Drops,
    Icmp,
    Ipsec,
    Nat,
    Points,
    Processes,
    TcpAnalysis,
    TcpSockets,
    Tunnel,
}

/// Parts that at least one of several records has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts(u16);

impl Parts {
    /// Returns the parts of these records.
    pub(crate) fn of(flows: &[Flow]) -> Self {
        let each = flows.iter().map(|flow| {
            let ways = [&flow.forward, &flow.reverse];
            [
                (Part::Added, !flow.added_attributes.is_empty()),
                (Part::Application, flow.application.is_some()),
                (Part::Drops, flow.drops.is_some()),
                (
                    Part::Icmp,
                    flow.icmp_id.is_some() || ways.iter().any(|way| way.icmp.is_some()),
                ),
                (Part::Ipsec, flow.ipsec.is_some()),
                (Part::Nat, flow.nat.is_some()),
                (Part::Points, !flow.observation_points.is_empty()),
                (
                    Part::Processes,
                    flow.source_process.is_some() || flow.destination_process.is_some(),
                ),
                (Part::TcpAnalysis, flow.tcp_analysis.is_some()),
                (Part::TcpSockets, flow.tcp_sockets.is_some()),
                (Part::Tunnel, flow.tunnel.is_some()),
            ]
            .into_iter()
            .fold(Self::bit(Part::Whole), |bits, (part, present)| {
                bits | if present { Self::bit(part) } else { 0 }
            })
        });
        Self(each.fold(Self::bit(Part::Whole), |bits, more| bits | more))
    }

    /// Returns true if a record has this part.
    pub(crate) const fn has(self, part: Part) -> bool {
        self.0 & Self::bit(part) != 0
    }

    const fn bit(part: Part) -> u16 {
        1 << part as u8
    }
}
