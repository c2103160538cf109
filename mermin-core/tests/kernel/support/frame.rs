//! Crafted frames.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use mermin_core::lab::frame::Segment;
pub(crate) use mermin_core::lab::frame::flag::{ACK, FIN, RST, SYN};

pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;
pub(crate) const VLAN: u16 = 0x8100;
pub(crate) const SERVICE_VLAN: u16 = 0x88a8;
pub(crate) const QINQ1: u16 = 0x9100;
pub(crate) const QINQ2: u16 = 0x9200;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;

/// An address without a host, so a host that gets such a frame drops it without an answer.
const NOBODY: [u8; 6] = [0x02, 0, 0, 0, 0, 0x99];
const SENDER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x77];

/// A frame that no host receives.
pub(crate) fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    ethernet_to(NOBODY, kind, payload)
}

pub(crate) fn ethernet_to(mac: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    [&mac[..], &SENDER, &kind.to_be_bytes(), payload].concat()
}

/// An IP packet in a frame that no host receives, behind VLAN tags of these kinds and ids, the outermost first.
pub(crate) fn tagged(tags: &[(u16, u16)], packet: &[u8]) -> Vec<u8> {
    let (mut kind, mut payload) = (ip_kind(packet), packet.to_vec());
    for &(tag, id) in tags.iter().rev() {
        payload = [&id.to_be_bytes()[..], &kind.to_be_bytes(), &payload].concat();
        kind = tag;
    }
    ethernet(kind, &payload)
}

fn ip_kind(packet: &[u8]) -> u16 {
    if packet[0] >> 4 == 4 { IPV4 } else { IPV6 }
}

/// An IP packet of either version.
pub(crate) fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut header = [0; 20];
            header[0] = 0x45;
            header[2..4].copy_from_slice(&(length + 20).to_be_bytes());
            header[8] = 64;
            header[9] = protocol;
            header[12..16].copy_from_slice(&source.octets());
            header[16..20].copy_from_slice(&destination.octets());
            let checksum = ones_complement(&header);
            header[10..12].copy_from_slice(&checksum.to_be_bytes());
            [&header[..], payload].concat()
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let mut header = vec![0x60, 0, 0, 0];
            header.extend(length.to_be_bytes());
            header.extend([protocol, 64]);
            header.extend(source.octets());
            header.extend(destination.octets());
            [&header[..], payload].concat()
        }
        _ => panic!("both of one version"),
    }
}

/// Makes a packet of IPv4 one fragment of a larger one: its number, and flags above the offset in eight octets.
pub(crate) fn set_fragment(packet: &mut [u8], number: u16, place: u16) {
    packet[4..6].copy_from_slice(&number.to_be_bytes());
    packet[6..8].copy_from_slice(&place.to_be_bytes());
    packet[10..12].fill(0);
    let checksum = ones_complement(&packet[..20]);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
}

fn ones_complement(octets: &[u8]) -> u16 {
    let mut sum: u32 = octets
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

/// A UDP datagram without a checksum.
pub(crate) fn udp(source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 8).unwrap();
    let header = [source.port(), destination.port(), length, 0].map(u16::to_be_bytes);
    let datagram = [&header.concat()[..], payload].concat();
    ip(source.ip(), destination.ip(), UDP, &datagram)
}

/// A TCP segment with nothing in it.
pub(crate) fn tcp(source: SocketAddr, destination: SocketAddr, flags: u8) -> Vec<u8> {
    let segment = Segment {
        flags,
        ..Segment::default()
    };
    tcp_of(source, destination, &segment)
}

/// The same with a checksum, which a kernel that receives it looks at. Over IPv4.
pub(crate) fn tcp_checked(source: SocketAddr, destination: SocketAddr, flags: u8) -> Vec<u8> {
    let mut packet = tcp(source, destination, flags);
    let length = u8::try_from(packet.len() - 20).unwrap();
    let pseudo = [&packet[12..20], &[0, TCP, 0, length], &packet[20..]].concat();
    let checksum = ones_complement(&pseudo);
    packet[36..38].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// This TCP segment.
pub(crate) fn tcp_of(
    source: SocketAddr,
    destination: SocketAddr,
    segment: &Segment<'_>,
) -> Vec<u8> {
    let octets = segment.octets([source.port(), destination.port()]);
    ip(source.ip(), destination.ip(), TCP, &octets)
}

/// A TCP segment with a payload.
pub(crate) fn tcp_segment(
    ends: [SocketAddr; 2],
    flags: u8,
    sequence: u32,
    payload: &[u8],
) -> Vec<u8> {
    let segment = Segment {
        flags,
        sequence,
        payload,
        ..Segment::default()
    };
    tcp_of(ends[0], ends[1], &segment)
}

/// A packet of SCTP with one chunk, whose first word is the tag that INIT and its answer have.
pub(crate) fn sctp(source: SocketAddr, destination: SocketAddr, chunk: u8, tag: u32) -> Vec<u8> {
    let mut packet = [0; 32];
    packet[0..2].copy_from_slice(&source.port().to_be_bytes());
    packet[2..4].copy_from_slice(&destination.port().to_be_bytes());
    packet[12] = chunk;
    packet[15] = 20;
    packet[16..20].copy_from_slice(&tag.to_be_bytes());
    ip(source.ip(), destination.ip(), 132, &packet)
}

/// A packet of DCCP of this type with nothing in it.
pub(crate) fn dccp(source: SocketAddr, destination: SocketAddr, kind: u8) -> Vec<u8> {
    let mut packet = [0; 16];
    packet[0..2].copy_from_slice(&source.port().to_be_bytes());
    packet[2..4].copy_from_slice(&destination.port().to_be_bytes());
    packet[4] = 4;
    packet[8] = kind << 1 | 1;
    ip(source.ip(), destination.ip(), 33, &packet)
}

/// The endpoint of this number: tests with many flows count them.
pub(crate) fn source(number: u64) -> SocketAddr {
    let first = u32::from(Ipv4Addr::new(10, 1, 0, 0));
    let address = first + u32::try_from(number >> 8).unwrap();
    let port = 1024 + u16::try_from(number & 0xff).unwrap();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::from_bits(address)), port)
}

/// A small datagram from that endpoint to 10.0.0.2, in a frame that no host receives.
pub(crate) fn numbered(number: u64) -> Vec<u8> {
    let destination = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 53);
    ethernet(IPV4, &udp(source(number), destination, &[0; 40]))
}

/// The same over IPv6, to `2001:db8::2`.
pub(crate) fn numbered_v6(number: u64) -> Vec<u8> {
    let [source, destination] = [0x1_0000 + (number >> 8), 2].map(|host| {
        let network = u128::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0));
        IpAddr::V6(Ipv6Addr::from_bits(network | u128::from(host)))
    });
    let port = 1024 + u16::try_from(number & 0xff).unwrap();
    let (source, destination) = (
        SocketAddr::new(source, port),
        SocketAddr::new(destination, 53),
    );
    ethernet(IPV6, &udp(source, destination, &[0; 40]))
}
