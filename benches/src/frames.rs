//! Frames for benchmarks.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mermin_core::lab::frame::{flag, tagged, tcp, udp};

/// Returns the server's address in every IPv4 frame.
#[must_use]
pub fn server_v4() -> SocketAddr {
    (Ipv4Addr::new(198, 18, 0, 1), 443).into()
}

/// Returns the client's address in an IPv4 frame.
#[must_use]
pub fn client_v4(port: u16) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, 1), port).into()
}

/// Returns a data packet of a known connection, IPv4.
#[must_use]
pub fn tcp4(port: u16) -> Vec<u8> {
    tcp(client_v4(port), server_v4(), flag::ACK, 64)
}

/// Returns a SYN to a port of the server, IPv4.
#[must_use]
pub fn tcp4_syn(port: u16) -> Vec<u8> {
    let server = (server_v4().ip(), port).into();
    tcp(client_v4(1), server, flag::SYN, 0)
}

/// Returns a packet of the same connection in the reverse direction.
#[must_use]
pub fn tcp4_back(port: u16) -> Vec<u8> {
    tcp(server_v4(), client_v4(port), flag::ACK, 64)
}

/// Returns a datagram, IPv4.
#[must_use]
pub fn udp4(port: u16) -> Vec<u8> {
    udp(client_v4(port), server_v4(), 64)
}

/// Returns a datagram with this many octets of payload, IPv4.
#[must_use]
pub fn udp4_of(port: u16, payload: usize) -> Vec<u8> {
    udp(client_v4(port), server_v4(), payload)
}

/// Returns a data packet of a known connection, IPv6.
#[must_use]
pub fn tcp6(port: u16) -> Vec<u8> {
    let client = (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), port);
    let server = (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2), 443);
    tcp(client.into(), server.into(), flag::ACK, 64)
}

/// Returns a data packet of a known connection in a VLAN, IPv4.
#[must_use]
pub fn vlan(port: u16) -> Vec<u8> {
    tagged(&tcp4(port), 100)
}

/// Offset of the IP header in an untagged frame, and of the payload of a datagram in it.
const PACKET: usize = 14;
const PAYLOAD: usize = 34;
const DATAGRAM: usize = 42;

/// Builds a datagram with this content, to a port of the server.
fn datagram(port: u16, content: &[u8]) -> Vec<u8> {
    let to = (server_v4().ip(), port).into();
    let mut frame = udp(client_v4(50_000), to, content.len());
    frame[DATAGRAM..].copy_from_slice(content);
    frame
}

/// Builds a packet of another protocol with this content.
fn packet(protocol: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = udp(client_v4(50_000), server_v4(), content.len());
    frame.truncate(frame.len() - (DATAGRAM - PAYLOAD));
    frame[PAYLOAD..].copy_from_slice(content);
    let [high, low] = u16::try_from(frame.len() - PACKET)
        .unwrap_or(0)
        .to_be_bytes();
    frame[PACKET + 2..PACKET + 4].copy_from_slice(&[high, low]);
    frame[PACKET + 9] = protocol;
    frame
}

/// Returns a packet of every protocol that has ports or an index and is neither TCP, UDP nor ICMP; an IGMP report;
/// and an OSPF hello, which only its protocol number identifies.
#[must_use]
pub fn rarer_protocols() -> [(&'static str, Vec<u8>); 7] {
    let ports = [0xc3, 0x50, 0x13, 0x89];
    let index = [0, 0, 16, 1, 0, 0, 0, 7];
    let behind_ports = |rest: &[u8]| [&ports[..], rest].concat();
    [
        ("sctp4", packet(132, &behind_ports(&[0; 24]))),
        (
            "dccp4",
            packet(33, &behind_ports(&[4, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 7])),
        ),
        ("udp_lite4", packet(136, &behind_ports(&[0; 68]))),
        ("esp4", packet(50, &[&index[..], &[0; 64]].concat())),
        (
            "ah4",
            packet(51, &[&[6, 4, 0, 0][..], &index, &[0; 64]].concat()),
        ),
        ("igmp4", packet(2, &[0x16, 0, 0, 0, 224, 0, 0, 251])),
        (
            "ospf4",
            packet(89, &[&[2, 1, 0, 44][..], &[0; 40]].concat()),
        ),
    ]
}

/// Returns a data packet of a known connection in every supported tunnel, by name.
#[must_use]
pub fn tunnelled() -> [(&'static str, Vec<u8>); 6] {
    let framed = tcp4(1);
    let inner = &framed[PACKET..];
    let vxlan = datagram(4789, &[&[8, 0, 0, 0, 0, 0, 42, 0][..], &framed].concat());
    let nested = [&[8, 0, 0, 0, 0, 0, 42, 0][..], &packet(4, inner)].concat();
    let length = u16::try_from(inner.len()).unwrap_or(0).to_be_bytes();
    let gtpu = [&[0x30, 255][..], &length, &[0, 0, 0, 1], inner].concat();
    [
        ("vxlan_tcp4", vxlan),
        (
            "geneve_tcp4",
            datagram(
                6081,
                &[&[1, 0, 0x65, 0x58, 0, 0, 42, 0, 0, 0, 0, 0][..], &framed].concat(),
            ),
        ),
        (
            "gre_tcp4",
            packet(47, &[&[0x20, 0, 8, 0, 0, 0, 0, 7][..], inner].concat()),
        ),
        ("ipip_tcp4", packet(4, inner)),
        ("gtpu_tcp4", datagram(2152, &gtpu)),
        ("vxlan_ipip_tcp4", datagram(4789, &nested)),
    ]
}

/// Returns a packet's first fragment, and a later one.
#[must_use]
pub fn fragments() -> [(&'static str, Vec<u8>); 2] {
    [("first_fragment", 0x2000_u16), ("later_fragment", 100)].map(|(name, field)| {
        let mut frame = udp4(1);
        frame[PACKET + 6..PACKET + 8].copy_from_slice(&field.to_be_bytes());
        (name, frame)
    })
}

/// Returns frames that are unusual in other ways.
#[must_use]
pub fn odd() -> [(&'static str, Vec<u8>); 5] {
    let plain = tcp4(1);
    let (macs, packet) = (&plain[..12], &plain[PACKET..]);
    let length = u16::try_from(packet.len() + 2).unwrap_or(0).to_be_bytes();
    let behind = |header: &[u8]| [macs, header, packet].concat();
    let tags = [0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0];
    let mut extension = tcp6(1);
    // A padding option of hop-by-hop options (RFC 8200 section 4.2), before TCP.
    extension.splice(PACKET + 40..PACKET + 40, [6, 0, 1, 4, 0, 0, 0, 0]);
    extension[PACKET + 6] = 0;
    extension[PACKET + 5] += 8;
    let mut arp = vec![0; 60];
    arp[12..14].copy_from_slice(&[8, 6]);
    [
        ("two_tags_tcp4", behind(&tags)),
        ("mpls_tcp4", behind(&[0x88, 0x47, 0, 1, 1, 64])),
        (
            "pppoe_tcp4",
            behind(&[&[0x88, 0x64, 0x11, 0, 0, 1][..], &length, &[0, 0x21]].concat()),
        ),
        ("extension_tcp6", extension),
        ("arp", arp),
    ]
}
