//! Headers between Ethernet and IP besides tags, labels and sessions: they make no difference to the flow.

use std::net::SocketAddr;

use mermin_core::Attach;

use crate::{
    headers::{Bench, far, near},
    support::{
        frame::{self, IPV4, IPV6, SERVICE_VLAN, VLAN},
        ledger::{Egress, Ingress, buffers, wire},
        traffic::address,
    },
};

crate::cases! {
    each_mode packets_behind_llc_are_counted,
    each_mode packets_behind_metadata_are_counted,
    each_mode packets_in_a_backbone_are_counted,
    each_mode packets_in_a_pseudowire_are_counted,
}

/// Puts a header before a payload of an EtherType, and returns the EtherType of that header.
type Wrap = fn(u16, &[u8]) -> (u16, Vec<u8>);

fn with(header: &[u8], kind: u16, payload: &[u8]) -> Vec<u8> {
    [header, &kind.to_be_bytes(), payload].concat()
}

fn tag(kind: u16, payload: &[u8]) -> (u16, Vec<u8>) {
    (VLAN, with(&[0, 7], kind, payload))
}

fn service_tag(kind: u16, payload: &[u8]) -> (u16, Vec<u8>) {
    (SERVICE_VLAN, with(&[0, 5], kind, payload))
}

fn length(payload: Vec<u8>) -> (u16, Vec<u8>) {
    (u16::try_from(payload.len()).unwrap(), payload)
}

fn snap(kind: u16, payload: &[u8]) -> (u16, Vec<u8>) {
    length(with(&[0xaa, 0xaa, 3, 0, 0, 0], kind, payload))
}

fn bridge_tunnel(kind: u16, payload: &[u8]) -> (u16, Vec<u8>) {
    length(with(&[0xaa, 0xaa, 3, 0, 0, 0xf8], kind, payload))
}

fn metadata(kind: u16, payload: &[u8]) -> (u16, Vec<u8>) {
    (0x8909, with(&[1, 1, 0, 1, 0, 100], kind, payload))
}

const CUSTOMER: [u8; 12] = [2, 0, 0, 0, 0, 0x44, 2, 0, 0, 0, 0, 0x55];

fn backbone(kind: u16, payload: &[u8]) -> (u16, Vec<u8>) {
    (
        0x88e7,
        [&[0x20, 0, 1, 2][..], &with(&CUSTOMER, kind, payload)].concat(),
    )
}

fn labelled(word: &[u8], receiver: u8, kind: u16, payload: &[u8]) -> (u16, Vec<u8>) {
    let mut frame = with(&CUSTOMER, kind, payload);
    frame[0] = receiver;
    (
        0x8847,
        [&[0, 6, 0, 64, 0, 12, 0x81, 64][..], word, &frame].concat(),
    )
}

fn pseudowire(kind: u16, payload: &[u8]) -> (u16, Vec<u8>) {
    labelled(&[], 2, kind, payload)
}

/// To a receiver whose address begins as IPv4 does.
fn pseudowire_like_ip(kind: u16, payload: &[u8]) -> (u16, Vec<u8>) {
    labelled(&[], 0x44, kind, payload)
}

fn pseudowire_with_control_word(kind: u16, payload: &[u8]) -> (u16, Vec<u8>) {
    labelled(&[0, 0, 0, 9], 2, kind, payload)
}

/// Sends a datagram each way behind each of these headers, the innermost first, from a port of its own; all must be counted.
fn counted(mode: Attach, ways: &[&[Wrap]]) {
    let bench = Bench::new(mode);
    let ends = [
        [near(), far()],
        [address("[fd00::1]:40000"), address("[fd00::2]:53")],
    ];
    let frame = |from: SocketAddr, to: SocketAddr, way: &[Wrap]| {
        let packet = frame::udp(from, to, &[1; 60]);
        let kind = if from.is_ipv4() { IPV4 } else { IPV6 };
        let (kind, payload) = way
            .iter()
            .fold((kind, packet), |(kind, payload), wrap| wrap(kind, &payload));
        frame::ethernet(kind, &payload)
    };
    for (number, way) in (0..).zip(ways) {
        for [mut near, far] in ends {
            near.set_port(40_000 + number);
            bench.out.send(&frame(near, far, way));
            bench.into.send(&frame(far, near, way));
        }
    }
    let (outcome, pair) = bench.finish();
    assert_eq!(outcome.all_ignored(), 0, "{:#?}", outcome.stats);
    assert_eq!(outcome.flows.len(), 2 * ways.len());
    for (number, way) in (0..).zip(ways) {
        for ([mut near, far], header) in ends.into_iter().zip([28, 48]) {
            near.set_port(40_000 + number);
            let flow = outcome.only(|flow| flow.source.to_string() == near.to_string());
            for half in [&flow.forward, &flow.reverse] {
                let counted = (half.packets.total, half.octets.total);
                assert_eq!(counted, (1, 60 + header), "way {number}: {flow}");
                let octets = frame(near, far, way).len() as u64;
                assert_eq!(half.frame_octets.total, octets, "way {number}: {flow}");
            }
        }
    }
    assert_eq!(buffers(&outcome, "v0", Egress), pair.near.sent("v0"));
    assert_eq!(wire(&outcome, "v0", Ingress), pair.near.received("v0"));
}

fn packets_behind_llc_are_counted(mode: Attach) {
    counted(
        mode,
        &[
            &[snap],
            &[bridge_tunnel],
            &[snap, tag],
            &[tag, snap],
            &[snap, tag, service_tag],
        ],
    );
}

fn packets_behind_metadata_are_counted(mode: Attach) {
    counted(
        mode,
        &[
            &[metadata],
            &[metadata, tag],
            &[tag, metadata],
            &[snap, metadata],
        ],
    );
}

fn packets_in_a_backbone_are_counted(mode: Attach) {
    counted(
        mode,
        &[
            &[backbone],
            &[backbone, service_tag],
            &[tag, backbone, service_tag],
            &[snap, backbone, service_tag],
            &[metadata, tag, backbone, service_tag],
        ],
    );
}

fn packets_in_a_pseudowire_are_counted(mode: Attach) {
    counted(
        mode,
        &[
            &[pseudowire],
            &[pseudowire_like_ip],
            &[pseudowire_with_control_word],
            &[tag, pseudowire],
            &[tag, service_tag, pseudowire_like_ip, tag],
            &[tag, pseudowire_with_control_word],
            &[pseudowire, backbone],
        ],
    );
}
