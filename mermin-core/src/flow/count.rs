//! Counters of each direction.

use super::{IcmpMessage, IpHeader, TcpFlags};

/// One counter of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Count {
    /// Since the previous record of this flow (IPFIX `...DeltaCount`). Add these up over records.
    pub delta: u64,
    /// Since the flow began (IPFIX `...TotalCount`).
    pub total: u64,
}

/// One direction of a flow (RFC 5103 calls it a uniflow).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Uniflow {
    /// Packets as on the wire: a GSO or GRO super-packet counts its segments (IPFIX `packetDeltaCount`,
    /// `packetTotalCount`).
    pub packets: Count,
    /// IP octets on the wire, from IP header to payload, without link header and padding (IPFIX `octetDeltaCount`,
    /// `octetTotalCount`).
    pub octets: Count,
    /// Octets of whole frames at the hook, with link header and padding (IPFIX `layer2OctetDeltaCount`,
    /// `layer2OctetTotalCount`).
    pub frame_octets: Count,
    /// IP header of the first packet in this record's interval; absent if this direction had none.
    pub ip: Option<IpHeader>,
    /// ICMP or `ICMPv6` message of the first packet in this record's interval.
    pub icmp: Option<IcmpMessage>,
    /// TCP flags of this direction since the flow began (IPFIX `tcpControlBits`); absent for other protocols.
    pub tcp_flags: Option<TcpFlags>,
}
