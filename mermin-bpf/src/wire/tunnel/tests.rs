//! Packets in tunnels: each kind, each way to be malformed, cut at every octet, in one another.

use std::vec::Vec;

mod built_on_gre;
mod frames_of_links;
mod services;

use super::*;
use crate::{
    abi::{ledger::link, tunnel::kind},
    track::parsed_frame::{Decapsulation, Fragmentation, ParseOptions, ParsedFrame, parse_frame},
    wire::{
        packet::Packet,
        testing::{
            ethernet, ethernet_v4, ethernet_v6, geneve, gre, gtpu, ipv4, ipv6, join, l2tp, nsh,
            pppoe, tag, tcp, udp, vxlan, vxlan_gpe, whole, with,
        },
    },
};

const PORTS: [u16; 2] = [51_000, 443];
const OUTER_PORTS: [u16; 2] = [49_152, 4789];
const SEGMENT: usize = 20;

fn arrived(bytes: &[u8]) -> Result<ParsedFrame, Reason> {
    let frame = whole(bytes);
    let layer = WalkStart::outermost(&frame);
    parse_frame(bytes, &frame, &layer, &ParseOptions::default(), 7)
}

fn packet(bytes: &[u8]) -> Result<Packet, Reason> {
    arrived(bytes).map(|parsed| match parsed.part {
        Fragmentation::None(packet) | Fragmentation::First(packet, _) => packet,
        Fragmentation::Later(..) => panic!("a later fragment"),
    })
}

/// Content of every tunnel here.
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
    .chain(built_on_gre::cases())
    .chain(services::cases())
    .chain(frames_of_links::cases())
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
fn each_encapsulation_is_removed() {
    for case in cases() {
        let parsed = arrived(&case.frame).unwrap();
        let Fragmentation::None(packet) = parsed.part else {
            panic!("{parsed:?}");
        };
        assert_eq!(packet.ports, PORTS);
        assert_eq!(packet.protocol, protocol::TCP);
        assert_eq!(packet.link_length as usize, case.before, "{parsed:?}");
        assert_eq!(
            packet.ip_length as usize,
            case.frame.len() - case.before,
            "{parsed:?}"
        );
        assert_ne!(packet.encapsulation, 0);
        let outer = parsed.outer.unwrap();
        assert_eq!(outer.flags & kind::MASK, case.kind);
        let id = (outer.flags & flag::HAS_ID != 0).then_some(outer.ends.id);
        assert_eq!(id, case.id);
        assert_eq!(outer.link_length, 14);
        assert_eq!(outer.mac, [2, 0, 0, 0, 0, 1]);
        let is_udp = case.frame[23] == 17 || case.frame[20] == 17;
        assert_eq!(outer.ends.ports[0], if is_udp { 49_152 } else { 0 });
    }
}

#[test]
fn without_decapsulation_the_outer_packet_counts() {
    for case in cases() {
        let frame = whole(&case.frame);
        let layer = WalkStart::outermost(&frame);
        let ports = Ports::default();
        let options = ParseOptions {
            counted: Decapsulation::None,
            ..ParseOptions::default()
        };
        let parsed = parse_frame(&case.frame[..], &frame, &layer, &options, 7).unwrap();
        let Fragmentation::None(packet) = parsed.part else {
            panic!("{parsed:?}");
        };
        assert_eq!(packet.link_length, 14);
        assert_eq!((packet.encapsulation, parsed.outer), (0, None));
        assert!(may_carry(packet.kind, packet.ports, |both| ports.carries(both)));
    }
}

#[test]
fn tunnel_cut_anywhere_is_never_a_packet() {
    for case in cases() {
        for length in 0..case.frame.len() {
            let cut = arrived(&case.frame[..length]);
            assert!(cut.is_err(), "{length} octets of {:02x?}", case.frame);
        }
    }
}

/// The outer headers' lengths are right, and what is inside is not all there. Where a protocol's number says what is inside,
/// that is malformed; a port says nothing before an IP header is there.
#[test]
fn truncated_inner_packet_is_counted_under_the_truncated_header() {
    let inner = inner();
    for length in 1..inner.len() {
        // The header itself is cut, or claims more than its carrier holds.
        let bytes = ethernet_v4(4, &inner[..length]);
        assert_eq!(
            packet(&bytes),
            Err(Reason::MalformedIpv4),
            "{length} octets"
        );
    }
    let framed = ethernet(ethertype::IPV4, &inner);
    for length in 1..framed.len() {
        let datagram = datagram(4789, &vxlan(1, &framed[..length]));
        let found = packet(&ethernet_v4(17, &datagram));
        if length < 14 + 20 {
            assert_eq!(found.unwrap().ports, OUTER_PORTS, "{length} octets");
        } else {
            assert_eq!(found, Err(Reason::MalformedIpv4), "{length} octets");
        }
    }
    let segment = ipv4(protocol::TCP, &[0; 19]);
    assert_eq!(packet(&ethernet_v4(4, &segment)), Err(Reason::MalformedTcp));
    let framed = ethernet(ethertype::IPV4, &segment);
    let bytes = ethernet_v4(17, &datagram(4789, &vxlan(1, &framed)));
    assert_eq!(packet(&bytes), Err(Reason::MalformedTcp));
}

#[test]
fn missing_header_that_a_protocol_number_announces_is_malformed() {
    let bytes = ethernet_v4(47, &[0x20, 0, 8, 0, 0, 0, 0]);
    assert_eq!(packet(&bytes), Err(Reason::MalformedTunnel));
}

/// A tunnel by its port: its header, given what is inside, and whether that says what it is.
struct ByPort {
    port: u16,
    header: usize,
    names_content: bool,
    /// The EtherType that it has for what is inside is Ethernet's.
    framed: bool,
    wrap: fn(&[u8]) -> Vec<u8>,
}

/// Each kind that is looked for at a port.
fn by_port() -> Vec<ByPort> {
    let kind = |port, header, names_content, framed, wrap| ByPort {
        port,
        header,
        names_content,
        framed,
        wrap,
    };
    std::vec![
        kind(4789, 8, true, true, |inner| vxlan(1, inner)),
        kind(6081, 8, true, true, |inner| {
            geneve(1, ethertype::ETHERNET, 0, inner)
        }),
        kind(6081, 16, true, false, |inner| {
            geneve(1, ethertype::IPV4, 2, inner)
        }),
        kind(2152, 8, false, false, |inner| gtpu(1, inner)),
        kind(4790, 8, true, true, |inner| vxlan_gpe(1, 3, inner)),
        kind(1701, 12, true, false, |inner| l2tp(1, 0x21, inner)),
        kind(4790, 8, true, false, |inner| vxlan_gpe(1, 1, inner)),
        kind(4790, 32, true, true, |inner| {
            vxlan_gpe(1, 4, &nsh(6, 3, inner))
        }),
        kind(4790, 16, true, false, |inner| {
            vxlan_gpe(1, 4, &nsh(2, 1, inner))
        }),
    ]
}

impl ByPort {
    fn found(&self, content: &[u8]) -> Result<Packet, Reason> {
        packet(&ethernet_v4(17, &datagram(self.port, content)))
    }

    /// An IPv4 packet, as it is inside.
    fn inside(&self, packet: &[u8]) -> Vec<u8> {
        if self.framed {
            ethernet(ethertype::IPV4, packet)
        } else {
            packet.to_vec()
        }
    }

    #[track_caller]
    fn is_carriers(&self, content: &[u8]) {
        let found = self.found(content);
        let plain = found.is_ok_and(|found| {
            found.ports == [49_152, self.port]
                && (found.encapsulation, found.link_length) == (0, 14)
        });
        assert!(plain, "{} {content:02x?}: {found:?}", self.port);
    }
}

#[test]
fn invalid_tunnel_header_makes_a_datagram() {
    let whole = inner();
    for kind in by_port() {
        let inside = kind.inside(&whole);
        let good = (kind.wrap)(&inside);
        assert_eq!(kind.found(&good).unwrap().ports, PORTS);
        // Cut anywhere before the inner IP header's end: no header, none inside, or no frame.
        for length in 0..kind.header + inside.len() - SEGMENT {
            let content = if kind.port == 2152 && length >= 8 {
                gtpu(1, &inside[..length - 8])
            } else {
                good[..length].to_vec()
            };
            kind.is_carriers(&content);
        }
        // Another version, a header shorter than any, a packet shorter than its header.
        for (at, octets) in [(0, &[0x05][..]), (0, &[0x25]), (0, &[0x44]), (2, &[0, 19])] {
            let inside = kind.inside(&with(whole.clone(), at, octets));
            kind.is_carriers(&(kind.wrap)(&inside));
        }
        // One that claims an octet more than there is has to be named, or is nothing that anybody knows.
        let longer = with(whole.clone(), 3, &[whole.len() as u8 + 1]);
        let content = (kind.wrap)(&kind.inside(&longer));
        if kind.names_content {
            assert_eq!(kind.found(&content), Err(Reason::MalformedIpv4));
        } else {
            kind.is_carriers(&content);
        }
        // Answers of DNS, whose first octets are any number.
        for first in 0..=u8::MAX {
            let mut answer = std::vec![first, 0x5a, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
            answer.extend(b"\x07example\x03org\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01");
            answer.extend([0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
            kind.is_carriers(&answer);
        }
    }
}

#[test]
fn impossible_link_header_is_no_tunnels_content() {
    let packet = inner();
    let no_version = with(pppoe(0x21, &packet), 0, &[0x21]);
    let lying = with(pppoe(0x21, &packet), 4, &[0xff, 0xff]);
    for frame in [
        ethernet(ethertype::VLAN, &[0, 1]),
        ethernet(ethertype::MPLS, &[0, 0, 0, 64]),
        ethernet(ethertype::PPPOE_SESSION, &no_version),
        ethernet(ethertype::PPPOE_SESSION, &lying),
    ] {
        for kind in by_port().iter().filter(|kind| kind.framed) {
            kind.is_carriers(&(kind.wrap)(&frame));
        }
        // Where the number of a protocol says that there is a frame, it is a frame that is malformed.
        let bytes = ethernet_v4(47, &gre(None, ethertype::ETHERNET, &frame));
        assert!(super::super::packet::walk(&bytes[..], &whole(&bytes)).is_ok());
        assert!(self::packet(&bytes).is_err(), "{frame:02x?}");
    }
}

#[test]
fn lengths_and_versions_that_are_not_the_tunnels_make_a_datagram() {
    let contents = [
        (4789, with(vxlan(1, &inner()), 0, &[0])),
        (
            6081,
            with(geneve(1, ethertype::IPV4, 0, &inner()), 0, &[0x40]),
        ),
        // 252 octets of options.
        (
            6081,
            with(geneve(1, ethertype::IPV4, 0, &inner()), 0, &[0x3f]),
        ),
        (2152, with(gtpu(1, &inner()), 0, &[0x50])),
        (2152, with(gtpu(1, &inner()), 2, &[0xff, 0xff])),
        (2152, with(gtpu(1, &[]), 1, &[1])),
        (4789, Vec::new()),
    ];
    for (port, content) in contents {
        let parsed = arrived(&ethernet_v4(17, &datagram(port, &content))).unwrap();
        assert_eq!(parsed.outer, None, "{content:02x?}");
        let Fragmentation::None(packet) = parsed.part else {
            panic!("{parsed:?}");
        };
        assert_eq!((packet.ports, packet.encapsulation), ([49_152, port], 0));
    }
    // PPTP without a key, EoIP with a sequence number, a version that nobody has.
    for header in [
        [0x10, 1, 0x88, 0x0b, 0, 0, 0, 0],
        [0x30, 1, 0x64, 0x00, 0, 0, 0, 0],
        [0x20, 2, 0x88, 0x0b, 0, 0, 0, 0],
    ] {
        let found = packet(&ethernet_v4(47, &header)).unwrap();
        assert_eq!((found.protocol, found.encapsulation), (protocol::GRE, 0));
    }
}

#[test]
fn non_ip_payload_belongs_to_the_outer_flow() {
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
fn two_levels_are_decapsulated_and_a_third_is_named() {
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
    // The record has the outermost one.
    let level = ipv4(4, &inner());
    let framed = ethernet(ethertype::IPV4, &level);
    let parsed = arrived(&ethernet_v4(17, &datagram(4789, &vxlan(3, &framed)))).unwrap();
    assert_eq!(parsed.outer.unwrap().flags & kind::MASK, kind::VXLAN);
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
    // One kind between the same ends without another id is one tunnel, whatever is inside: that tells by its own key. So is
    // one whose ids name its receiving end.
    let tunnels: std::collections::HashSet<_> = cases()
        .iter()
        .map(|case| {
            let id = case
                .id
                .filter(|_| !matches!(case.kind, kind::GTPU | kind::PPTP | kind::L2TP));
            (case.kind, id, case.frame[12])
        })
        .collect();
    let others: std::collections::HashSet<_> =
        cases().iter().map(|case| digest_of(&case.frame)).collect();
    assert_eq!(others.len(), tunnels.len());
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

/// Digest and ids where tunnels are no part of a key.
fn bare(bytes: &[u8]) -> (u32, u32) {
    let frame = whole(bytes);
    let options = ParseOptions {
        keyed: Keyed::Endpoints,
        ..ParseOptions::default()
    };
    let parsed = parse_frame(bytes, &frame, &WalkStart::outermost(&frame), &options, 7).unwrap();
    let Fragmentation::None(packet) = parsed.part else {
        panic!("{parsed:?}");
    };
    (packet.encapsulation, packet.ids)
}

#[test]
fn ids_that_are_no_key_are_told_apart_all_the_same() {
    let framed = ethernet(ethertype::IPV4, &inner());
    let vni = |vni| ethernet_v4(17, &datagram(4789, &vxlan(vni, &framed)));
    let mut seen = std::collections::HashSet::new();
    for id in 0..2000 {
        let (digest, ids) = bare(&vni(id));
        assert_eq!(digest, bare(&vni(0)).0);
        assert!(ids != 0 && seen.insert(ids), "{id}");
    }
    assert_eq!(packet(&vni(7)).unwrap().ids, 0, "the key has it");
    let teid = |teid| ethernet_v4(17, &datagram(2152, &gtpu(teid, &inner())));
    assert_ne!(packet(&teid(1)).unwrap().ids, packet(&teid(2)).unwrap().ids);
    // Of two levels either counts, and which is the outer one.
    let both = |outer, inside| {
        let level = ipv4(17, &datagram(4789, &vxlan(inside, &framed)));
        let framed = ethernet(ethertype::IPV4, &level);
        bare(&ethernet_v4(17, &datagram(4789, &vxlan(outer, &framed))))
    };
    assert_eq!(both(1, 2).0, both(2, 1).0);
    let ids: std::collections::HashSet<u32> = [(1, 1), (1, 2), (2, 1), (2, 2)]
        .map(|(outer, inside)| both(outer, inside).1)
        .into();
    assert_eq!(ids.len(), 4);
    // Other endpoints are distinguished by the digest.
    let elsewhere = with(vni(1), 33, &[99]);
    assert_ne!(bare(&elsewhere).0, bare(&vni(1)).0);
    assert_eq!(bare(&elsewhere).1, bare(&vni(1)).1);
    // So are no tags of VLANs.
    let tagged = |id| {
        let packet = tag(3, ethertype::VLAN, &tag(id, ethertype::IPV4, &inner()));
        ethernet(ethertype::VLAN, &tag(1, ethertype::VLAN, &packet))
    };
    assert_eq!(bare(&tagged(8)), (0, 0));
    assert_ne!(digest_of(&tagged(8)), digest_of(&tagged(9)));
}

#[test]
fn vlans_of_carrier_and_content_come_outermost_first() {
    let framed = ethernet(ethertype::VLAN, &tag(200, ethertype::IPV4, &inner()));
    let outer = ipv4(17, &datagram(4789, &vxlan(1, &framed)));
    let bytes = ethernet(ethertype::VLAN, &tag(100, ethertype::IPV4, &outer));
    assert_eq!(packet(&bytes).unwrap().vlans.ids, [100, 200]);
}

#[test]
fn mac_of_a_packet_is_that_of_its_frame() {
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
fn first_fragment_of_a_carrier_has_the_inner_octets_that_are_in_it() {
    let inner = ipv4(protocol::UDP, &udp(PORTS, &[7; 400]));
    let outer = ipv4(
        17,
        &datagram(4789, &vxlan(1, &ethernet(ethertype::IPV4, &inner))),
    );
    let [first, later] = fragments(&outer, 104);
    let parsed = arrived(&first).unwrap();
    let Fragmentation::None(packet) = parsed.part else {
        panic!("{parsed:?}");
    };
    assert_eq!(packet.ports, PORTS);
    // Of 104 octets, 30 are UDP's, VXLAN's and the inner link header.
    assert_eq!(packet.ip_length, 74);
    let [Some(key), None] = parsed.outer_fragments else {
        panic!("{parsed:?}");
    };
    let Fragmentation::Later(ip, later_key) = arrived(&later).unwrap().part else {
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
    let Fragmentation::First(packet, key) = arrived(&carried(1, &first)).unwrap().part else {
        panic!("not a first one");
    };
    assert_eq!((packet.ports, packet.ip_length), (PORTS, 220));
    let later_key = |vni| match arrived(&carried(vni, &later)).unwrap().part {
        Fragmentation::Later(ip, key) => {
            assert_eq!(ip.length, 20 + 408 - 200);
            key
        }
        part => panic!("{part:?}"),
    };
    assert_eq!(later_key(1), key);
    assert_ne!(later_key(2), key);
}

#[test]
fn session_shows_its_indices() {
    let data = with(std::vec![0; 64], 0, &[4, 0, 0, 0, 0x78, 0x56, 0x34, 0x12]);
    for ports in [[51_820, 9], [9, 51_820]] {
        let parsed = arrived(&ethernet_v4(17, &udp(ports, &data))).unwrap();
        let outer = parsed.outer.unwrap();
        assert_eq!(outer.flags, kind::WIREGUARD | flag::HAS_ID);
        assert_eq!(outer.ends.id, 0x1234_5678);
        let Fragmentation::None(packet) = parsed.part else {
            panic!("{parsed:?}");
        };
        assert_eq!((packet.ports, packet.encapsulation), (ports, 0));
    }
    let initiation = with(std::vec![0; 148], 0, &[1, 0, 0, 0, 5, 0, 1, 0]);
    let parsed = arrived(&ethernet_v4(17, &udp([9, 51_820], &initiation))).unwrap();
    let outer = parsed.outer.unwrap();
    assert_eq!(outer.flags, kind::WIREGUARD | flag::HAS_SENDER);
    assert_eq!(outer.reversed().ends.ports, [1, 5]);
    let other = arrived(&ethernet_v4(17, &udp([9, 51_820], &[1; 40]))).unwrap();
    assert_eq!(other.outer, None);
}

#[test]
fn tunnels_are_removed_without_an_ethernet_header_too() {
    let bytes = ipv4(4, &inner());
    let frame = Frame {
        link: link::IP,
        ..whole(&bytes)
    };
    let layer = WalkStart::outermost(&frame);
    let parsed = parse_frame(&bytes[..], &frame, &layer, &ParseOptions::default(), 7).unwrap();
    let outer = parsed.outer.unwrap();
    assert_eq!((outer.mac, outer.link_length), ([0; 6], 0));
    assert_eq!(bytes.len(), 20 + 20 + SEGMENT);
}

#[test]
fn outer_endpoints_reverse_with_the_packet() {
    let case = &cases()[0];
    let outer = arrived(&case.frame).unwrap().outer.unwrap();
    let turned = outer.reversed();
    assert_eq!(turned.ends.addresses[0], outer.ends.addresses[1]);
    assert_eq!(turned.ends.ports, [4789, 49_152]);
    assert_eq!(turned.reversed(), outer);
}
