//! The walk through a frame's headers, down to what a flow needs.

use core::hint::black_box;

pub use super::{
    addresses::{Addresses, Version},
    frame::Frame,
};
use super::{
    bytes::Bytes, encap_level::EncapLevel, ip::Ip, protocol::Kind, transport::Transport,
    vlan::Vlans, walk_start::WalkStart,
};
use crate::abi::{ledger::Reason, slot::Sample};

/// One IP packet, as far as flows are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Sender, then receiver.
    pub addresses: Addresses,
    /// Sender's, then receiver's port; zeroes if the protocol has none. For ICMP see [`super::pseudo_ports`].
    pub ports: [u16; 2],
    /// IANA protocol number.
    pub protocol: u8,
    /// Its content by its protocol.
    pub kind: Kind,
    /// As [`Transport::tcp_flags`].
    pub tcp_flags: u8,
    /// Fields that a record shows of the first packet of its interval.
    pub sample: Sample,
    /// VLANs of the frame, and of inner frames around the packet.
    pub vlans: Vlans,
    /// As [`KeyTail::encapsulation`](crate::abi::key::KeyTail::encapsulation).
    pub encapsulation: u32,
    /// As [`EncapLevel::ids`].
    pub ids: u32,
    /// Offset of the sender's MAC in the frame, which the receiver's precedes; 0 without an Ethernet header directly around the packet.
    pub mac_at: u32,
    /// Offset of the transport header in the frame.
    pub transport_at: u32,
    /// Octets of the frame before the IP header, tunnels included.
    pub link_length: u32,
    /// Octets of the IP packet with its header, without padding.
    pub ip_length: u32,
    /// Octets of IP and transport header, which every segment of a super-packet repeats on the wire.
    pub header_length: u32,
    /// Octets of headers that only the super-packet has: the jumbo option that Linux puts before IPv6 BIG TCP.
    pub unsent_length: u32,
}

/// Walks from the start of a frame to the transport header.
///
/// # Errors
/// The reason under which the packet is counted instead.
#[inline(always)]
pub fn walk<B: Bytes>(bytes: B, frame: &Frame) -> Result<Packet, Reason> {
    walk_from(bytes, frame, &WalkStart::outermost(frame))
}

/// Walks from the start of a layer to the transport header.
///
/// # Errors
/// As [`walk`].
#[inline(always)]
pub fn walk_from<B: Bytes>(bytes: B, frame: &Frame, layer: &WalkStart) -> Result<Packet, Reason> {
    let level = EncapLevel::outermost(bytes, frame, layer)?;
    let ip = level.ip(bytes, frame)?;
    if ip.later_fragment {
        return Err(Reason::Fragment);
    }
    level.packet(bytes, frame, &ip)
}

impl Packet {
    /// Makes a packet of its headers.
    #[inline(always)]
    #[must_use]
    pub fn new(level: &EncapLevel, ip: &Ip, transport: &Transport) -> Self {
        let sample = Sample {
            traffic_class: ip.traffic_class,
            ttl: ip.ttl,
            icmp_type: transport.icmp[0],
            icmp_code: transport.icmp[1],
            flow_label: ip.flow_label,
        };
        Self {
            addresses: ip.addresses,
            ports: transport.ports,
            protocol: ip.protocol,
            kind: transport.kind,
            tcp_flags: transport.tcp_flags,
            // Opaque: otherwise the kernel program keeps five numbers, and has registers for one word.
            sample: Sample::unpack(black_box(sample.pack())),
            vlans: level.vlans,
            encapsulation: level.encapsulation(),
            ids: level.ids,
            mac_at: level.reached.mac_at,
            transport_at: ip.payload as u32,
            link_length: ip.at as u32,
            ip_length: ip.length,
            header_length: ip.header_length() + transport.header_length,
            unsent_length: ip.unsent_length,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
