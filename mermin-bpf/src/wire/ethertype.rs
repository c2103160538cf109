//! EtherTypes (IEEE 802 numbers, IANA registry).

/// IPv4.
pub const IPV4: u16 = 0x0800;
/// Address Resolution Protocol.
pub const ARP: u16 = 0x0806;
/// Reverse ARP.
pub const RARP: u16 = 0x8035;
/// IPv6.
pub const IPV6: u16 = 0x86dd;
/// Customer VLAN tag, IEEE 802.1Q.
pub const VLAN: u16 = 0x8100;
/// Service VLAN tag, IEEE 802.1ad.
pub const SERVICE_VLAN: u16 = 0x88a8;
/// Service VLAN tag as used before 802.1ad (Linux's `ETH_P_QINQ1`).
pub const QINQ1: u16 = 0x9100;
/// The same of other vendors (`ETH_P_QINQ2`).
pub const QINQ2: u16 = 0x9200;
/// Transparent Ethernet bridging: an Ethernet frame in another protocol.
pub const ETHERNET: u16 = 0x6558;
/// MPLS, unicast (RFC 3032).
pub const MPLS: u16 = 0x8847;
/// MPLS with upstream-assigned labels (RFC 5332).
pub const MPLS_UPSTREAM: u16 = 0x8848;
/// Service tag of a provider's backbone, before a customer's frame (IEEE 802.1ah).
pub const PBB: u16 = 0x88e7;
/// Cisco `MetaData`.
pub const CMD: u16 = 0x8909;
/// Network service header (RFC 8300).
pub const NSH: u16 = 0x894f;
/// PPP over Ethernet, session stage (RFC 2516).
pub const PPPOE_SESSION: u16 = 0x8864;
/// GRE's payload types that are not IEEE's (RFC 2637; draft-foschiano-erspan; `MikroTik`;
/// draft-wilson-wrec-wccp-v2).
pub const PPP: u16 = 0x880b;
/// ERSPAN of type I, and of type II with a sequence number.
pub const ERSPAN: u16 = 0x88be;
/// ERSPAN of type III.
pub const ERSPAN_3: u16 = 0x22eb;
/// `MikroTik`'s Ethernet over IP.
pub const EOIP: u16 = 0x6400;
/// Packets that a router redirects by WCCP, in GRE.
pub const WCCP: u16 = 0x883e;
/// Values below this are IEEE 802.3 lengths.
pub const LOWEST: u16 = 0x0600;
