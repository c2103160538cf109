//! The walk through a frame's headers, down to what a flow needs.

use super::{
    bytes::{Bytes, Window},
    ethernet, ethertype,
    extension::{self, Chain},
    icmp,
    ipv4::{self, Ipv4},
    ipv6::{self, Ipv6},
    protocol, tcp, udp,
    vlan::{self, Vlans},
};
use crate::abi::{
    ledger::{Reason, link},
    slot::Sample,
};

/// What is known of a frame besides its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Octets on the wire, or of the whole super-packet; never fewer than the bytes at hand.
    pub length: u32,
    /// One of [`link`].
    pub link: u8,
    /// Tag control information of a VLAN tag that is not in the bytes (stripped by hardware), if there was one.
    pub stripped_vlan: Option<u16>,
    /// Stands for several segments (GSO, GRO): transport lengths may speak of one.
    pub segmented: bool,
}

/// Sender and receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// IPv4, as in memory.
    V4([u32; 2]),
    /// IPv6, as in memory.
    V6([[u64; 2]; 2]),
}

/// One IP packet, as far as flows are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Sender, then receiver.
    pub addresses: Addresses,
    /// Sender's, then receiver's port; zeroes where the protocol has none. For ICMP see [`crate::track::key`].
    pub ports: [u16; 2],
    /// IANA protocol number.
    pub protocol: u8,
    /// TCP flags; 0 for other protocols.
    pub tcp_flags: u8,
    /// Fields that a record shows of the first packet of its interval.
    pub sample: Sample,
    /// VLANs of the frame.
    pub vlans: Vlans,
    /// Octets of the frame before the IP header.
    pub link_length: u32,
    /// Octets of the IP packet, this one's header included, padding not.
    pub ip_length: u32,
    /// Octets of IP and transport header, which every segment of a super-packet repeats on the wire.
    pub header_length: u32,
    /// Octets of headers that exist in the super-packet alone: the jumbo option that Linux puts before IPv6 BIG TCP.
    pub unsent_length: u32,
}

/// Walks from the start of a frame to the transport header.
///
/// # Errors
/// The reason under which the packet is counted instead.
#[inline(always)]
pub fn walk<B: Bytes>(bytes: B, frame: &Frame) -> Result<Packet, Reason> {
    let mut vlans = Vlans::default();
    let (kind, at) = if frame.link == link::ETHERNET {
        let outer = ethernet::ethertype(bytes)?;
        if let Some(control) = frame.stripped_vlan {
            vlans.push(control);
        }
        if vlan::is_tag(outer) {
            vlan::skip(bytes, outer, ethernet::LENGTH, &mut vlans)?
        } else {
            (outer, ethernet::LENGTH)
        }
    } else {
        (bare_ip(bytes)?, 0)
    };
    match kind {
        ethertype::IPV4 => walk_ipv4(bytes, frame, at, vlans),
        ethertype::IPV6 => walk_ipv6(bytes, frame, at, vlans),
        ethertype::ARP | ethertype::RARP => Err(Reason::Arp),
        length if length < ethertype::LOWEST => Err(Reason::Llc),
        _ => Err(Reason::OtherEthertype),
    }
}

/// The EtherType that a packet without a link header would have, by its version.
#[inline(always)]
pub(super) fn bare_ip<B: Bytes>(bytes: B) -> Result<u16, Reason> {
    // No IP header is shorter than this, of either version.
    let first = bytes
        .window::<{ ipv4::LENGTH }>(0)
        .ok_or(Reason::MalformedIpv4)?;
    match first.u8(0) >> 4 {
        4 => Ok(ethertype::IPV4),
        6 => Ok(ethertype::IPV6),
        _ => Err(Reason::OtherEthertype),
    }
}

#[inline(always)]
fn walk_ipv4<B: Bytes>(bytes: B, frame: &Frame, at: usize, vlans: Vlans) -> Result<Packet, Reason> {
    let ip = ipv4::parse(bytes, at, frame.length)?;
    if ip.later_fragment {
        return Err(Reason::Fragment);
    }
    finish_ipv4(bytes, frame, at, vlans, &ip)
}

/// What follows the header and its options.
#[inline(always)]
pub(super) fn finish_ipv4<B: Bytes>(
    bytes: B,
    frame: &Frame,
    at: usize,
    vlans: Vlans,
    ip: &Ipv4,
) -> Result<Packet, Reason> {
    let transport = transport(
        bytes,
        ip.protocol,
        at + ip.header_length as usize,
        ip.length - ip.header_length,
        !(frame.segmented || ip.fragment),
    )?;
    Ok(Packet {
        addresses: Addresses::V4([ip.source, ip.destination]),
        ports: transport.ports,
        protocol: ip.protocol,
        tcp_flags: transport.tcp_flags,
        sample: Sample {
            traffic_class: ip.traffic_class,
            ttl: ip.ttl,
            icmp_type: transport.icmp[0],
            icmp_code: transport.icmp[1],
            flow_label: 0,
        },
        vlans,
        link_length: at as u32,
        ip_length: ip.length,
        header_length: ip.header_length + transport.header_length,
        unsent_length: 0,
    })
}

#[inline(always)]
fn walk_ipv6<B: Bytes>(bytes: B, frame: &Frame, at: usize, vlans: Vlans) -> Result<Packet, Reason> {
    let ip = ipv6::parse(bytes, at, frame.length)?;
    let chain = extension::follow(bytes, ip.next_header, at + ipv6::LENGTH)?;
    if chain.later_fragment {
        return Err(Reason::Fragment);
    }
    finish_ipv6(bytes, frame, at, vlans, &ip, &chain)
}

/// What follows the chain of extension headers.
#[inline(always)]
pub(super) fn finish_ipv6<B: Bytes>(
    bytes: B,
    frame: &Frame,
    at: usize,
    vlans: Vlans,
    ip: &Ipv6,
    chain: &Chain,
) -> Result<Packet, Reason> {
    let before_transport = (chain.at - at) as u32;
    if before_transport > ip.length {
        return Err(Reason::MalformedExtension);
    }
    let transport = transport(
        bytes,
        chain.protocol,
        chain.at,
        ip.length - before_transport,
        !(frame.segmented || chain.fragment || ip.jumbo),
    )?;
    // Linux prepends eight octets of hop-by-hop options to IPv6 BIG TCP and takes them off before the wire.
    let unsent_length = if frame.segmented && ip.jumbo && ip.next_header == protocol::HOP_BY_HOP {
        8
    } else {
        0
    };
    Ok(Packet {
        addresses: Addresses::V6([ip.source, ip.destination]),
        ports: transport.ports,
        protocol: chain.protocol,
        tcp_flags: transport.tcp_flags,
        sample: Sample {
            traffic_class: ip.traffic_class,
            ttl: ip.ttl,
            icmp_type: transport.icmp[0],
            icmp_code: transport.icmp[1],
            flow_label: ip.flow_label,
        },
        vlans,
        link_length: at as u32,
        ip_length: ip.length,
        header_length: before_transport + transport.header_length,
        unsent_length,
    })
}

struct Transport {
    ports: [u16; 2],
    tcp_flags: u8,
    icmp: [u8; 2],
    header_length: u32,
}

#[inline(always)]
fn transport<B: Bytes>(
    bytes: B,
    number: u8,
    at: usize,
    available: u32,
    whole: bool,
) -> Result<Transport, Reason> {
    let mut found = Transport {
        ports: [0; 2],
        tcp_flags: 0,
        icmp: [0; 2],
        header_length: 0,
    };
    match number {
        protocol::TCP => {
            let header = tcp::parse(bytes, at, available)?;
            found.ports = header.ports;
            found.tcp_flags = header.flags;
            found.header_length = header.header_length;
        }
        protocol::UDP => {
            found.ports = udp::parse(bytes, at, available, whole)?;
            found.header_length = udp::LENGTH as u32;
        }
        protocol::ICMP | protocol::ICMPV6 => {
            let header = icmp::parse(bytes, at, available)?;
            found.icmp = [header.kind, header.code];
            found.ports = crate::track::key::icmp_ports(number, &header);
        }
        _ => {}
    }
    Ok(found)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
