//! The tunnel around a flow.

use std::fmt;

use super::{Count, Endpoint, MacAddress, Protocol};

/// The outermost encapsulation of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Tunnel {
    /// Its kind.
    pub kind: TunnelKind,
    /// VNI of VXLAN, VXLAN-GPE or Geneve, NVGRE VSID, GRE key, GTP-U TEID, `WireGuard` receiver index, ERSPAN session, PPTP call, `EoIP`
    /// tunnel, L2TP session, of version 2 with its tunnel in the upper half (IPFIX `layer2SegmentId`).
    pub id: Option<u32>,
    /// Protocol of the outer IP header.
    pub protocol: Protocol,
    /// Outer side of the flow's source.
    pub source: Endpoint,
    /// Outer side of the flow's destination.
    pub destination: Endpoint,
    /// Sender of the first packet's outer frame.
    pub source_mac: Option<MacAddress>,
    /// Bytes that the encapsulation added from source to destination.
    pub forward: Count,
    /// Bytes that it added from destination to source.
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
    /// Mirrored frames in GRE (draft-foschiano-erspan), of any of its three types.
    Erspan,
    /// PPTP's user data: PPP in enhanced GRE (RFC 2637).
    Pptp,
    /// Ethernet in IP (RFC 3378).
    EtherIp,
    /// `MikroTik`'s Ethernet over IP, which is a kind of GRE.
    Eoip,
    /// VXLAN with a next protocol (draft-ietf-nvo3-vxlan-gpe).
    VxlanGpe,
    /// Layer 2 tunnelling, over UDP (RFC 2661, RFC 3931) or IP.
    L2tp,
    /// IPv6 in UDP, through translators of addresses (RFC 4380).
    Teredo,
}

impl TunnelKind {
    #[cfg(feature = "serde")]
    pub(crate) const ALL: [Self; 13] = [
        Self::Vxlan,
        Self::Geneve,
        Self::Gre,
        Self::Ipip,
        Self::Gtpu,
        Self::WireGuard,
        Self::Erspan,
        Self::Pptp,
        Self::EtherIp,
        Self::Eoip,
        Self::VxlanGpe,
        Self::L2tp,
        Self::Teredo,
    ];

    /// True if it is recognised by the protocol number of IP, not by a port.
    pub(crate) const fn is_known_by_protocol(self) -> bool {
        matches!(
            self,
            Self::Gre | Self::Ipip | Self::Erspan | Self::Pptp | Self::EtherIp | Self::Eoip
        )
    }

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
            Self::Erspan => "erspan",
            Self::Pptp => "pptp",
            Self::EtherIp => "etherip",
            Self::Eoip => "eoip",
            Self::VxlanGpe => "vxlan_gpe",
            Self::L2tp => "l2tp",
            Self::Teredo => "teredo",
        }
    }
}

impl fmt::Display for TunnelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
