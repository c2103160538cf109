//! An IP packet of either version: the fields that both headers have.

use super::{
    addresses::Addresses,
    bytes::{Bytes, Window},
    ethertype,
    extension::Chain,
    ipv4::{self, Ipv4},
    ipv6::{self, Ipv6},
    protocol,
};
use crate::abi::ledger::Reason;

/// The IP header of a packet, with its extension headers.
// An octet first: of a `Result`, the reason lies over the first field, and the compiler copies that octet by octet.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// IANA number of the payload's protocol.
    pub protocol: u8,
    /// Type of service or traffic class.
    pub traffic_class: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// A fragment, first or later: lengths in the payload are those of the whole datagram.
    pub fragment: bool,
    /// Not the first fragment, so it has no ports.
    pub later_fragment: bool,
    /// Longer than the maximum of its length field.
    pub jumbo: bool,
    /// IPv6 flow label; 0 for IPv4.
    pub flow_label: u32,
    /// Octets of the packet.
    pub length: u32,
    /// Octets of headers that only a super-packet has.
    pub unsent_length: u32,
    /// Number that the fragments of one packet share.
    pub identification: u32,
    /// Offset of the header in the frame.
    pub at: usize,
    /// Offset of the payload, behind options and extension headers.
    pub payload: usize,
    /// Sender, then receiver.
    pub addresses: Addresses,
}

/// The EtherType of the packet at `at`, by its version.
///
/// # Errors
/// [`Reason::MalformedIpv4`] if there is no room for a header, [`Reason::OtherEthertype`] if it is not IP.
#[inline(always)]
pub fn version<B: Bytes>(bytes: B, at: usize) -> Result<u16, Reason> {
    // The shortest IP header of either version.
    let first = bytes
        .window::<{ ipv4::LENGTH }>(at)
        .ok_or(Reason::MalformedIpv4)?;
    match first.u8(0) >> 4 {
        4 => Ok(ethertype::IPV4),
        6 => Ok(ethertype::IPV6),
        _ => Err(Reason::OtherEthertype),
    }
}

/// True if an IP header can begin there: it has room, and its version and lengths are valid. A header that is out of reach
/// counts as valid, because its parser reports it. With `fits`, the whole packet must be there too.
#[inline(always)]
#[must_use]
pub fn can_begin<B: Bytes>(bytes: B, reached: &super::l3_start::L3Start, fits: bool) -> bool {
    let room = reached.end.saturating_sub(reached.at as u32);
    if reached.kind == ethertype::IPV4 {
        let header = bytes.window::<{ ipv4::LENGTH }>(reached.at);
        room >= ipv4::LENGTH as u32 && header.is_none_or(|header| ipv4::can_be(header, room, fits))
    } else {
        let header = bytes.window::<{ ipv6::LENGTH }>(reached.at);
        room >= ipv6::LENGTH as u32 && header.is_none_or(|header| ipv6::can_be(header, room, fits))
    }
}

/// The packet length in an IP header that can begin there; 0 if none can, if its length field is 0, or if it is out of reach.
#[inline(always)]
pub(super) fn length<B: Bytes>(bytes: B, reached: &super::l3_start::L3Start, fits: bool) -> u32 {
    let room = reached.end.saturating_sub(reached.at as u32);
    if reached.kind == ethertype::IPV4 {
        return match bytes.window::<{ ipv4::LENGTH }>(reached.at) {
            Some(header) if ipv4::can_be(header, room, fits) => header.be16(2).into(),
            _ => 0,
        };
    }
    match bytes.window::<{ ipv6::LENGTH }>(reached.at) {
        Some(header)
            if room >= ipv6::LENGTH as u32
                && header.be16(4) != 0
                && ipv6::can_be(header, room, fits) =>
        {
            u32::from(header.be16(4)) + ipv6::LENGTH as u32
        }
        _ => 0,
    }
}

impl Ip {
    /// Takes the fields of an IPv4 header at `at`.
    #[inline(always)]
    #[must_use]
    pub fn v4(ip: &Ipv4, at: usize) -> Self {
        Self {
            addresses: Addresses::v4([ip.source, ip.destination]),
            protocol: ip.protocol,
            traffic_class: ip.traffic_class,
            ttl: ip.ttl,
            flow_label: 0,
            at,
            payload: at + ip.header_length as usize,
            length: ip.length,
            unsent_length: 0,
            fragment: ip.fragment,
            later_fragment: ip.later_fragment,
            identification: ip.identification.into(),
            jumbo: false,
        }
    }

    /// Takes the fields of an IPv6 header at `at` and the chain behind it, in a super-packet or not.
    ///
    /// # Errors
    /// [`Reason::MalformedExtension`] for a chain longer than its packet.
    #[inline(always)]
    pub fn v6(ip: &Ipv6, at: usize, chain: &Chain, segmented: bool) -> Result<Self, Reason> {
        if (chain.at - at) as u32 > ip.length {
            return Err(Reason::MalformedExtension);
        }
        // Linux prepends eight octets of hop-by-hop options to IPv6 BIG TCP and removes them before the wire.
        let unsent_length = if segmented && ip.jumbo && ip.next_header == protocol::HOP_BY_HOP {
            8
        } else {
            0
        };
        Ok(Self {
            addresses: Addresses::v6([ip.source, ip.destination]),
            protocol: chain.protocol,
            traffic_class: ip.traffic_class,
            ttl: ip.ttl,
            flow_label: ip.flow_label,
            at,
            payload: chain.at,
            length: ip.length,
            unsent_length,
            fragment: chain.fragment,
            later_fragment: chain.later_fragment,
            identification: chain.identification,
            jumbo: ip.jumbo,
        })
    }

    /// Octets of IP headers before the payload.
    #[inline(always)]
    #[must_use]
    pub const fn header_length(&self) -> u32 {
        (self.payload - self.at) as u32
    }

    /// Octets of payload.
    #[inline(always)]
    #[must_use]
    pub const fn payload_length(&self) -> u32 {
        self.length - self.header_length()
    }
}

/// Reads the IP header behind the [`link`](super::link) headers, and the extension headers behind it.
///
/// # Errors
/// The reason of the malformed header.
#[inline(always)]
pub fn parse<B: Bytes>(
    bytes: B,
    reached: &super::l3_start::L3Start,
    goes_on: bool,
    segmented: bool,
) -> Result<Ip, Reason> {
    if reached.kind == ethertype::IPV4 {
        let ip = ipv4::parse(bytes, reached.at, reached.end, goes_on)?;
        Ok(Ip::v4(&ip, reached.at))
    } else {
        let ip = ipv6::parse(bytes, reached.at, reached.end, goes_on)?;
        let chain = super::extension::follow(bytes, ip.next_header, reached.at + ipv6::LENGTH)?;
        Ip::v6(&ip, reached.at, &chain, segmented)
    }
}
