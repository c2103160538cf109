//! L2TP of both versions, and Teredo.

use super::*;
use crate::wire::testing::teredo;

/// A packet to a client of Teredo.
fn to_a_client() -> Vec<u8> {
    with(inner_v6(), 24, &[0x20, 1, 0, 0])
}

/// A message of version 3 without what UDP has before it.
fn session(id: u32, between: usize, frame: &[u8]) -> Vec<u8> {
    join(&[&id.to_be_bytes(), &std::vec![0xa5; between], frame])
}

fn over_udp(message: &[u8]) -> Vec<u8> {
    datagram(1701, &join(&[&[0, 3, 0, 0], message]))
}

/// One of each kind.
pub(super) fn cases() -> impl Iterator<Item = Case> {
    let framed = ethernet(ethertype::IPV4, &inner());
    let tagged = ethernet(ethertype::VLAN, &tag(9, ethertype::IPV6, &inner_v6()));
    let in_ppp = join(&[&[0xff, 3, 0, 0x21], &inner()]);
    [
        (
            ethernet_v4(17, &datagram(1701, &l2tp(7, 0x21, &inner()))),
            kind::L2TP,
            Some(0x0009_0007),
            54,
        ),
        (
            ethernet_v6(17, &datagram(1701, &l2tp(7, 0x57, &inner_v6()))),
            kind::L2TP,
            Some(0x0009_0007),
            74,
        ),
        (
            ethernet_v4(17, &over_udp(&session(8, 4, &framed))),
            kind::L2TP,
            Some(8),
            68,
        ),
        (
            ethernet_v6(17, &over_udp(&session(8, 12, &in_ppp))),
            kind::L2TP,
            Some(8),
            86,
        ),
        (
            ethernet_v4(115, &session(9, 0, &framed)),
            kind::L2TP,
            Some(9),
            52,
        ),
        (
            ethernet_v6(115, &session(9, 8, &tagged)),
            kind::L2TP,
            Some(9),
            84,
        ),
        (
            ethernet_v4(17, &datagram(3544, &to_a_client())),
            kind::TEREDO,
            None,
            42,
        ),
        (
            ethernet_v4(
                17,
                &datagram(3544, &teredo(Some([2, 16]), true, &to_a_client())),
            ),
            kind::TEREDO,
            None,
            81,
        ),
    ]
    .into_iter()
    .map(|(frame, kind, id, before)| Case::new(frame, kind, id, before))
}

/// An answer may come from the tunnel's port to any.
#[test]
fn senders_port_is_recognised_too() {
    for (port, content) in [(1701, l2tp(7, 0x21, &inner())), (3544, to_a_client())] {
        for ports in [[port, 40_000], [40_000, port], [port, port], [port, 0]] {
            let arrival = arrived(&ethernet_v4(17, &udp(ports, &content))).unwrap();
            assert_eq!(arrival.outer.unwrap().ends.ports, ports);
        }
    }
    let vxlan = vxlan(1, &ethernet(ethertype::IPV4, &inner()));
    let found = packet(&ethernet_v4(17, &udp([4789, 9], &vxlan))).unwrap();
    assert_eq!(found.encapsulation, 0);
}

#[test]
fn uncertain_payload_belongs_to_the_outer_flow() {
    let framed = ethernet(ethertype::IPV4, &inner());
    let arp = ethernet(ethertype::ARP, &[0; 46]);
    let lcp = [0xff, 3, 0xc0, 0x21, 1, 1, 0, 4];
    let hello = [0, 1, 2, 3, 0, 0, 0, 0];
    let datagrams = [
        (1701, l2tp(7, 0xc021, &lcp)),
        (1701, with(l2tp(7, 0x21, &inner()), 0, &[0xc8])),
        (1701, with(l2tp(7, 0x21, &inner()), 2, &[0xff])),
        (1701, join(&[&[0, 3, 0, 0], &session(8, 4, &arp)])),
        (1701, join(&[&[0, 3, 0, 0], &session(0, 4, &framed)])),
        (1701, join(&[&[0, 3, 0, 0], &session(8, 3, &framed)])),
        (1701, std::vec![0, 3, 0, 0, 0, 0, 0, 8]),
        (3544, inner_v6()),
        (3544, inner()),
        (3544, with(to_a_client(), 4, &[0xff])),
        (3544, to_a_client()[..40 + 19].to_vec()),
        (3544, hello.to_vec()),
    ];
    for (port, content) in datagrams {
        let found = packet(&ethernet_v4(17, &datagram(port, &content))).unwrap();
        let counted = (found.ports[1], found.encapsulation);
        assert_eq!(counted, (port, 0), "{content:02x?}");
    }
    for content in [
        session(9, 4, &arp),
        session(0, 4, &framed),
        session(9, 16, &framed),
        session(9, 0, &[]),
        std::vec![0, 0, 9],
    ] {
        let found = packet(&ethernet_v4(115, &content)).unwrap();
        let counted = (found.protocol, found.encapsulation, found.ip_length);
        assert_eq!(counted, (115, 0, 20 + content.len() as u32));
    }
}

/// The two directions of a session have each an id of its own.
#[test]
fn ids_tell_no_sessions_apart() {
    let second = |id| ethernet_v4(17, &datagram(1701, &l2tp(id, 0x21, &inner())));
    assert_eq!(digest_of(&second(1)), digest_of(&second(2)));
    let framed = ethernet(ethertype::IPV4, &inner());
    let third = |id| ethernet_v4(115, &session(id, 0, &framed));
    assert_eq!(digest_of(&third(1)), digest_of(&third(2)));
    assert_ne!(
        packet(&third(1)).unwrap().ids,
        packet(&third(2)).unwrap().ids
    );
}
