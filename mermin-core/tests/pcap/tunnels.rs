//! Tunnels and fragments of a capture: as the kernel program counts them, without it.

use mermin_core::{FlowSource, Tunnels, flow::TunnelKind};

use crate::{
    craft::{ETHERNET, Frame, SECOND, Shape, ethernet, ipv4, pcap, udp_datagram},
    run::{Outcome, read, read_by, sums},
};

const NEAR: [u8; 4] = [10, 0, 0, 1];
const FAR: [u8; 4] = [10, 0, 0, 2];

fn file(frames: &[Vec<u8>]) -> Vec<u8> {
    let frames: Vec<Frame> = frames
        .iter()
        .map(|octets| Frame::new(0, octets.clone()))
        .collect();
    pcap(Shape::LITTLE, ETHERNET, &frames)
}

/// A datagram of 100 octets, from port 1000 to port 53.
fn inner() -> Vec<u8> {
    ipv4(
        17,
        [10, 1, 0, 1],
        [10, 1, 0, 2],
        &udp_datagram([1000, 53], &[7; 100]),
    )
}

fn vxlan(packet: &[u8]) -> Vec<u8> {
    let content = [&[8, 0, 0, 0, 0, 0, 42, 0][..], &ethernet(0x0800, packet)].concat();
    ipv4(17, NEAR, FAR, &udp_datagram([50_000, 4789], &content))
}

/// Cuts an IPv4 packet in two behind so many octets of payload.
fn cut(packet: &[u8], payload: usize) -> [Vec<u8>; 2] {
    let part = |content: &[u8], field: usize| {
        let mut part = ipv4(packet[9], NEAR, FAR, content);
        part[12..20].copy_from_slice(&packet[12..20]);
        part[6..8].copy_from_slice(&u16::try_from(field).unwrap().to_be_bytes());
        ethernet(0x0800, &part)
    };
    let (first, rest) = packet[20..].split_at(payload);
    [part(first, 0x2000), part(rest, payload / 8)]
}

#[test]
fn the_inner_flow_counts_or_the_outer_one() {
    let frames = [ethernet(0x0800, &vxlan(&inner()))];
    let flows = read(file(&frames)).whole();
    assert_eq!(sums(&flows[0]), [1, 128, 0, 0]);
    assert_eq!(flows[0].destination.to_string(), "10.1.0.2:53");
    let tunnel = flows[0].tunnel.unwrap();
    assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::Vxlan, Some(42)));
    assert_eq!(tunnel.source.to_string(), "10.0.0.1:50000");
    assert_eq!(tunnel.forward.total, 50);

    let outer = FlowSource::builder().tunnels(Tunnels::Outer);
    let flows = read_by(outer, file(&frames)).whole();
    assert_eq!(sums(&flows[0]), [1, 178, 0, 0]);
    assert_eq!(flows[0].tunnel, None);

    let elsewhere = FlowSource::builder().tunnel_ports(TunnelKind::Vxlan, [8472]);
    let flows = read_by(elsewhere, file(&frames)).whole();
    assert_eq!(flows[0].destination.to_string(), "10.0.0.2:4789");
}

#[test]
fn fragments_count_in_their_flow() {
    let flows = read(file(&cut(&inner(), 64))).whole();
    assert_eq!(sums(&flows[0]), [2, 128 + 20, 0, 0]);
    // Of a carrier's fragments the inner octets count.
    let flows = read(file(&cut(&vxlan(&inner()), 80))).whole();
    assert_eq!(sums(&flows[0]), [2, 128, 0, 0]);
    assert_eq!(flows[0].destination.to_string(), "10.1.0.2:53");
    assert_eq!(flows[0].tunnel.unwrap().forward.total, 50 + 20);
}

fn alone(frames: &[Frame]) -> Outcome {
    read(pcap(Shape::LITTLE, ETHERNET, frames))
}

#[test]
fn a_fragment_without_its_first_makes_no_flow() {
    let [first, later] = cut(&inner(), 64);
    let outcome = alone(&[Frame::new(0, later.clone())]);
    assert_eq!(outcome.flows, []);
    assert_eq!(outcome.reasons()["fragment"], (1, later.len() as u64));
    // The number is another packet's by then.
    let late = alone(&[
        Frame::new(0, first.clone()),
        Frame::new(31 * SECOND, later.clone()),
    ]);
    assert_eq!(late.reasons()["fragment"].0, 1);
    let early = alone(&[Frame::new(0, later), Frame::new(0, first)]);
    assert_eq!(early.reasons()["fragment"].0, 1);
}

#[test]
fn a_tunnel_captured_too_short_says_so() {
    let frame = ethernet(0x0800, &vxlan(&inner()));
    for length in [20, 40, 45, 60, 70, 90] {
        let outcome = alone(&[Frame::new(0, frame.clone()).snapped(length)]);
        assert_eq!(outcome.reasons()["snapped"].0, 1, "{length}");
    }
    // The ports are there: more of the packet need not be.
    let whole = alone(&[Frame::new(0, frame).snapped(92)]).whole();
    assert_eq!(sums(&whole[0]), [1, 128, 0, 0]);
}
