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
/// Values below this are IEEE 802.3 lengths.
pub const LOWEST: u16 = 0x0600;
