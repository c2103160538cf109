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
/// Service VLAN tag as used before 802.1ad.
pub const OLD_SERVICE_VLAN: u16 = 0x9100;
/// Transparent Ethernet bridging: an Ethernet frame inside of something else.
pub const ETHERNET: u16 = 0x6558;
/// MPLS, unicast (RFC 3032).
pub const MPLS: u16 = 0x8847;
/// MPLS with upstream-assigned labels (RFC 5332).
pub const MPLS_UPSTREAM: u16 = 0x8848;
/// PPP over Ethernet, session stage (RFC 2516).
pub const PPPOE_SESSION: u16 = 0x8864;
/// Values below this are IEEE 802.3 lengths.
pub const LOWEST: u16 = 0x0600;
