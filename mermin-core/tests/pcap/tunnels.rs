//! Tunnels and fragments of a capture, counted as in the kernel program.

use mermin_core::{Decapsulation, FlowKey, FlowSource, flow::TunnelKind};

use crate::{
    frames::{ETHERNET, Frame, SECOND, Shape, ethernet, ipv4, pcap, udp_datagram},
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

/// A network service header of 24 octets, before a frame.
fn services(frame: &[u8]) -> Vec<u8> {
    [&[0x0f, 0xc6, 1, 3, 0, 0, 33, 255][..], &[7; 16], frame].concat()
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
fn inner_or_outer_flow_is_counted() {
    let frames = [ethernet(0x0800, &vxlan(&inner()))];
    let flows = read(file(&frames)).whole();
    assert_eq!(sums(&flows[0]), [1, 128, 0, 0]);
    assert_eq!(flows[0].destination.to_string(), "10.1.0.2:53");
    let tunnel = flows[0].tunnel.unwrap();
    assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::Vxlan, Some(42)));
    assert_eq!(tunnel.source.to_string(), "10.0.0.1:50000");
    assert_eq!(tunnel.forward.total, 50);

    let outer = FlowSource::builder().decapsulation(Decapsulation::None);
    let flows = read_by(outer, file(&frames)).whole();
    assert_eq!(sums(&flows[0]), [1, 178, 0, 0]);
    assert_eq!(flows[0].tunnel, None);

    let elsewhere = FlowSource::builder().tunnel_ports(TunnelKind::Vxlan, [8472]);
    let flows = read_by(elsewhere, file(&frames)).whole();
    assert_eq!(flows[0].destination.to_string(), "10.0.0.2:4789");
}

#[test]
fn tunnels_by_protocol_number_are_removed() {
    let framed = ethernet(0x0800, &inner());
    let carried = |next: u8, content: &[u8]| {
        let content = [&[12, 0, 0, next, 0, 0, 42, 0][..], content].concat();
        let carrier = ipv4(17, NEAR, FAR, &udp_datagram([50_000, 4790], &content));
        ethernet(0x0800, &carrier)
    };
    let all = [
        carried(1, &inner()),
        carried(3, &framed),
        carried(4, &services(&framed)),
    ];
    let flows = read(file(&all)).whole();
    assert_eq!(sums(&flows[0]), [3, 3 * 128, 0, 0]);
    let tunnel = flows[0].tunnel.unwrap();
    assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::VxlanGpe, Some(42)));
    assert_eq!(tunnel.destination.to_string(), "10.0.0.2:4790");
    assert_eq!(tunnel.forward.total, 3 * 36 + 14 + 38);
    // Services by themselves are a link header.
    let flows = read(file(&[ethernet(0x894f, &services(&framed)), framed])).whole();
    assert_eq!(sums(&flows[0]), [2, 2 * 128, 0, 0]);
    assert_eq!(flows[0].tunnel, None);
    assert_eq!(
        flows[0].forward.frame_octets.total,
        2 * (128 + 14) + 24 + 14
    );
}

#[test]
fn links_and_ipv6_in_datagrams_are_removed() {
    let from_any = |there: &[u8], back: &[u8], port| {
        let there = udp_datagram([40_000, port], there);
        let back = udp_datagram([port, 40_000], back);
        [
            ethernet(0x0800, &ipv4(17, NEAR, FAR, &there)),
            ethernet(0x0800, &ipv4(17, FAR, NEAR, &back)),
        ]
    };
    let datagram =
        |ends: [[u8; 4]; 2], ports| ipv4(17, ends[0], ends[1], &udp_datagram(ports, &[7; 100]));
    let [low, high] = [[10, 1, 0, 1], [10, 1, 0, 2]];
    let there = datagram([low, high], [1000, 53]);
    let back = datagram([high, low], [53, 1000]);
    let second = |packet: &[u8]| [&[0, 2, 0, 9, 0, 7, 0xff, 3, 0, 0x21][..], packet].concat();
    let third = |packet: &[u8]| {
        let header = [0, 3, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0];
        [&header[..], &ethernet(0x0800, packet)].concat()
    };
    for (frames, id, added) in [
        (
            from_any(&second(&there), &second(&back), 1701),
            0x0009_0007,
            38,
        ),
        (from_any(&third(&there), &third(&back), 1701), 7, 54),
    ] {
        let flows = read(file(&frames)).whole();
        assert_eq!(sums(&flows[0]), [1, 128, 1, 128]);
        let tunnel = flows[0].tunnel.unwrap();
        assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::L2tp, Some(id)));
        assert_eq!(tunnel.destination.to_string(), "10.0.0.2:1701");
        assert_eq!([tunnel.forward.total, tunnel.reverse.total], [added; 2]);
    }
    let over_ip = [&[0, 0, 0, 7, 1, 2, 3, 4][..], &ethernet(0x0800, &there)].concat();
    let frame = ethernet(0x0800, &ipv4(115, NEAR, FAR, &over_ip));
    let flows = read(file(&[frame])).whole();
    assert_eq!(sums(&flows[0]), [1, 128, 0, 0]);
    assert_eq!(flows[0].tunnel.unwrap().protocol.0, 115);

    // A bubble: IPv6 with nothing behind it, from a client.
    let mut bubble = vec![0x60, 0, 0, 0, 0, 0, 59, 21];
    bubble.extend([&[0x20, 1, 0, 0][..], &[1; 12], &[0xfd; 16]].concat());
    let mut answer = bubble.clone();
    answer[8..].rotate_left(16);
    let origin = [&[0, 0, 1, 2, 3, 4, 5, 6][..], &answer].concat();
    let flows = read(file(&from_any(&bubble, &origin, 3544))).whole();
    assert_eq!(sums(&flows[0]), [1, 40, 1, 40]);
    let tunnel = flows[0].tunnel.unwrap();
    assert_eq!((tunnel.kind, tunnel.id), (TunnelKind::Teredo, None));
    assert_eq!([tunnel.forward.total, tunnel.reverse.total], [28, 36]);
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

/// Whose receiver chose a tunnel's port for its own, or who carries what is no IP: a datagram like others.
#[test]
fn tunnel_port_without_tunnel_header_is_a_datagram() {
    let mut frames = Vec::new();
    for first in 0..=255 {
        let query = [first, 0x5a, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1];
        let mut answer = query.to_vec();
        (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
        for port in [1701, 2152, 3544, 4789, 4790, 6081] {
            let there = udp_datagram([port, 53], &query);
            let back = udp_datagram([53, port], &answer);
            frames.push(ethernet(0x0800, &ipv4(17, NEAR, FAR, &there)));
            frames.push(ethernet(0x0800, &ipv4(17, FAR, NEAR, &back)));
        }
    }
    let flows = read(file(&frames)).whole();
    assert_eq!(flows.len(), 6);
    for flow in flows {
        assert_eq!(sums(&flow), [256, 256 * 45, 256, 256 * 61]);
    }
    // A user's frame of 19 octets through GTP-U.
    let content = [&[0x30, 255, 0, 19, 0, 0, 0, 1][..], &[0xaa; 19]].concat();
    let frame = ipv4(17, NEAR, FAR, &udp_datagram([2152, 2152], &content));
    let flows = read(file(&[ethernet(0x0800, &frame)])).whole();
    assert_eq!(sums(&flows[0]), [1, 28 + 27, 0, 0]);
    assert_eq!(flows[0].tunnel, None);
}

/// The two directions of a conversation in different networks.
#[test]
fn flow_key_options_select_key_fields() {
    let network = |id: u8, packet: &[u8]| {
        let content = [&[8, 0, 0, 0, 0, 0, id, 0][..], &ethernet(0x0800, packet)].concat();
        let carrier = ipv4(17, NEAR, FAR, &udp_datagram([50_000, 4789], &content));
        ethernet(0x0800, &carrier)
    };
    let tagged = |ids: &[u8], packet: &[u8]| {
        let mut frame = ethernet(0x0800, packet);
        for id in ids.iter().rev() {
            frame.splice(12..12, [0x81, 0, 0, *id]);
        }
        frame
    };
    let packet =
        |ends: [[u8; 4]; 2], ports| ipv4(17, ends[0], ends[1], &udp_datagram(ports, &[7; 9]));
    let there = packet([[10, 1, 0, 1], [10, 1, 0, 2]], [1000, 53]);
    let back = packet([[10, 1, 0, 2], [10, 1, 0, 1]], [53, 1000]);
    let cases = [
        ([network(42, &there), network(42, &back)], 1, ""),
        ([network(42, &there), network(43, &back)], 2, "tunnel ids"),
        ([tagged(&[1], &there), tagged(&[2], &back)], 2, "VLAN ids"),
        (
            [tagged(&[1, 2, 3], &there), tagged(&[1, 2, 3], &back)],
            1,
            "VLAN tags",
        ),
        (
            [tagged(&[], &there), network(42, &back)],
            2,
            "tunnel ids, tunnels",
        ),
    ];
    for (frames, apart, several) in cases {
        let flows = read(file(&frames)).whole();
        assert_eq!(flows.len(), apart, "{flows:?}");
        let tags = several == "VLAN tags";
        assert!(flows.iter().all(|flow| flow.several.any() == tags));
        let bare = FlowSource::builder().flow_key(FlowKey::Endpoints);
        let flows = read_by(bare, file(&frames)).whole();
        assert_eq!(flows.len(), 1, "{flows:?}");
        assert_eq!(sums(&flows[0]), [1, 37, 1, 37]);
        assert_eq!(flows[0].several.to_string(), several);
    }
}

fn alone(frames: &[Frame]) -> Outcome {
    read(pcap(Shape::LITTLE, ETHERNET, frames))
}

#[test]
fn fragment_without_its_first_makes_no_flow() {
    let [first, later] = cut(&inner(), 64);
    let outcome = alone(&[Frame::new(0, later.clone())]);
    assert_eq!(outcome.flows, []);
    assert_eq!(outcome.reasons()["fragment"], (1, later.len() as u64));
    // The number is another packet's by then, whichever of them came first.
    for frames in [[&first, &later], [&later, &first]] {
        let [one, other] = frames.map(Clone::clone);
        let late = alone(&[Frame::new(0, one), Frame::new(31 * SECOND, other)]);
        assert_eq!(late.reasons()["fragment"].0, 1);
        assert_eq!(sums(&late.flows[0])[0], 1);
    }
}

/// Some senders emit the last fragment first, and networks reorder: the others go to the flow all the same.
#[test]
fn fragments_that_come_before_their_first_find_their_flow() {
    let inner = inner();
    let carrier = vxlan(&inner);
    for (packet, expected) in [(&inner, 128 + 20), (&carrier, 128)] {
        let mut frames = cut(packet, 64 + 16);
        frames.reverse();
        let flows = read(file(&frames)).whole();
        assert_eq!(sums(&flows[0]), [2, expected, 0, 0]);
        assert_eq!(flows[0].destination.to_string(), "10.1.0.2:53");
        let octets: usize = frames.iter().map(Vec::len).sum();
        assert_eq!(flows[0].forward.frame_octets.total, octets as u64);
    }
    // Two packets whose first fragments come last, and a fragment of a third that never comes.
    let numbered = |number: u8| {
        let mut packet = inner.clone();
        packet[5] = number;
        cut(&packet, 64).map(|mut frame| {
            frame[19] = number;
            frame
        })
    };
    let [[one, after_one], [two, after_two], [_, lost]] = [1, 2, 3].map(numbered);
    let twice = after_two.clone();
    let order = [after_two, lost.clone(), after_one, twice, one, two];
    let outcome = alone(&order.map(|octets| Frame::new(0, octets)));
    assert_eq!(sums(&outcome.flows[0]), [5, 2 * 148 + 64, 0, 0]);
    assert_eq!(outcome.reasons()["fragment"], (1, lost.len() as u64));
}

/// Fragments of IPv6, whose number and addresses have room for all that those of one of IPv4 say, are of IPv6.
#[test]
fn fragments_of_both_versions_are_told_apart() {
    const IPV6_FRAGMENT: u8 = 44;
    let datagram = udp_datagram([1000, 53], &[7; 100]);
    let v6 = |content: &[u8], field: u16| {
        let mut packet = vec![0x60, 0, 0, 0];
        packet.extend(u16::try_from(8 + content.len()).unwrap().to_be_bytes());
        packet.extend([IPV6_FRAGMENT, 64]);
        for address in [NEAR, FAR] {
            packet.extend(address);
            packet.extend([0; 12]);
        }
        packet.extend([17, 0]);
        packet.extend(field.to_be_bytes());
        packet.extend([0, 0, 0, 9]);
        packet.extend(content);
        ethernet(0x86dd, &packet)
    };
    let v4 = |content: &[u8], field: u16| {
        let mut packet = ipv4(IPV6_FRAGMENT, NEAR, FAR, content);
        packet[4..6].copy_from_slice(&[0, 9]);
        packet[6..8].copy_from_slice(&field.to_be_bytes());
        ethernet(0x0800, &packet)
    };
    let first = v6(&datagram[..64], 1);
    let alien = v4(&datagram[64..], 8);
    for frames in [[&first, &alien], [&alien, &first]] {
        let frames = frames.map(|octets| Frame::new(0, octets.clone()));
        let outcome = alone(&frames);
        assert_eq!(sums(&outcome.flows[0]), [1, 40 + 8 + 64, 0, 0]);
        assert_eq!(outcome.reasons()["fragment"], (1, alien.len() as u64));
    }
    // Receivers wait twice as long for them (RFC 8200), and no longer.
    let rest = v6(&datagram[64..], 64);
    for (seconds, together) in [(31, true), (59, true), (61, false)] {
        for frames in [[&first, &rest], [&rest, &first]] {
            let [one, other] = frames.map(Clone::clone);
            let frames = [Frame::new(0, one), Frame::new(seconds * SECOND, other)];
            let timeout = std::time::Duration::from_secs(100);
            let builder = FlowSource::builder().udp_timeout(timeout);
            let outcome = read_by(builder, pcap(Shape::LITTLE, ETHERNET, &frames));
            let packets: u64 = outcome
                .flows
                .iter()
                .map(|flow| flow.forward.packets.delta)
                .sum();
            assert_eq!(packets, if together { 2 } else { 1 }, "{seconds}");
        }
    }
}

#[test]
fn tunnel_captured_too_short_is_named() {
    let frame = ethernet(0x0800, &vxlan(&inner()));
    for length in [20, 40, 45, 60, 70, 90] {
        let outcome = alone(&[Frame::new(0, frame.clone()).snapped(length)]);
        assert_eq!(outcome.reasons()["snapped"].0, 1, "{length}");
    }
    // The ports are present; the rest of the packet is not needed.
    let whole = alone(&[Frame::new(0, frame).snapped(92)]).whole();
    assert_eq!(sums(&whole[0]), [1, 128, 0, 0]);
}
