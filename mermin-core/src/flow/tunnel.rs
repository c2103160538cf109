//! The tunnel around a flow.

use std::fmt;

use super::{Count, Endpoint, MacAddress, Protocol};

/// The outermost encapsulation of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Tunnel {
    /// Its kind.
    pub kind: TunnelKind,
    /// Identifier of the tunnel: VNI of VXLAN, VXLAN-GPE or Geneve, GRE key, GTP-U TEID, `WireGuard` receiver index,
    /// ERSPAN session, PPTP call, `EoIP` tunnel, or L2TP session. L2TP version 2 has its tunnel id in the upper half. A
    /// key of NVGRE has the virtual subnet (VSID) in its upper 24 bits and a `FlowID` in the others. IPFIX
    /// `layer2SegmentId` has a VNI or VSID.
    pub id: Option<u32>,
    /// Protocol of the outer IP header.
    pub protocol: Protocol,
    /// Outer endpoint on the side of the flow's source.
    pub source: Endpoint,
    /// Outer endpoint on the side of the flow's destination.
    pub destination: Endpoint,
    /// MAC address of the sender of the first packet's outer frame.
    pub sender_mac: Option<MacAddress>,
    /// Octets that the encapsulation added to packets from source to destination.
    pub forward: Count,
    /// Octets that the encapsulation added to packets from destination to source.
    pub reverse: Count,
}

impl Tunnel {
    /// Creates a tunnel between these endpoints, with counts of zero.
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
            sender_mac: None,
            forward: Count { delta: 0, total: 0 },
            reverse: Count { delta: 0, total: 0 },
        }
    }
}

/// Kinds of encapsulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TunnelKind {
    /// Virtual eXtensible LAN (RFC 7348).
    Vxlan,
    /// Generic network virtualization encapsulation (RFC 8926).
    Geneve,
    /// Generic routing encapsulation (RFC 2784, RFC 2890), also NVGRE (RFC 7637).
    Gre,
    /// IPv4 or IPv6 in IPv4 or IPv6 (RFC 2003, RFC 2473, RFC 4213).
    Ipip,
    /// GPRS tunnelling protocol, user plane (3GPP TS 29.281).
    Gtpu,
    /// `WireGuard`. Its content is encrypted, so the flow is that of the outer packets.
    WireGuard,
    /// Mirrored frames in GRE (draft-foschiano-erspan), types I, II and III.
    Erspan,
    /// PPTP's user data: PPP in enhanced GRE (RFC 2637).
    Pptp,
    /// Ethernet in IP (RFC 3378).
    EtherIp,
    /// `MikroTik`'s Ethernet over IP, a variant of GRE.
    Eoip,
    /// VXLAN generic protocol extension (draft-ietf-nvo3-vxlan-gpe).
    VxlanGpe,
    /// Layer 2 tunneling protocol over UDP (RFC 2661, RFC 3931) or IP.
    L2tp,
    /// IPv6 in UDP through NAT (RFC 4380).
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

    /// Returns true if the parser recognises it by the IP protocol number, not by a port.
    pub(crate) const fn is_known_by_protocol(self) -> bool {
        matches!(
            self,
            Self::Gre | Self::Ipip | Self::Erspan | Self::Pptp | Self::EtherIp | Self::Eoip
        )
    }

    /// Returns the text used in attributes.
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
