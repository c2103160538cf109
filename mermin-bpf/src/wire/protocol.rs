//! IP protocol numbers (IANA registry).

/// IPv6 hop-by-hop options.
pub const HOP_BY_HOP: u8 = 0;
/// ICMP for IPv4.
pub const ICMP: u8 = 1;
/// Internet Group Management Protocol.
pub const IGMP: u8 = 2;
/// IPv4 in IP.
pub const IPV4: u8 = 4;
/// TCP.
pub const TCP: u8 = 6;
/// UDP.
pub const UDP: u8 = 17;
/// Datagram Congestion Control Protocol.
pub const DCCP: u8 = 33;
/// IPv6 in IP.
pub const IPV6: u8 = 41;
/// IPv6 routing header.
pub const ROUTING: u8 = 43;
/// IPv6 fragment header.
pub const FRAGMENT: u8 = 44;
/// Generic routing encapsulation.
pub const GRE: u8 = 47;
/// Encapsulating security payload.
pub const ESP: u8 = 50;
/// Authentication header.
pub const AH: u8 = 51;
/// ICMP for IPv6.
pub const ICMPV6: u8 = 58;
/// IPv6: nothing follows.
pub const NO_NEXT: u8 = 59;
/// IPv6 destination options.
pub const DESTINATION_OPTIONS: u8 = 60;
/// Ethernet in IP.
pub const ETHERIP: u8 = 97;
/// L2TP of version 3 over IP.
pub const L2TP: u8 = 115;
/// Stream Control Transmission Protocol.
pub const SCTP: u8 = 132;
/// IPv6 mobility header.
pub const MOBILITY: u8 = 135;
/// Lightweight UDP.
pub const UDP_LITE: u8 = 136;
/// Host Identity Protocol.
pub const HIP: u8 = 139;
/// Shim6.
pub const SHIM6: u8 = 140;

/// True for protocols whose packets mark the beginning and the end of a connection.
#[inline(always)]
#[must_use]
pub const fn has_connections(number: u8) -> bool {
    matches!(number, TCP | SCTP | DCCP)
}

/// Content of a packet, by its protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Ports and flags.
    Tcp,
    /// Ports; the receiver's may be a tunnel's.
    Udp,
    /// Ports.
    Ports,
    /// Packets.
    Carrier,
    /// None of these.
    #[default]
    Other,
}

impl Kind {
    /// The kind of a protocol.
    #[inline(always)]
    #[must_use]
    pub const fn of(number: u8) -> Self {
        match number {
            TCP => Self::Tcp,
            UDP => Self::Udp,
            UDP_LITE | SCTP | DCCP => Self::Ports,
            IPV4 | IPV6 | GRE | ETHERIP | L2TP => Self::Carrier,
            _ => Self::Other,
        }
    }

    /// True if ports belong to the endpoints and are exchanged with them.
    #[inline(always)]
    #[must_use]
    pub const fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp | Self::Ports)
    }
}
