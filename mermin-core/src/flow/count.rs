//! Counts, and the two directions they go.

use super::{IcmpMessage, IpHeader, TcpFlags};

/// One counter of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Count {
    /// Since this flow's previous record (IPFIX `...DeltaCount`): what sums over records are made of.
    pub delta: u64,
    /// Since the flow began (IPFIX `...TotalCount`); each record repeats it.
    pub total: u64,
}

/// One direction of a flow (RFC 5103 calls it a uniflow).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Uniflow {
    /// Packets as on the wire: a GSO or GRO super-packet counts its segments (IPFIX `packetDeltaCount`,
    /// `packetTotalCount`).
    pub packets: Count,
    /// IP octets on the wire, IP header to payload; link header and padding not included (IPFIX `octetDeltaCount`,
    /// `octetTotalCount`).
    pub octets: Count,
    /// Octets of whole frames as the hook saw them, link header and padding included (IPFIX
    /// `layer2OctetDeltaCount`, `layer2OctetTotalCount`).
    pub frame_octets: Count,
    /// IP header of the first packet of this record's interval; absent when none went this way in it.
    pub ip: Option<IpHeader>,
    /// ICMP or `ICMPv6` message of the first packet of this record's interval.
    pub icmp: Option<IcmpMessage>,
    /// TCP flags sent this way over the flow so far (IPFIX `tcpControlBits`); absent for other protocols.
    pub tcp_flags: Option<TcpFlags>,
}
