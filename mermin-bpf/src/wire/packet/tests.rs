//! Whole frames, well-formed and not.

use std::vec::Vec;

use super::*;
use crate::{
    abi::ledger::link,
    wire::{
        ethertype, protocol, tcp,
        testing::{
            ETHERNET, IPV4, IPV6, ethernet, ethernet_v4, ethernet_v6, fragment, icmp, ipv4,
            ipv4_options, ipv6, join, labels, options, pppoe, tag, tcp, udp, whole, with,
        },
        vlan,
    },
};

/// A SYN from 192.0.2.1:51000 to 198.51.100.2:443, as captured.
const SYN: [u8; 58] = [
    0x02, 0x00, 0x00, 0x00, 0x00, 0x02, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08,
    0x00, // Ethernet
    0x45, 0x10, 0x00, 0x2c, 0x00, 0x01, 0x40, 0x00, 0x3f, 0x06, 0x00, 0x00, // IPv4, 44 octets
    0xc0, 0x00, 0x02, 0x01, 0xc6, 0x33, 0x64, 0x02, // addresses
    0xc7, 0x38, 0x01, 0xbb, 0x01, 0x02, 0x03, 0x04, 0x00, 0x00, 0x00, 0x00, // TCP
    0x60, 0x02, 0xfa, 0xf0, 0x00, 0x00, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4,
];

const PORTS: [u16; 2] = [51_000, 443];

fn read(bytes: &[u8]) -> Result<Packet, Reason> {
    walk(bytes, &whole(bytes))
}

/// The common header of an SCTP packet, and that of its chunk.
fn sctp([source, destination]: [u16; 2]) -> Vec<u8> {
    join(&[
        &source.to_be_bytes(),
        &destination.to_be_bytes(),
        &[0, 0, 0, 9, 1, 2, 3, 4, 3, 0, 0, 16],
    ])
}

/// The shortest header of a DCCP packet.
fn dccp([source, destination]: [u16; 2]) -> Vec<u8> {
    join(&[
        &source.to_be_bytes(),
        &destination.to_be_bytes(),
        &[3, 0, 0, 0, 2, 0, 0, 1],
    ])
}

/// A datagram of UDP-Lite without payload, all of it covered.
fn udp_lite([source, destination]: [u16; 2]) -> Vec<u8> {
    join(&[
        &source.to_be_bytes(),
        &destination.to_be_bytes(),
        &[0, 8, 0, 0],
    ])
}

/// One frame of every shape that is followed to its ports.
pub(super) fn with_ports() -> Vec<Vec<u8>> {
    let segment = tcp(PORTS, tcp::flag::ACK, &[1, 2, 3]);
    let datagram = udp(PORTS, &[1, 2, 3]);
    let v4 = ipv4(protocol::TCP, &segment);
    let chain = options(
        protocol::ROUTING,
        0,
        &options(
            protocol::FRAGMENT,
            2,
            &fragment(
                protocol::DESTINATION_OPTIONS,
                0,
                &options(protocol::UDP, 1, &datagram),
            ),
        ),
    );
    [
        SYN.to_vec(),
        ethernet_v4(protocol::UDP, &datagram),
        ethernet_v4(protocol::ICMP, &icmp(8, 0, 0x1234)),
        ethernet(
            ethertype::IPV4,
            &ipv4_options(protocol::TCP, &[1; 40], &segment),
        ),
        ethernet(ethertype::VLAN, &tag(100, ethertype::IPV4, &v4)),
        ethernet(
            ethertype::SERVICE_VLAN,
            &tag(10, ethertype::VLAN, &tag(20, ethertype::IPV4, &v4)),
        ),
        ethernet_v6(protocol::TCP, &segment),
        ethernet_v6(protocol::UDP, &datagram),
        ethernet_v6(protocol::ICMPV6, &icmp(128, 0, 0x1234)),
        ethernet_v6(protocol::HOP_BY_HOP, &chain),
        with(
            ethernet_v4(protocol::UDP, &datagram),
            ETHERNET + 6,
            &[0x20, 0],
        ),
        ethernet(ethertype::MPLS, &labels(3, &v4)),
        ethernet(ethertype::PPPOE_SESSION, &pppoe(0x21, &v4)),
        ethernet_v4(protocol::SCTP, &sctp(PORTS)),
        ethernet_v6(protocol::DCCP, &dccp(PORTS)),
        ethernet_v4(protocol::UDP_LITE, &udp_lite(PORTS)),
        ethernet_v6(protocol::ESP, &[0x12, 0x34, 0x56, 0x78, 0, 0, 0, 1]),
        ethernet_v4(
            protocol::AH,
            &[6, 1, 0, 0, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 1],
        ),
    ]
    .into()
}

#[test]
fn syn_is_a_packet_with_its_flags() {
    let expected = Packet {
        addresses: Addresses::v4([
            u32::from_ne_bytes([192, 0, 2, 1]),
            u32::from_ne_bytes([198, 51, 100, 2]),
        ]),
        ports: PORTS,
        protocol: protocol::TCP,
        kind: Kind::Tcp,
        tcp_flags: tcp::flag::SYN,
        sample: Sample {
            traffic_class: 0x10,
            ttl: 63,
            ..Sample::default()
        },
        vlans: Vlans::default(),
        encapsulation: 0,
        ids: 0,
        mac_at: 6,
        transport_at: 34,
        link_length: 14,
        ip_length: 44,
        header_length: 44,
        unsent_length: 0,
    };
    assert_eq!(read(&SYN), Ok(expected));
    let mut padded = SYN.to_vec();
    padded.extend([0; 6]);
    assert_eq!(read(&padded), Ok(expected), "padding changes nothing");
}

#[test]
fn every_shape_is_followed_to_its_ports() {
    for frame in with_ports() {
        let packet = read(&frame);
        assert!(
            packet.is_ok_and(|packet| packet.ports == PORTS
                || packet.ports == [8, 0x1234]
                || packet.ports == [128, 0x1234]
                || packet.ports == [0x1234, 0x5678]),
            "{packet:?} of {frame:02x?}"
        );
    }
}

#[test]
fn truncated_frame_is_never_a_packet() {
    for frame in with_ports() {
        for length in 0..frame.len() {
            let cut = read(&frame[..length]);
            assert!(cut.is_err(), "{length} octets of {frame:02x?}");
        }
    }
}

#[test]
fn snapped_frame_is_the_whole_packet_or_none() {
    for frame in with_ports() {
        let known = whole(&frame);
        let packet = walk(&frame[..], &known);
        let mut seen = 0;
        for length in 0..=frame.len() {
            let snapped = walk(&frame[..length], &known);
            if snapped.is_ok() {
                assert_eq!(snapped, packet, "{length} octets of {frame:02x?}");
                seen += 1;
            }
        }
        // The payload of three octets, or the option of four, need not be there.
        assert!((1..=5).contains(&seen), "{seen} of {frame:02x?}");
    }
}

#[test]
fn layer_that_failed_is_named() {
    let v4 = ethernet_v4(protocol::TCP, &tcp(PORTS, 0, &[]));
    let v6 = ethernet_v6(protocol::TCP, &tcp(PORTS, 0, &[]));
    let tagged = ethernet(ethertype::VLAN, &tag(1, ethertype::IPV4, &[]));
    let extended = ethernet_v6(protocol::ROUTING, &options(protocol::TCP, 0, &[]));
    let cases: [(Vec<u8>, Reason); 22] = [
        (v4[..13].into(), Reason::MalformedEthernet),
        (tagged[..17].into(), Reason::MalformedVlan),
        (tagged.clone(), Reason::MalformedIpv4),
        (v4[..33].into(), Reason::MalformedIpv4),
        (with(v4.clone(), ETHERNET, &[0x55]), Reason::MalformedIpv4),
        (v6[..53].into(), Reason::MalformedIpv6),
        (with(v6.clone(), ETHERNET, &[0x40]), Reason::MalformedIpv6),
        (
            with(extended.clone(), ETHERNET + 4, &[0, 7]),
            Reason::MalformedExtension,
        ),
        (extended, Reason::MalformedTcp),
        (
            with(v4.clone(), ETHERNET + IPV4 + 12, &[0x40]),
            Reason::MalformedTcp,
        ),
        (with(v4, ETHERNET + 2, &[0, 39]), Reason::MalformedTcp),
        (ethernet_v4(protocol::UDP, &[0; 7]), Reason::MalformedUdp),
        (ethernet_v4(protocol::ICMP, &[0; 7]), Reason::MalformedIcmp),
        (ethernet(ethertype::MPLS, &[0, 1, 0]), Reason::MalformedMpls),
        (
            ethernet(ethertype::PPPOE_SESSION, &[0x11, 0, 0, 1, 0, 40, 0, 0x21]),
            Reason::MalformedPppoe,
        ),
        (
            ethernet_v4(protocol::SCTP, &[0; 15]),
            Reason::MalformedTransport,
        ),
        (
            ethernet_v4(protocol::DCCP, &[0; 12]),
            Reason::MalformedTransport,
        ),
        (
            ethernet_v4(protocol::UDP_LITE, &[0, 1, 0, 2, 0, 9, 0, 0]),
            Reason::MalformedTransport,
        ),
        (
            ethernet_v4(protocol::IGMP, &[0; 7]),
            Reason::MalformedTransport,
        ),
        (
            ethernet_v4(protocol::ESP, &[0; 7]),
            Reason::MalformedTransport,
        ),
        (
            ethernet_v6(protocol::AH, &[0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
            Reason::MalformedTransport,
        ),
        (
            ethernet_v6(protocol::ICMPV6, &[0; 4]),
            Reason::MalformedIcmp,
        ),
    ];
    for (frame, reason) in cases {
        assert_eq!(read(&frame), Err(reason), "{frame:02x?}");
    }
}

#[test]
fn non_ip_reason_follows_the_ethertype() {
    let cases = [
        (ethertype::ARP, Reason::Arp),
        (ethertype::RARP, Reason::Arp),
        (0x88cc, Reason::OtherEthertype),
        (ethertype::LOWEST, Reason::OtherEthertype),
        (ethertype::LOWEST - 1, Reason::Llc),
        (0x0026, Reason::Llc),
        (0, Reason::Llc),
    ];
    for (kind, reason) in cases {
        let payload = [0x42, 0x42, 3];
        assert_eq!(read(&ethernet(kind, &payload)), Err(reason), "{kind:#06x}");
        let tagged = ethernet(ethertype::VLAN, &tag(7, kind, &payload));
        assert_eq!(read(&tagged), Err(reason), "{kind:#06x} tagged");
    }
}

#[test]
fn ipv4_options_are_stepped_over() {
    let datagram = udp(PORTS, &[9; 5]);
    let bytes = ethernet(
        ethertype::IPV4,
        &ipv4_options(protocol::UDP, &[1; 8], &datagram),
    );
    let packet = read(&bytes).map(|it| (it.ports, it.ip_length, it.header_length));
    assert_eq!(packet, Ok((PORTS, 41, 36)));
}

#[test]
fn later_fragment_has_no_ports() {
    let datagram = udp(PORTS, &[0; 8]);
    let v4 = with(
        ethernet_v4(protocol::UDP, &datagram),
        ETHERNET + 6,
        &[0, 185],
    );
    assert_eq!(read(&v4), Err(Reason::Fragment));
    let v6 = ethernet_v6(
        protocol::FRAGMENT,
        &fragment(protocol::UDP, 185 << 3, &datagram),
    );
    assert_eq!(read(&v6), Err(Reason::Fragment));
}

#[test]
fn first_fragment_may_have_the_length_of_the_whole_datagram() {
    let first = with(udp(PORTS, &[0; 8]), 4, &2000_u16.to_be_bytes());
    let v4 = ethernet_v4(protocol::UDP, &first);
    assert_eq!(read(&v4), Err(Reason::MalformedUdp), "not a fragment");
    let v4 = with(v4, ETHERNET + 6, &[0x20, 0]);
    assert_eq!(read(&v4).map(|packet| packet.ports), Ok(PORTS));
    let v6 = |offset| ethernet_v6(protocol::FRAGMENT, &fragment(protocol::UDP, offset, &first));
    assert_eq!(read(&v6(1)).map(|packet| packet.ports), Ok(PORTS));
    assert_eq!(read(&v6(0)), Err(Reason::MalformedUdp), "atomic: a whole");
}

#[test]
fn transport_length_of_a_super_packet_is_that_of_one_segment() {
    let first = with(udp(PORTS, &[0; 64]), 4, &2000_u16.to_be_bytes());
    let bytes = ethernet_v4(protocol::UDP, &first);
    let segmented = Frame {
        segmented: true,
        ..whole(&bytes)
    };
    let packet = walk(&bytes[..], &segmented).map(|packet| packet.ports);
    assert_eq!(packet, Ok(PORTS));
}

#[test]
fn extension_chain_longer_than_its_packet_is_malformed() {
    let datagram = options(50, 0, &[0; 64]);
    let bytes = with(
        ethernet_v6(protocol::ROUTING, &datagram),
        ETHERNET + IPV6 + 1,
        &[9],
    );
    assert_eq!(read(&bytes), Err(Reason::MalformedExtension));
}

#[test]
fn protocols_without_ports_are_packets_all_the_same() {
    for number in [3, 47, 89, protocol::MOBILITY, 255] {
        for (bytes, header) in [
            (ethernet_v4(number, &[]), IPV4),
            (ethernet_v6(number, &[]), IPV6),
        ] {
            let packet = read(&bytes).map(|it| (it.protocol, it.ports, it.header_length));
            assert_eq!(packet, Ok((number, [0, 0], header as u32)));
        }
    }
}

#[test]
fn vlans_come_outermost_first() {
    let v4 = ipv4(protocol::UDP, &udp(PORTS, &[]));
    let double = ethernet(
        ethertype::SERVICE_VLAN,
        &tag(0x2064, ethertype::VLAN, &tag(200, ethertype::IPV4, &v4)),
    );
    let packet = read(&double).map(|it| (it.vlans.ids, it.link_length, it.ip_length));
    assert_eq!(packet, Ok(([100, 200], 22, 28)));

    let single = ethernet(ethertype::VLAN, &tag(200, ethertype::IPV4, &v4));
    let stripped = Frame {
        stripped_vlan: Some(0x2064),
        ..whole(&single)
    };
    let packet = walk(&single[..], &stripped).map(|it| (it.vlans.ids, it.link_length));
    assert_eq!(
        packet,
        Ok(([100, 200], 18)),
        "the stripped tag is the outer"
    );
}

#[test]
fn stripped_tag_means_what_a_tag_in_the_frame_does() {
    let v6 = ipv6(protocol::UDP, &udp(PORTS, &[]));
    let tagged = ethernet(ethertype::VLAN, &tag(100, ethertype::IPV6, &v6));
    let bare = ethernet(ethertype::IPV6, &v6);
    let stripped = Frame {
        stripped_vlan: Some(100),
        ..whole(&bare)
    };
    let ids = |packet: Result<Packet, Reason>| packet.map(|it| it.vlans);
    assert_eq!(ids(walk(&bare[..], &stripped)), ids(read(&tagged)));
    assert_ne!(ids(read(&bare)), ids(read(&tagged)));
}

#[test]
fn too_many_tags_have_a_reason() {
    let mut bytes = ipv4(protocol::UDP, &udp(PORTS, &[]));
    let mut kind = ethertype::IPV4;
    for id in 0..=vlan::DEPTH as u16 {
        bytes = tag(id, kind, &bytes);
        kind = ethertype::VLAN;
    }
    assert_eq!(read(&ethernet(kind, &bytes)), Err(Reason::TooDeep));
}

#[test]
fn without_an_ethernet_header_the_version_tells() {
    let raw = |bytes: &[u8]| {
        let frame = Frame {
            link: link::IP,
            ..whole(bytes)
        };
        walk(bytes, &frame).map(|it| (it.ports, it.link_length))
    };
    let segment = tcp(PORTS, 0, &[]);
    assert_eq!(raw(&ipv4(protocol::TCP, &segment)), Ok((PORTS, 0)));
    assert_eq!(raw(&ipv6(protocol::TCP, &segment)), Ok((PORTS, 0)));
    assert_eq!(raw(&[]), Err(Reason::MalformedIpv4));
    assert_eq!(raw(&[0x10; 40]), Err(Reason::OtherEthertype));
}

#[test]
fn big_tcp_takes_its_length_from_the_buffer() {
    let length = 14 + 150_000;
    let big = |bytes: &[u8]| {
        let frame = Frame {
            length,
            segmented: true,
            ..whole(bytes)
        };
        walk(bytes, &frame).map(|it| (it.ip_length, it.header_length, it.unsent_length))
    };
    let segment = tcp(PORTS, 0, &[]);
    let v4 = with(ethernet_v4(protocol::TCP, &segment), ETHERNET + 2, &[0, 0]);
    assert_eq!(big(&v4), Ok((150_000, 40, 0)));
    let v6 = with(ethernet_v6(protocol::TCP, &segment), ETHERNET + 4, &[0, 0]);
    assert_eq!(big(&v6), Ok((150_000, 60, 0)));
    // Next header TCP, length 0, jumbo payload option, 149,960 octets.
    let jumbo = [6, 0, 0xc2, 4, 0, 2, 0x49, 0xc8];
    let v6 = with(
        ethernet_v6(protocol::HOP_BY_HOP, &join(&[&jumbo, &segment])),
        ETHERNET + 4,
        &[0, 0],
    );
    assert_eq!(big(&v6), Ok((150_000, 68, 8)));
}

#[test]
fn hop_by_hop_options_that_were_sent_stay_in_the_count() {
    let bytes = ethernet_v6(
        protocol::HOP_BY_HOP,
        &options(protocol::TCP, 0, &tcp(PORTS, 0, &[0; 2000])),
    );
    let frame = Frame {
        segmented: true,
        ..whole(&bytes)
    };
    let packet = walk(&bytes[..], &frame).map(|it| (it.header_length, it.unsent_length));
    assert_eq!(packet, Ok((68, 0)));
}

#[test]
fn sample_is_the_first_packets_fields() {
    let v6 = ethernet_v6(protocol::ICMPV6, &icmp(1, 4, 0));
    let expected = Sample {
        traffic_class: 0xb8,
        ttl: 63,
        icmp_type: 1,
        icmp_code: 4,
        flow_label: 0x1_2345,
    };
    assert_eq!(read(&v6).map(|packet| packet.sample), Ok(expected));
}

#[test]
fn igmp_is_a_flow_of_its_addresses() {
    let bytes = ethernet_v4(protocol::IGMP, &[0x16, 0, 0, 0, 224, 0, 0, 251]);
    let packet = read(&bytes).map(|it| (it.protocol, it.ports, it.ip_length));
    assert_eq!(packet, Ok((protocol::IGMP, [0, 0], 28)));
}

#[test]
fn labels_and_sessions_are_link_header() {
    let v4 = ipv4(protocol::UDP, &udp(PORTS, &[]));
    for (kind, payload, link_length) in [
        (ethertype::MPLS, labels(2, &v4), 22),
        (ethertype::PPPOE_SESSION, pppoe(0x21, &v4), 22),
    ] {
        let packet = read(&ethernet(kind, &payload)).map(|it| (it.link_length, it.ip_length));
        assert_eq!(packet, Ok((link_length, 28)));
    }
}
