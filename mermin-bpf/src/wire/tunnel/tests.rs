//! Packets in tunnels: each kind, each way to be malformed, cut at every octet, in one another.

use std::vec::Vec;

use super::*;
use crate::{
    abi::{ledger::link, tunnel::kind},
    track::arrival::{Arrival, Counted, Part, arrive},
    wire::{
        packet::Packet,
        testing::{
            ethernet, ethernet_v4, ethernet_v6, geneve, gre, gtpu, ipv4, ipv6, join, tag, tcp, udp,
            vxlan, whole, with,
        },
    },
};

const PORTS: [u16; 2] = [51_000, 443];
const OUTER_PORTS: [u16; 2] = [49_152, 4789];
const SEGMENT: usize = 20;

fn arrived(bytes: &[u8]) -> Result<Arrival, Reason> {
    let frame = whole(bytes);
    let layer = Layer::outermost(&frame);
    arrive(bytes, &frame, &layer, Counted::Inner, &Ports::default(), 7)
}

fn packet(bytes: &[u8]) -> Result<Packet, Reason> {
    arrived(bytes).map(|arrival| match arrival.part {
        Part::Whole(packet) | Part::First(packet, _) => packet,
        Part::Later(..) => panic!("a later fragment"),
    })
}

/// What is inside of every tunnel here.
fn inner() -> Vec<u8> {
    ipv4(protocol::TCP, &tcp(PORTS, 0x10, &[]))
}

fn inner_v6() -> Vec<u8> {
    ipv6(protocol::TCP, &tcp(PORTS, 0x10, &[]))
}

fn datagram(port: u16, content: &[u8]) -> Vec<u8> {
    udp([49_152, port], content)
}

struct Case {
    frame: Vec<u8>,
    kind: u8,
    id: Option<u32>,
    /// Octets before the inner IP header.
    before: usize,
}

impl Case {
    fn new(frame: Vec<u8>, kind: u8, id: Option<u32>, before: usize) -> Self {
        Self {
            frame,
            kind,
            id,
            before,
        }
    }
}

/// One of each kind.
fn cases() -> Vec<Case> {
    let framed = ethernet(ethertype::IPV4, &inner());
    let tagged = ethernet(ethertype::VLAN, &tag(9, ethertype::IPV6, &inner_v6()));
    [
        (
            ethernet_v4(17, &datagram(4789, &vxlan(42, &framed))),
            kind::VXLAN,
            Some(42),
            64,
        ),
        (
            ethernet_v6(17, &datagram(4789, &vxlan(42, &tagged))),
            kind::VXLAN,
            Some(42),
            88,
        ),
        (
            ethernet_v4(
                17,
                &datagram(6081, &geneve(7, ethertype::ETHERNET, 3, &framed)),
            ),
            kind::GENEVE,
            Some(7),
            76,
        ),
        (
            ethernet_v4(
                17,
                &datagram(6081, &geneve(7, ethertype::IPV6, 0, &inner_v6())),
            ),
            kind::GENEVE,
            Some(7),
            50,
        ),
        (
            ethernet_v4(47, &gre(None, ethertype::IPV4, &inner())),
            kind::GRE,
            None,
            38,
        ),
        (
            ethernet_v6(47, &gre(Some(99), ethertype::ETHERNET, &framed)),
            kind::GRE,
            Some(99),
            76,
        ),
        (ethernet_v4(4, &inner()), kind::IPIP, None, 34),
        (ethernet_v4(41, &inner_v6()), kind::IPIP, None, 34),
        (ethernet_v6(4, &inner()), kind::IPIP, None, 54),
        (ethernet_v6(41, &inner_v6()), kind::IPIP, None, 54),
        (
            ethernet_v4(17, &datagram(2152, &gtpu(0x0102_0304, &inner()))),
            kind::GTPU,
            Some(0x0102_0304),
            50,
        ),
        (
            ethernet_v6(17, &datagram(2152, &gtpu(5, &inner_v6()))),
            kind::GTPU,
            Some(5),
            70,
        ),
    ]
    .into_iter()
    .map(|(frame, kind, id, before)| Case::new(frame, kind, id, before))
    .collect()
}

/// The frames alone, and one in two tunnels.
pub(crate) fn tunnelled() -> Vec<Vec<u8>> {
    let framed = ethernet(ethertype::IPV4, &ipv4(4, &inner()));
    let nested = ethernet_v6(17, &datagram(4789, &vxlan(3, &framed)));
    cases()
        .into_iter()
        .map(|case| case.frame)
        .chain([nested])
        .collect()
}

#[test]
fn each_kind_is_taken_off() {
    for case in cases() {
        let arrival = arrived(&case.frame).unwrap();
        let Part::Whole(packet) = arrival.part else {
            panic!("{arrival:?}");
        };
        assert_eq!(packet.ports, PORTS);
        assert_eq!(packet.protocol, protocol::TCP);
        assert_eq!(packet.link_length as usize, case.before, "{arrival:?}");
        assert_eq!(
            packet.ip_length as usize,
            case.frame.len() - case.before,
            "{arrival:?}"
        );
        assert_ne!(packet.encapsulation, 0);
        let outer = arrival.outer.unwrap();
        assert_eq!(outer.facts & kind::MASK, case.kind);
        let id = (outer.facts & fact::HAS_ID != 0).then_some(outer.ends.id);
        assert_eq!(id, case.id);
        assert_eq!(outer.link_length, 14);
        assert_eq!(outer.mac, [2, 0, 0, 0, 0, 1]);
        let is_udp = matches!(case.kind, kind::VXLAN | kind::GENEVE | kind::GTPU);
        assert_eq!(outer.ends.ports[0], if is_udp { 49_152 } else { 0 });
    }
}

#[test]
fn without_decapsulation_the_outer_packet_counts() {
    for case in cases() {
        let frame = whole(&case.frame);
        let layer = Layer::outermost(&frame);
        let ports = Ports::default();
        let arrival = arrive(&case.frame[..], &frame, &layer, Counted::Outer, &ports, 7).unwrap();
        let Part::Whole(packet) = arrival.part else {
            panic!("{arrival:?}");
        };
        assert_eq!(packet.link_length, 14);
        assert_eq!((packet.encapsulation, arrival.outer), (0, None));
        assert!(may_carry(packet.kind, packet.ports, |port| ports.carries(port)));
    }
}

#[test]
fn a_tunnel_cut_anywhere_is_never_a_packet() {
    for case in cases() {
        for length in 0..case.frame.len() {
            let cut = arrived(&case.frame[..length]);
            assert!(cut.is_err(), "{length} octets of {:02x?}", case.frame);
        }
    }
}

/// The outer headers' lengths are right, and what is inside is not all there.
#[test]
fn an_inner_packet_cut_short_is_counted_by_what_was_cut() {
    let inner = inner();
    for length in 1..inner.len() {
        // The header itself is cut, or claims more than its carrier holds.
        let bytes = ethernet_v4(4, &inner[..length]);
        assert_eq!(
            packet(&bytes),
            Err(Reason::MalformedIpv4),
            "{length} octets"
        );
        let framed = ethernet(ethertype::IPV4, &inner);
        let cut = &framed[..length];
        let bytes = ethernet_v4(17, &datagram(4789, &vxlan(1, cut)));
        let expected = if length < 14 {
            Reason::MalformedEthernet
        } else {
            Reason::MalformedIpv4
        };
        assert_eq!(packet(&bytes), Err(expected), "{length} octets");
    }
    let segment = ipv4(protocol::TCP, &[0; 19]);
    assert_eq!(packet(&ethernet_v4(4, &segment)), Err(Reason::MalformedTcp));
}

#[test]
fn a_tunnel_header_that_lies_is_malformed() {
    let malformed = Err(Reason::MalformedTunnel);
    for content in [
        &vxlan(1, &[])[..7],
        &geneve(1, ethertype::IPV4, 0, &[])[..7],
    ] {
        let port = if content[0] == 8 { 4789 } else { 6081 };
        assert_eq!(
            packet(&ethernet_v4(17, &datagram(port, content))),
            malformed
        );
    }
    // 252 octets of options.
    let long = with(geneve(1, ethertype::IPV4, 0, &inner()), 0, &[0x3f]);
    assert_eq!(packet(&ethernet_v4(17, &datagram(6081, &long))), malformed);
    let long = with(gtpu(1, &inner()), 2, &[0xff, 0xff]);
    assert_eq!(packet(&ethernet_v4(17, &datagram(2152, &long))), malformed);
    assert_eq!(
        packet(&ethernet_v4(47, &[0x20, 0, 8, 0, 0, 0, 0])),
        malformed
    );
}

#[test]
fn what_plainly_is_something_else_is_a_datagram() {
    let contents = [
        (4789, with(vxlan(1, &inner()), 0, &[0])),
        (
            6081,
            with(geneve(1, ethertype::IPV4, 0, &inner()), 0, &[0x40]),
        ),
        (2152, with(gtpu(1, &inner()), 0, &[0x50])),
        (2152, with(gtpu(1, &[]), 1, &[1])),
        (4789, Vec::new()),
    ];
    for (port, content) in contents {
        let arrival = arrived(&ethernet_v4(17, &datagram(port, &content))).unwrap();
        assert_eq!(arrival.outer, None, "{content:02x?}");
        let Part::Whole(packet) = arrival.part else {
            panic!("{arrival:?}");
        };
        assert_eq!((packet.ports, packet.encapsulation), ([49_152, port], 0));
    }
    let pptp = ethernet_v4(47, &[0x30, 1, 0x88, 0x0b, 0, 0, 0, 0]);
    assert_eq!(packet(&pptp).unwrap().protocol, protocol::GRE);
}

#[test]
fn what_is_inside_and_not_ip_is_the_carriers() {
    let arp = ethernet(ethertype::ARP, &[0; 28]);
    let stp = ethernet(38, &[0x42; 38]);
    for content in [vxlan(1, &arp), vxlan(1, &stp), vxlan(1, &[])] {
        let found = packet(&ethernet_v4(17, &datagram(4789, &content))).unwrap();
        assert_eq!((found.ports, found.encapsulation), (OUTER_PORTS, 0));
    }
    let keepalive = gre(None, 0, &[]);
    let found = packet(&ethernet_v4(47, &keepalive)).unwrap();
    assert_eq!((found.protocol, found.encapsulation), (protocol::GRE, 0));
    // In the second level it is the first level's packet.
    let nested = ipv4(17, &datagram(4789, &vxlan(1, &arp)));
    let found = packet(&ethernet_v4(4, &nested)).unwrap();
    assert_eq!(found.ports, OUTER_PORTS);
    assert_ne!(found.encapsulation, 0);
}

#[test]
fn two_levels_are_taken_off_and_a_third_is_named() {
    let mut bytes = inner();
    for depth in 1..=4_u8 {
        bytes = ipv4(4, &bytes);
        let found = packet(&ethernet(ethertype::IPV4, &bytes));
        if depth <= DEPTH {
            let found = found.unwrap();
            assert_eq!(found.ports, PORTS);
            assert_eq!(found.link_length, 14 + 20 * u32::from(depth));
        } else {
            assert_eq!(found, Err(Reason::TooManyTunnels));
        }
    }
    // What is told is the outermost.
    let level = ipv4(4, &inner());
    let framed = ethernet(ethertype::IPV4, &level);
    let arrival = arrived(&ethernet_v4(17, &datagram(4789, &vxlan(3, &framed)))).unwrap();
    assert_eq!(arrival.outer.unwrap().facts & kind::MASK, kind::VXLAN);
}

fn digest_of(bytes: &[u8]) -> u32 {
    packet(bytes).unwrap().encapsulation
}

#[test]
fn digests_tell_tunnels_apart_and_directions_together() {
    let framed = ethernet(ethertype::IPV4, &inner());
    let vni = |vni| ethernet_v4(17, &datagram(4789, &vxlan(vni, &framed)));
    let mut seen = std::collections::HashSet::new();
    for id in 0..2000 {
        assert!(seen.insert(digest_of(&vni(id))), "{id}");
    }
    // One kind between the same ends without another id is one tunnel, whatever is inside: that tells by its own key.
    let others: std::collections::HashSet<_> =
        cases().iter().map(|case| digest_of(&case.frame)).collect();
    assert_eq!(others.len(), cases().len() - 3);
    assert_eq!(others.intersection(&seen).count(), 1);
    let mut back = vni(1);
    back[26..34].rotate_left(4);
    assert_ne!(back, vni(1));
    assert_eq!(digest_of(&back), digest_of(&vni(1)));
    // The sender's port and whatever else the outer header says are of no account.
    let other = with(with(vni(1), 34, &[0xc1, 0x23]), 22, &[9]);
    assert_eq!(digest_of(&other), digest_of(&vni(1)));
    // GTP-U's two directions have each an id of its own.
    let teid = |teid| ethernet_v4(17, &datagram(2152, &gtpu(teid, &inner())));
    assert_eq!(digest_of(&teid(1)), digest_of(&teid(2)));
    // No key is not the key 0.
    let key = |key| ethernet_v4(47, &gre(key, ethertype::IPV4, &inner()));
    assert_ne!(digest_of(&key(None)), digest_of(&key(Some(0))));
}

#[test]
fn vlans_of_carrier_and_content_come_outermost_first() {
    let framed = ethernet(ethertype::VLAN, &tag(200, ethertype::IPV4, &inner()));
    let outer = ipv4(17, &datagram(4789, &vxlan(1, &framed)));
    let bytes = ethernet(ethertype::VLAN, &tag(100, ethertype::IPV4, &outer));
    assert_eq!(packet(&bytes).unwrap().vlans.ids, [100, 200]);
}

#[test]
fn the_mac_of_a_packet_is_that_of_the_frame_it_is_in() {
    let framed = with(ethernet(ethertype::IPV4, &inner()), 11, &[9]);
    let bytes = ethernet_v4(17, &datagram(4789, &vxlan(1, &framed)));
    assert_eq!(packet(&bytes).unwrap().mac_at, 50 + 6);
    assert_eq!(packet(&ethernet_v4(4, &inner())).unwrap().mac_at, 0);
}

/// A first fragment of `packet`, which is IPv4 without options, with so many octets of payload, and the rest.
fn fragments(packet: &[u8], payload: usize) -> [Vec<u8>; 2] {
    assert_eq!(payload % 8, 0);
    let part = |from: usize, to: usize, field: u16| {
        let length = ((20 + to - from) as u16).to_be_bytes();
        let header = with(packet[..20].to_vec(), 2, &length);
        let header = with(header, 6, &field.to_be_bytes());
        ethernet(
            ethertype::IPV4,
            &join(&[&header, &packet[20 + from..20 + to]]),
        )
    };
    [
        part(0, payload, 0x2000),
        part(payload, packet.len() - 20, (payload / 8) as u16),
    ]
}

#[test]
fn the_first_fragment_of_a_carrier_has_the_inner_octets_that_are_in_it() {
    let inner = ipv4(protocol::UDP, &udp(PORTS, &[7; 400]));
    let outer = ipv4(
        17,
        &datagram(4789, &vxlan(1, &ethernet(ethertype::IPV4, &inner))),
    );
    let [first, later] = fragments(&outer, 104);
    let arrival = arrived(&first).unwrap();
    let Part::Whole(packet) = arrival.part else {
        panic!("{arrival:?}");
    };
    assert_eq!(packet.ports, PORTS);
    // Of 104 octets, 30 are UDP's, VXLAN's and the inner link header.
    assert_eq!(packet.ip_length, 74);
    let [Some(key), None] = arrival.carriers else {
        panic!("{arrival:?}");
    };
    let Part::Later(ip, later_key) = arrived(&later).unwrap().part else {
        panic!("not a later one");
    };
    assert_eq!(later_key, key);
    assert_eq!(74 + ip.payload_length(), inner.len() as u32);
}

#[test]
fn fragments_inside_of_a_tunnel_are_told_apart_by_it() {
    let datagram_inside = ipv4(protocol::UDP, &udp(PORTS, &[7; 400]));
    let [first, later] = fragments(&datagram_inside, 200);
    let carried = |vni, frame: &[u8]| ethernet_v4(17, &datagram(4789, &vxlan(vni, frame)));
    let Part::First(packet, key) = arrived(&carried(1, &first)).unwrap().part else {
        panic!("not a first one");
    };
    assert_eq!((packet.ports, packet.ip_length), (PORTS, 220));
    let later_key = |vni| match arrived(&carried(vni, &later)).unwrap().part {
        Part::Later(ip, key) => {
            assert_eq!(ip.length, 20 + 408 - 200);
            key
        }
        part => panic!("{part:?}"),
    };
    assert_eq!(later_key(1), key);
    assert_ne!(later_key(2), key);
}

#[test]
fn a_session_shows_its_indices() {
    let data = with(std::vec![0; 64], 0, &[4, 0, 0, 0, 0x78, 0x56, 0x34, 0x12]);
    for ports in [[51_820, 9], [9, 51_820]] {
        let arrival = arrived(&ethernet_v4(17, &udp(ports, &data))).unwrap();
        let outer = arrival.outer.unwrap();
        assert_eq!(outer.facts, kind::WIREGUARD | fact::HAS_ID);
        assert_eq!(outer.ends.id, 0x1234_5678);
        let Part::Whole(packet) = arrival.part else {
            panic!("{arrival:?}");
        };
        assert_eq!((packet.ports, packet.encapsulation), (ports, 0));
    }
    let initiation = with(std::vec![0; 148], 0, &[1, 0, 0, 0, 5, 0, 1, 0]);
    let arrival = arrived(&ethernet_v4(17, &udp([9, 51_820], &initiation))).unwrap();
    let outer = arrival.outer.unwrap();
    assert_eq!(outer.facts, kind::WIREGUARD | fact::HAS_SENDER);
    assert_eq!(outer.turned().ends.ports, [1, 5]);
    let other = arrived(&ethernet_v4(17, &udp([9, 51_820], &[1; 40]))).unwrap();
    assert_eq!(other.outer, None);
}

#[test]
fn without_an_ethernet_header_too() {
    let bytes = ipv4(4, &inner());
    let frame = Frame {
        link: link::IP,
        ..whole(&bytes)
    };
    let layer = Layer::outermost(&frame);
    let ports = Ports::default();
    let arrival = arrive(&bytes[..], &frame, &layer, Counted::Inner, &ports, 7).unwrap();
    let outer = arrival.outer.unwrap();
    assert_eq!((outer.mac, outer.link_length), ([0; 6], 0));
    assert_eq!(bytes.len(), 20 + 20 + SEGMENT);
}

#[test]
fn the_outer_side_turns_with_the_packet() {
    let case = &cases()[0];
    let outer = arrived(&case.frame).unwrap().outer.unwrap();
    let turned = outer.turned();
    assert_eq!(turned.ends.addresses[0], outer.ends.addresses[1]);
    assert_eq!(turned.ends.ports, [4789, 49_152]);
    assert_eq!(turned.turned(), outer);
}
