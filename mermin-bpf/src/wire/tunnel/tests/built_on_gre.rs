//! Protocols on GRE, and `EtherIP`.

use super::*;
use crate::wire::testing::{eoip, erspan, pptp};

/// One of each kind.
pub(super) fn cases() -> impl Iterator<Item = Case> {
    let framed = ethernet(ethertype::IPV4, &inner());
    let tagged = ethernet(ethertype::VLAN, &tag(9, ethertype::IPV6, &inner_v6()));
    [
        (
            ethernet_v4(47, &gre(None, ethertype::ERSPAN, &framed)),
            kind::ERSPAN,
            None,
            52,
        ),
        (
            ethernet_v4(47, &erspan(1, 33, &framed)),
            kind::ERSPAN,
            Some(33),
            64,
        ),
        (
            ethernet_v6(47, &erspan(2, 0x3ff, &tagged)),
            kind::ERSPAN,
            Some(0x3ff),
            92,
        ),
        (
            ethernet_v4(
                47,
                &pptp(0x3081, 7, &join(&[&[0xff, 3, 0, 0x21], &inner()])),
            ),
            kind::PPTP,
            Some(7),
            54,
        ),
        (
            ethernet_v4(47, &pptp(0x3001, 7, &join(&[&[0x57], &inner_v6()]))),
            kind::PPTP,
            Some(7),
            47,
        ),
        (
            ethernet_v4(47, &gre(None, ethertype::PPP, &join(&[&[0x21], &inner()]))),
            kind::GRE,
            None,
            39,
        ),
        (
            ethernet_v4(47, &gre(None, ethertype::WCCP, &inner())),
            kind::GRE,
            None,
            38,
        ),
        (
            ethernet_v4(
                47,
                &gre(None, ethertype::WCCP, &join(&[&[1, 2, 3, 4], &inner()])),
            ),
            kind::GRE,
            None,
            42,
        ),
        (
            ethernet_v4(47, &eoip(0x1234, &framed)),
            kind::EOIP,
            Some(0x1234),
            56,
        ),
        (
            ethernet_v4(97, &join(&[&[0x30, 0], &framed])),
            kind::ETHERIP,
            None,
            50,
        ),
        (
            ethernet_v6(97, &join(&[&[0x30, 0], &tagged])),
            kind::ETHERIP,
            None,
            74,
        ),
    ]
    .into_iter()
    .map(|(frame, kind, id, before)| Case::new(frame, kind, id, before))
}

/// Each is a packet of the carrier's ends, as a keepalive is.
#[test]
fn other_gre_payloads_belong_to_the_outer_flow() {
    let arp = ethernet(ethertype::ARP, &[0; 28]);
    let lcp = [0xff, 3, 0xc0, 0x21, 1, 1, 0, 4];
    let frames = [
        (47, gre(None, ethertype::ERSPAN, &arp)),
        (47, erspan(1, 1, &arp)),
        // A version that is not known, and a mirrored frame of some other kind.
        (47, with(erspan(1, 1, &inner()), 8, &[0x70])),
        (47, with(erspan(2, 1, &inner()), 18, &[0x04])),
        (47, pptp(0x3001, 7, &lcp)),
        (47, pptp(0x2081, 7, &[])),
        // Encrypted by MPPE.
        (47, pptp(0x3001, 7, &[0xfd, 0x90, 1, 2, 3])),
        (47, gre(None, ethertype::PPP, &lcp)),
        (47, eoip(1, &arp)),
        (47, eoip(1, &[])),
        (97, join(&[&[0x30, 0], &arp])),
        (97, join(&[&[0x30, 0]])),
        (97, join(&[&[0x40, 0], &inner()])),
    ];
    for (number, content) in frames {
        let found = packet(&ethernet_v4(number, &content)).unwrap();
        let counted = (found.protocol, found.encapsulation, found.ip_length);
        let expected = (number, 0, 20 + content.len() as u32);
        assert_eq!(counted, expected, "{content:02x?}");
    }
}

/// A switch that mirrors a frame may cut it, and says so: it has the octets that are there.
#[test]
fn mirrored_frame_that_was_cut_is_a_packet_of_what_is_left() {
    let framed = ethernet(
        ethertype::IPV4,
        &ipv4(protocol::UDP, &udp(PORTS, &[7; 400])),
    );
    let cut = erspan(1, 33, &framed[..100]);
    assert_eq!(packet(&ethernet_v4(47, &cut)), Err(Reason::MalformedIpv4));
    let found = packet(&ethernet_v4(47, &with(cut, 10, &[0x04]))).unwrap();
    assert_eq!((found.ports, found.ip_length), (PORTS, 86));
}

#[test]
fn header_with_a_wrong_length_is_malformed() {
    let malformed = Err(Reason::MalformedTunnel);
    for content in [
        &erspan(1, 1, &[])[..15],
        &erspan(2, 1, &[])[..19],
        // The part for one platform.
        &with(erspan(2, 1, &[0; 7]), 19, &[1]),
        &with(pptp(0x3001, 7, &[0x21, 0, 0]), 5, &[4]),
        &with(pptp(0x3001, 7, &[0, 0x21]), 5, &[1]),
        &with(eoip(7, &inner()), 4, &[1]),
        &eoip(7, &[])[..7],
    ] {
        let found = packet(&ethernet_v4(47, content));
        assert_eq!(found, malformed, "{content:02x?}");
    }
    assert_eq!(packet(&ethernet_v4(97, &[0x30])), malformed);
}

/// But for a call's id, as GTP-U's: its two directions have each one of their own.
#[test]
fn ids_tell_tunnels_apart() {
    let framed = ethernet(ethertype::IPV4, &inner());
    let call = |call| ethernet_v4(47, &pptp(0x3001, call, &join(&[&[0x21], &inner()])));
    assert_eq!(digest_of(&call(1)), digest_of(&call(2)));
    let session = |session| ethernet_v4(47, &erspan(1, session, &framed));
    assert_ne!(digest_of(&session(1)), digest_of(&session(2)));
    let tunnel = |id| ethernet_v4(47, &eoip(id, &framed));
    assert_ne!(digest_of(&tunnel(1)), digest_of(&tunnel(2)));
}
