//! The kernel program changes and delays no packet, whatever is counted.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mermin_core::lab::{
    Context, HookDirection, Lab,
    frame::{
        flag::{ACK, FIN, RST, SYN},
        tagged, tcp, udp,
    },
    open_or_skip as lab,
};

/// `TC_ACT_UNSPEC`, which is `TCX_NEXT` as well.
const UNSPEC: i32 = -1;

fn v4(port: u16) -> [SocketAddr; 2] {
    [
        (Ipv4Addr::new(10, 0, 0, 1), port).into(),
        (Ipv4Addr::new(198, 18, 0, 1), 443).into(),
    ]
}

fn v6(port: u16) -> [SocketAddr; 2] {
    let own = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
    let peer = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2);
    [(own, port).into(), (peer, 443).into()]
}

/// Packets that take each way through the programs: plain and rare, counted in a flow or under a reason.
fn frames() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for [own, peer] in [v4(50_000), v6(50_000)] {
        for flags in [SYN, ACK, FIN | ACK, RST, SYN] {
            frames.push(tcp(own, peer, flags, 100));
        }
        frames.push(udp(peer, own, 1000));
        frames.push(tagged(&udp(own, peer, 32), 7));
        frames.push(tagged(&tagged(&udp(own, peer, 32), 7), 8));
    }
    let [own, peer] = v4(50_001);
    let whole = udp(own, peer, 64);
    // Cut behind the IP header, before which a test run takes no frame; and the first octets of each layer spoiled.
    for length in 34..whole.len() {
        frames.push(whole[..length].to_vec());
    }
    for at in 12..48 {
        let mut spoiled = whole.clone();
        spoiled[at] ^= 0xff;
        frames.push(spoiled);
    }
    // A later fragment.
    let mut fragment = whole;
    fragment[20..22].copy_from_slice(&[0x20, 0x10]);
    frames.push(fragment);
    frames
}

fn passes(lab: &Lab, frame: &[u8], context: &Context) {
    for direction in [HookDirection::Ingress, HookDirection::Egress] {
        let passed = lab
            .injector()
            .pass(direction, frame, context, [0xbeef, 6])
            .unwrap_or_else(|error| panic!("{error}: {frame:02x?} {context:?}"));
        assert_eq!(passed.verdict, UNSPEC, "{frame:?}");
        assert_eq!(passed.frame, frame, "{context:?}");
        assert_eq!(passed.metadata, [0xbeef, 6], "{frame:?}");
    }
}

#[test]
fn packets_and_verdicts_are_unchanged() {
    let Some(lab) = lab(64) else { return };
    let contexts = [
        Context::default(),
        Context {
            gso_segs: 3,
            gso_size: 20,
            ..Context::default()
        },
    ];
    for frame in frames() {
        for context in &contexts {
            passes(&lab, &frame, context);
        }
    }
    let stats = lab.stats();
    assert!(lab.read().flows > 2);
    assert!(stats.ignored().len() > 3, "{stats:#?}");
}

#[test]
fn packets_pass_a_table_that_is_full() {
    let Some(lab) = lab(1) else { return };
    for port in 1..200 {
        let [own, peer] = v4(port);
        passes(&lab, &udp(own, peer, 100), &Context::default());
        let [own, peer] = v6(port);
        passes(&lab, &tcp(own, peer, SYN, 0), &Context::default());
    }
    let ignored = lab.stats().ignored();
    let full = ignored.iter().find(|of| of.reason == "table_full");
    assert!(full.is_some_and(|of| of.packets > 300), "{ignored:?}");
}
