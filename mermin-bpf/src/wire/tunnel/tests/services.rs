//! VXLAN-GPE, and network service headers wherever they may be.

use super::*;
use crate::wire::testing::labels;

/// One of each kind.
pub(super) fn cases() -> impl Iterator<Item = Case> {
    let framed = ethernet(ethertype::IPV4, &inner());
    let tagged = ethernet(ethertype::VLAN, &tag(9, ethertype::IPV6, &inner_v6()));
    let gpe = |next, content: &[u8]| datagram(4790, &vxlan_gpe(42, next, content));
    let in_gre = |content: &[u8]| gre(Some(42), ethertype::NSH, content);
    [
        (ethernet_v4(17, &gpe(1, &inner())), kind::VXLAN_GPE, 50),
        (ethernet_v6(17, &gpe(2, &inner_v6())), kind::VXLAN_GPE, 70),
        (ethernet_v4(17, &gpe(3, &framed)), kind::VXLAN_GPE, 64),
        (
            ethernet_v4(17, &gpe(5, &labels(2, &inner()))),
            kind::VXLAN_GPE,
            58,
        ),
        (
            ethernet_v4(17, &gpe(4, &nsh(6, 1, &inner()))),
            kind::VXLAN_GPE,
            74,
        ),
        (
            ethernet_v6(17, &gpe(4, &nsh(2, 3, &tagged))),
            kind::VXLAN_GPE,
            96,
        ),
        (ethernet_v4(47, &in_gre(&nsh(6, 3, &framed))), kind::GRE, 80),
        (
            ethernet_v4(47, &in_gre(&nsh(3, 5, &labels(1, &inner())))),
            kind::GRE,
            58,
        ),
    ]
    .into_iter()
    .map(|(frame, kind, before)| Case::new(frame, kind, Some(42), before))
}

/// A network service header in a frame is one of its link headers.
#[test]
fn services_of_a_frame_are_stepped_over() {
    let framed = ethernet(ethertype::IPV4, &inner());
    let tagged = ethernet(ethertype::VLAN, &tag(9, ethertype::IPV6, &inner_v6()));
    let cases = [
        (
            ethernet(ethertype::NSH, &nsh(2, 1, &inner())),
            22,
            [0, 0],
            6,
        ),
        (
            ethernet(ethertype::NSH, &nsh(6, 2, &inner_v6())),
            38,
            [0, 0],
            6,
        ),
        (
            ethernet(ethertype::NSH, &nsh(6, 3, &framed)),
            52,
            [0, 0],
            44,
        ),
        (
            ethernet(
                ethertype::VLAN,
                &tag(7, ethertype::NSH, &nsh(63, 3, &tagged)),
            ),
            14 + 4 + 252 + 14 + 4,
            [7, 9],
            14 + 4 + 252 + 6,
        ),
        (
            ethernet(ethertype::NSH, &nsh(2, 5, &labels(8, &inner()))),
            54,
            [0, 0],
            6,
        ),
    ];
    for (frame, before, vlans, mac_at) in cases {
        let arrival = arrived(&frame).unwrap();
        assert_eq!(arrival.outer, None);
        let found = packet(&frame).unwrap();
        let counted = (
            found.ports,
            found.link_length,
            found.vlans.ids,
            found.mac_at,
        );
        assert_eq!(counted, (PORTS, before, vlans, mac_at));
        assert_eq!(found.encapsulation, 0);
        for length in 0..frame.len() {
            assert!(arrived(&frame[..length]).is_err(), "{length} octets");
        }
    }
}

/// A frame has no carrier, so what cannot be followed has a reason; a number of GRE says that there is such a header; a port
/// says nothing.
#[test]
fn invalid_service_headers_have_a_reason() {
    let arp = ethernet(ethertype::ARP, &[0; 28]);
    let nested = |count| (0..count).fold(nsh(2, 1, &inner()), |content, _| nsh(2, 4, &content));
    let cases = [
        (nsh(2, 3, &arp), Reason::Arp, true),
        (nsh(2, 6, &inner()), Reason::OtherEthertype, true),
        (
            with(nsh(2, 1, &inner()), 0, &[0x40]),
            Reason::OtherEthertype,
            true,
        ),
        (
            with(nsh(2, 1, &inner()), 1, &[0xc1]),
            Reason::MalformedTunnel,
            false,
        ),
        (
            nsh(63, 1, &[])[..200].to_vec(),
            Reason::MalformedTunnel,
            false,
        ),
        (nsh(2, 1, &[]), Reason::MalformedIpv4, false),
    ];
    for (content, reason, is_carriers) in cases {
        assert_eq!(packet(&ethernet(ethertype::NSH, &content)), Err(reason));
        let in_gre = packet(&ethernet_v4(47, &gre(None, ethertype::NSH, &content)));
        if is_carriers {
            let found = in_gre.unwrap();
            assert_eq!((found.protocol, found.encapsulation), (47, 0));
        } else {
            assert_eq!(in_gre, Err(reason));
        }
        let content = vxlan_gpe(1, 4, &content);
        let found = packet(&ethernet_v4(17, &datagram(4790, &content))).unwrap();
        assert_eq!((found.ports[1], found.encapsulation), (4790, 0));
    }
    for (count, expected) in [(2, Ok(PORTS)), (3, Err(Reason::TooDeep))] {
        let ports = |frame: &[u8]| packet(frame).map(|packet| packet.ports);
        let content = nested(count);
        assert_eq!(ports(&ethernet(ethertype::NSH, &content)), expected);
        let carried = datagram(4790, &vxlan_gpe(1, 4, &content));
        assert_eq!(ports(&ethernet_v4(17, &carried)), expected);
    }
}
