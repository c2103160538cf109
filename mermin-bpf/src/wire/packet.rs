//! The walk through a frame's headers, down to what a flow needs.

use core::hint::black_box;

use super::{
    bytes::Bytes, encap_level::EncapLevel, ip::Ip, protocol::Kind, transport::Transport,
    vlan::Vlans, walk_start::WalkStart,
};
use crate::abi::{ledger::Reason, slot::Sample};

/// Facts of a frame besides its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Octets on the wire, or of the whole super-packet; never fewer than the bytes at hand.
    pub length: u32,
    /// One of [`link`](crate::abi::ledger::link).
    pub link: u8,
    /// Tag control information of a VLAN tag that is not in the bytes (stripped by hardware), if there was one.
    pub stripped_vlan: Option<u16>,
    /// Stands for several segments (GSO, GRO): transport lengths may speak of one.
    pub segmented: bool,
}

/// Version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Sender and receiver, in one form for both versions: as variants of an enum they would be copied octet by octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    words: [[u64; 2]; 2],
    /// Of both.
    pub version: Version,
}

impl Addresses {
    /// Of IPv4, as in memory.
    #[inline(always)]
    #[must_use]
    pub const fn v4([source, destination]: [u32; 2]) -> Self {
        Self {
            words: [[source as u64, 0], [destination as u64, 0]],
            version: Version::V4,
        }
    }

    /// Of IPv6, as in memory.
    #[inline(always)]
    #[must_use]
    pub const fn v6(words: [[u64; 2]; 2]) -> Self {
        Self {
            words,
            version: Version::V6,
        }
    }

    /// As in memory. IPv4 has the first four octets of each, the rest are zeroes.
    #[inline(always)]
    #[must_use]
    pub const fn words(&self) -> [[u64; 2]; 2] {
        // Word by word, or the compiler calls `memmove` where a map's memory goes to a map's.
        let [[one, two], [three, four]] = self.words;
        [[one, two], [three, four]]
    }

    /// Receiver and sender.
    #[inline(always)]
    #[must_use]
    pub const fn reversed(&self) -> Self {
        let [source, destination] = self.words();
        Self {
            words: [destination, source],
            version: self.version,
        }
    }

    /// Those of IPv4, as in memory; of IPv6 the first four octets.
    #[inline(always)]
    #[must_use]
    pub const fn first(&self) -> [u32; 2] {
        [self.words[0][0] as u32, self.words[1][0] as u32]
    }

    /// True if they are of IPv6.
    #[inline(always)]
    #[must_use]
    pub const fn is_v6(&self) -> bool {
        matches!(self.version, Version::V6)
    }
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
    /// Its content by its protocol.
    pub kind: Kind,
    /// As [`Transport::tcp_flags`].
    pub tcp_flags: u8,
    /// Fields that a record shows of the first packet of its interval.
    pub sample: Sample,
    /// VLANs of the frame, and of frames inside of it that the packet is in.
    pub vlans: Vlans,
    /// As [`KeyTail::encapsulation`](crate::abi::key::KeyTail::encapsulation).
    pub encapsulation: u32,
    /// As [`EncapLevel::ids`].
    pub ids: u32,
    /// Where in the frame the MAC of who sent it to the next hop is; 0 without an Ethernet header right around it.
    pub mac_at: u32,
    /// Offset of the transport header in the frame.
    pub transport_at: u32,
    /// Octets of the frame before the IP header, tunnels included.
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
    /// Of a packet's headers.
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
            // Opaque, or the kernel program keeps five numbers until they are wanted, where it has registers for one word.
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
