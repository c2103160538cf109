//! What a flow was carried in.

use std::fmt;

use super::{Count, Endpoint, MacAddress, Protocol};

/// The outermost encapsulation of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Tunnel {
    /// What kind it is.
    pub kind: TunnelKind,
    /// VXLAN or Geneve VNI, NVGRE VSID, GRE key, GTP-U TEID, `WireGuard` receiver index (IPFIX `layer2SegmentId`).
    pub id: Option<u32>,
    /// Protocol of the outer IP header.
    pub protocol: Protocol,
    /// Outer side of the flow's source.
    pub source: Endpoint,
    /// Outer side of the flow's destination.
    pub destination: Endpoint,
    /// Sender of the first packet's outer frame.
    pub source_mac: Option<MacAddress>,
    /// Octets that the encapsulation added from source to destination.
    pub forward: Count,
    /// Octets that it added on the way back.
    pub reverse: Count,
}

impl Tunnel {
    /// A tunnel between these sides, with nothing counted.
    #[must_use]
    pub const fn new(
        kind: TunnelKind,
        protocol: Protocol,
        source: Endpoint,
        destination: Endpoint,
    ) -> Self {
        Self {
            kind,
            id: None,
            protocol,
            source,
            destination,
            source_mac: None,
            forward: Count { delta: 0, total: 0 },
            reverse: Count { delta: 0, total: 0 },
        }
    }
}

/// Kinds of encapsulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TunnelKind {
    /// RFC 7348.
    Vxlan,
    /// RFC 8926.
    Geneve,
    /// RFC 2784, RFC 2890; NVGRE (RFC 7637) too.
    Gre,
    /// IPv4 or IPv6 in either (RFC 2003, RFC 2473, RFC 4213).
    Ipip,
    /// GPRS tunnelling, user plane (3GPP TS 29.281).
    Gtpu,
    /// `WireGuard`.
    WireGuard,
}

impl TunnelKind {
    /// As attributes have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::Gre => "gre",
            Self::Ipip => "ipip",
            Self::Gtpu => "gtpu",
            Self::WireGuard => "wireguard",
        }
    }
}

impl fmt::Display for TunnelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
