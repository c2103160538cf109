//! Packets in tunnels: crafted ones of every kind, and TCP through a VXLAN device.

use std::net::SocketAddr;

use mermin_core::{
    Attach, Decapsulation, Flow,
    flow::{Tunnel, TunnelKind, Uniflow},
};

mod wrapping;

use self::wrapping::{Carrier, by_port, kinds};
use crate::support::{
    frame::{self, IPV4},
    host::Pair,
    ledger::{Egress, Ingress, wire},
    raw,
    traffic::{Injector, address, tcp_transfer, udp_socket},
    watch::{Outcome, Watch, on},
};

crate::cases! {
    each_mode every_tunnel_is_removed,
    each_mode tunnels_behind_a_label_are_removed,
    each_mode invalid_tunnels_have_a_reason,
    each_mode datagrams_at_tunnel_ports_are_flows_of_their_own,
    each_mode tunnel_in_fragments_is_counted_in_the_inner_flow,
    each_mode wireguard_session_shows_its_indices,
    each_mode responses_from_a_tunnel_port_are_decapsulated,
    each_mode l2tp_version_3_is_recognised_by_its_content,
    each_mode vxlan_device_shows_inner_and_outer_flow,
    each_mode outer_packet_counts_whatever_is_inside,
}

fn outer_ends() -> [SocketAddr; 2] {
    [address("10.0.0.1:50000"), address("10.0.0.2:50000")]
}

fn inner_ends() -> [SocketAddr; 2] {
    [address("10.1.0.1:40000"), address("10.1.0.2:53")]
}

/// Both IP versions for carrier and inner packet: their addresses, and the length of their headers.
fn versions() -> [[([SocketAddr; 2], u64); 2]; 4] {
    let outer = [
        (outer_ends(), 20),
        (["[fd00::1]:50000", "[fd00::2]:50000"].map(address), 40),
    ];
    let inner = [
        (inner_ends(), 20),
        (["[fd01::1]:40000", "[fd01::2]:53"].map(address), 40),
    ];
    [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(around, inside)| [outer[around], inner[inside]])
}

fn counts(half: &Uniflow) -> (u64, u64) {
    (half.packets.total, half.octets.total)
}

fn tunnel(flow: &Flow) -> &Tunnel {
    flow.tunnel.as_ref().unwrap()
}

/// A pair with a source on `v0`, and senders to both of its hooks.
fn bench(mode: Attach) -> (Pair, Watch, [Injector; 2]) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let senders = [
        Injector::new(&pair.near, "v0"),
        Injector::new(&pair.far, "v1"),
    ];
    (pair, watch, senders)
}

fn every_tunnel_is_removed(mode: Attach) {
    let (_pair, watch, [out, into]) = bench(mode);
    for [([near, far], _), ([low, high], _)] in versions() {
        for kind in kinds() {
            for _ in 0..3 {
                let there = frame::tagged(&[], &frame::udp(low, high, &[1; 60]));
                let back = frame::tagged(&[], &frame::udp(high, low, &[2; 70]));
                out.send(&kind.frame(near, far, &there));
                into.send(&kind.frame(far, near, &back));
            }
        }
    }
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), versions().len() * kinds().count());
    for [(ends, outer_header), ([low, high], inner_header)] in versions() {
        let [near, far] = ends;
        for kind in kinds() {
            let flow = kind.only(&outcome, near, low);
            assert_eq!(flow.destination.to_string(), high.to_string());
            assert_eq!(counts(&flow.forward), (3, 3 * (inner_header + 68)));
            assert_eq!(counts(&flow.reverse), (3, 3 * (inner_header + 78)));
            let found = tunnel(flow);
            let protocol = kind.carrier.protocol(low.is_ipv4());
            assert_eq!(found.protocol.0, protocol);
            assert_eq!(found.destination.address, far.ip());
            let port = kind.carrier.port();
            assert_eq!(found.destination.port, port);
            assert_eq!(found.source.port, port.map(|_| near.port()));
            assert!(found.sender_mac.is_some());
            for (half, added) in [
                (&flow.forward, found.forward),
                (&flow.reverse, found.reverse),
            ] {
                assert_eq!(added.total, 3 * (outer_header + kind.between), "{flow:#?}");
                let frames = half.octets.total + added.total + 3 * 14;
                assert_eq!(half.frame_octets.total, frames);
            }
        }
    }
    assert_eq!(outcome.all_ignored(), 0);
}

/// A label of MPLS is nothing that the program at the hook knows: another finds what carries the tunnel.
fn tunnels_behind_a_label_are_removed(mode: Attach) {
    const MPLS: u16 = 0x8847;
    const BOTTOM: [u8; 4] = [0, 1, 1, 64];
    let (_pair, watch, [out, into]) = bench(mode);
    for [([near, far], _), ([low, high], _)] in versions() {
        for kind in kinds() {
            let there = frame::tagged(&[], &frame::udp(low, high, &[1; 60]));
            let back = frame::tagged(&[], &frame::udp(high, low, &[2; 70]));
            for (sender, packet) in [
                (&out, kind.packet(near, far, &there)),
                (&into, kind.packet(far, near, &back)),
            ] {
                sender.send(&frame::ethernet(MPLS, &[&BOTTOM[..], &packet].concat()));
            }
        }
    }
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), versions().len() * kinds().count());
    for [([near, far], outer_header), ([low, high], inner_header)] in versions() {
        for kind in kinds() {
            let flow = kind.only(&outcome, near, low);
            assert_eq!(flow.destination.to_string(), high.to_string());
            assert_eq!(tunnel(flow).destination.address, far.ip());
            assert_eq!(counts(&flow.forward), (1, inner_header + 68));
            assert_eq!(counts(&flow.reverse), (1, inner_header + 78));
            let added = outer_header + kind.between;
            assert_eq!(tunnel(flow).forward.total, added, "{flow:#?}");
            let frame = inner_header + 68 + added + 14 + 4;
            assert_eq!(flow.forward.frame_octets.total, frame);
        }
    }
    assert_eq!(outcome.all_ignored(), 0);
}

fn invalid_tunnels_have_a_reason(mode: Attach) {
    let (_pair, watch, [out, _into]) = bench(mode);
    let ([near, far], [low, high]) = (outer_ends(), inner_ends());
    let inner = frame::ethernet(IPV4, &frame::udp(low, high, &[1; 60]));
    let [vxlan, geneve, ..] = by_port();
    // The inner header claims one octet too many.
    out.send(&vxlan.frame(near, far, &inner[..inner.len() - 1]));
    // Three levels.
    let mut nested = inner.clone();
    for _ in 0..2 {
        nested = geneve.frame(near, far, &nested);
    }
    out.send(&vxlan.frame(near, far, &nested));
    let outcome = watch.finish();
    assert_eq!(outcome.flows, []);
    for reason in ["malformed_ipv4", "too_many_tunnels"] {
        assert_eq!(outcome.ignored(reason), 1, "{reason}: {:#?}", outcome.stats);
    }
    assert_eq!(outcome.all_ignored(), 2);
}

/// A datagram to a tunnel's port that is not that tunnel, or carries no packet, is one like others.
fn datagrams_at_tunnel_ports_are_flows_of_their_own(mode: Attach) {
    let (_pair, watch, [out, _into]) = bench(mode);
    let ([near, far], [low, high]) = (outer_ends(), inner_ends());
    let inner = frame::ethernet(IPV4, &frame::udp(low, high, &[1; 60]));
    let mut sent = std::collections::HashMap::new();
    for kind in kinds() {
        let Carrier::Udp(port) = kind.carrier else {
            continue;
        };
        let whole = (kind.wrap)(&inner);
        let header = whole.len() - (inner.len() - 14);
        // Cut in the tunnel's header, then in the inner one.
        let mut contents: Vec<Vec<u8>> =
            (0..header).map(|length| whole[..length].to_vec()).collect();
        contents.extend((14..14 + 20).map(|length| (kind.wrap)(&inner[..length])));
        let mut other = inner.clone();
        other[14] = 0x05;
        contents.push((kind.wrap)(&other));
        // Every number that an answer of DNS may begin with.
        contents.extend((0..=255).map(|first| {
            let mut answer = vec![first, 0x5a, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
            answer.extend([0x5a; 40]);
            answer
        }));
        let mut to = far;
        to.set_port(port);
        for content in &contents {
            out.send(&frame::ethernet(IPV4, &frame::udp(near, to, content)));
        }
        let octets: usize = contents.iter().map(|content| 28 + content.len()).sum();
        let (packets, sum) = sent.entry(port).or_insert((0, 0));
        *packets += contents.len() as u64;
        *sum += octets as u64;
    }
    let outcome = watch.finish();
    for (port, expected) in sent {
        let flow = outcome.only(|flow| flow.destination.port == Some(port));
        let found = counts(&flow.forward);
        assert_eq!((found, flow.tunnel), (expected, None), "{port}");
    }
    assert_eq!(outcome.all_ignored(), 0, "{:#?}", outcome.stats);
}

/// Later fragments of a carrier bring the rest of the inner packet, in whatever order they come.
fn tunnel_in_fragments_is_counted_in_the_inner_flow(mode: Attach) {
    let (_pair, watch, [out, into]) = bench(mode);
    let ([near, far], [low, high]) = (outer_ends(), inner_ends());
    let [vxlan, ..] = by_port();
    for (identification, order) in (9..).zip([[0, 1, 2], [2, 1, 0], [1, 0, 2]]) {
        for (from, to, inner_from, inner_to, sender) in
            [(near, far, low, high, &out), (far, near, high, low, &into)]
        {
            let inner = frame::ethernet(IPV4, &frame::udp(inner_from, inner_to, &[1; 3000]));
            let packet = vxlan.packet(from, to, &inner);
            let parts: Vec<Vec<u8>> = packet[20..]
                .chunks(1400)
                .enumerate()
                .map(|(number, part)| {
                    let mut cut = frame::ip(from.ip(), to.ip(), 17, part);
                    let to_come = u16::from(part.len() == 1400) << 13;
                    let field = to_come | u16::try_from(number * 1400 / 8).unwrap();
                    cut[4..6].copy_from_slice(&[0, identification]);
                    cut[6..8].copy_from_slice(&field.to_be_bytes());
                    frame::ethernet(IPV4, &cut)
                })
                .collect();
            for place in order {
                sender.send(&parts[place]);
            }
        }
    }
    let outcome = watch.finish();
    let flow = outcome.only(|_| true);
    assert_eq!(flow.source.to_string(), low.to_string());
    for half in [&flow.forward, &flow.reverse] {
        assert_eq!(counts(half), (9, 3 * 3028));
    }
    // Octets around the inner packet: 30 octets once, and an IP header for each fragment.
    assert_eq!(tunnel(flow).forward.total, 3 * (30 + 3 * 20));
    assert_eq!(outcome.all_ignored(), 0);
}

fn wireguard_session_shows_its_indices(mode: Attach) {
    let (_pair, watch, [out, into]) = bench(mode);
    let [near, mut far] = outer_ends();
    far.set_port(51_820);
    let data = |receiver: u8| [&[4, 0, 0, 0, receiver, 0, 0, 0x80][..], &[7; 56]].concat();
    out.send(&frame::ethernet(IPV4, &frame::udp(near, far, &data(1))));
    for _ in 0..2 {
        into.send(&frame::ethernet(IPV4, &frame::udp(far, near, &data(2))));
    }
    let outcome = watch.finish();
    let flow = outcome.only(|_| true);
    assert_eq!([counts(&flow.forward).0, counts(&flow.reverse).0], [1, 2]);
    assert_eq!(flow.ipsec.unwrap().receiver_index, Some(0x8000_0001));
    assert_eq!(flow.ipsec.unwrap().sender_index, None);
    let found = tunnel(flow);
    assert_eq!(
        (found.kind, found.id, found.destination.to_string()),
        (TunnelKind::WireGuard, Some(0x8000_0001), far.to_string())
    );
}

/// Of Teredo and L2TP one side has the tunnel's port, and the other any.
fn responses_from_a_tunnel_port_are_decapsulated(mode: Attach) {
    let (_pair, watch, [out, into]) = bench(mode);
    let [near, far] = outer_ends();
    let server = |port| SocketAddr::new(far.ip(), port);
    let [client, host] = ["[2001:0:1::1]:40000", "[fd01::2]:53"].map(address);
    let authentication = [&[0, 1, 0, 0][..], &[7; 9]].concat();
    let origin = [0, 0, 1, 2, 3, 4, 5, 6];
    let [low, high] = inner_ends();
    let ppp = [0, 2, 0, 9, 0, 54, 0x21];
    for _ in 0..3 {
        let there = [&authentication[..], &frame::udp(client, host, &[1; 60])].concat();
        let back = [&origin[..], &frame::udp(host, client, &[2; 70])].concat();
        out.send(&frame::ethernet(
            IPV4,
            &frame::udp(near, server(3544), &there),
        ));
        into.send(&frame::ethernet(
            IPV4,
            &frame::udp(server(3544), near, &back),
        ));
        let there = [&ppp[..], &frame::udp(low, high, &[1; 60])].concat();
        let back = [&ppp[..], &frame::udp(high, low, &[2; 70])].concat();
        out.send(&frame::ethernet(
            IPV4,
            &frame::udp(near, server(1701), &there),
        ));
        into.send(&frame::ethernet(
            IPV4,
            &frame::udp(server(1701), near, &back),
        ));
    }
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), 2, "{:#?}", outcome.flows);
    for (from, kind, header, added) in [
        (client, TunnelKind::Teredo, 48, [28 + 13, 28 + 8]),
        (low, TunnelKind::L2tp, 28, [28 + 7, 28 + 7]),
    ] {
        let flow = outcome.only(|flow| flow.source.to_string() == from.to_string());
        let found = tunnel(flow);
        assert_eq!(found.kind, kind);
        assert_eq!(found.source.to_string(), near.to_string());
        assert_eq!(counts(&flow.forward), (3, 3 * (60 + header)));
        assert_eq!(counts(&flow.reverse), (3, 3 * (70 + header)));
        let sums = [found.forward.total, found.reverse.total];
        assert_eq!(sums, added.map(|octets| 3 * octets));
    }
    assert_eq!(outcome.all_ignored(), 0);
}

/// L2TP of version 3 does not say where its frames begin.
fn l2tp_version_3_is_recognised_by_its_content(mode: Attach) {
    const NUMBER: u8 = 115;
    let (_pair, watch, [out, into]) = bench(mode);
    let [near, mut far] = outer_ends();
    far.set_port(1701);
    let ends = [
        inner_ends(),
        ["[fd01::1]:40000", "[fd01::2]:53"].map(address),
    ];
    let over_udp = |frame: &[u8]| {
        let content = [&[0, 3, 0, 0, 0, 0, 0, 55, 0, 0, 0, 0][..], frame].concat();
        frame::ethernet(IPV4, &frame::udp(near, far, &content))
    };
    let over_ip = |frame: &[u8]| {
        let content = [
            &[0, 0, 0, 56, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4][..],
            frame,
        ]
        .concat();
        frame::ethernet(IPV4, &frame::ip(far.ip(), near.ip(), NUMBER, &content))
    };
    for [low, high] in ends {
        let there = frame::tagged(&[], &frame::udp(low, high, &[1; 60]));
        let back = frame::tagged(&[], &frame::udp(high, low, &[2; 70]));
        for _ in 0..3 {
            out.send(&over_udp(&there));
            into.send(&over_ip(&back));
        }
    }
    // A frame that carries no packet, and one whose packet is of another length.
    let arp = frame::ethernet(0x0806, &[0; 46]);
    let [low, high] = inner_ends();
    let longer = frame::tagged(&[], &[&frame::udp(low, high, &[1; 60])[..], &[0]].concat());
    for frame in [&arp, &longer] {
        out.send(&over_udp(frame));
        into.send(&over_ip(frame));
    }
    let outcome = watch.finish();
    for ([low, _], header) in ends.into_iter().zip([28, 48]) {
        let flow = outcome.only(|flow| flow.source.to_string() == low.to_string());
        let found = tunnel(flow);
        assert_eq!((found.kind, found.id), (TunnelKind::L2tp, Some(55)));
        assert_eq!(found.destination.to_string(), far.to_string());
        assert_eq!(counts(&flow.forward), (3, 3 * (60 + header)));
        assert_eq!(counts(&flow.reverse), (3, 3 * (70 + header)));
        let added = [found.forward.total, found.reverse.total];
        assert_eq!(added, [3 * (28 + 12 + 14), 3 * (20 + 12 + 14)]);
    }
    for protocol in [frame::UDP, NUMBER] {
        let flow = outcome.only(|flow| flow.protocol.0 == protocol && flow.tunnel.is_none());
        assert_eq!(counts(&flow.forward).0 + counts(&flow.reverse).0, 2);
    }
    assert_eq!(outcome.all_ignored(), 0);
}

/// TCP through a VXLAN device: the counters of its own interface equal those of the inner flow.
fn vxlan_device_shows_inner_and_outer_flow(mode: Attach) {
    let pair = Pair::new();
    for (host, name, own, other) in [(&pair.near, "v0", 1, 2), (&pair.far, "v1", 2, 1)] {
        host.shell(&format!(
            "ip link add vx0 type vxlan id 42 local 10.0.0.{own} remote 10.0.0.{other} dev {name} dstport 4789"
        ));
        host.shell(&format!("ip addr add 10.9.0.{own}/24 dev vx0"));
        host.shell("ip link set vx0 up");
    }
    let carrier = Watch::open(&pair.near, on("v0").attach(mode));
    let outside = Watch::open(
        &pair.near,
        on("v0").attach(mode).decapsulation(Decapsulation::None),
    );
    let inside = Watch::open(&pair.near, on("vx0").attach(mode));
    let own = tcp_transfer(&pair, address("10.9.0.2:5201"), 50 << 20);
    let [carrier, outside, inside] = [carrier, outside, inside].map(Watch::finish);
    let of_transfer = |outcome: &Outcome| -> [(u64, u64); 2] {
        let flow = outcome.only(|flow| flow.source.to_string() == own.to_string());
        [&flow.forward, &flow.reverse].map(counts)
    };
    assert_eq!(of_transfer(&carrier), of_transfer(&inside));
    let flow = carrier.only(|flow| flow.source.to_string() == own.to_string());
    let found = tunnel(flow);
    assert_eq!((found.kind, found.id), (TunnelKind::Vxlan, Some(42)));
    assert_eq!(found.destination.address, address("10.0.0.2:0").ip());
    // Outer IP, UDP and VXLAN header, inner Ethernet header.
    assert_eq!(found.forward.total, flow.forward.packets.total * 50);
    assert_eq!(found.reverse.total, flow.reverse.packets.total * 50);
    // Super-packets crossed the hook.
    assert!(
        carrier
            .hooks
            .iter()
            .any(|hook| hook.traffic.skbs < hook.traffic.packets)
    );
    // Without decapsulation the segments repeat all headers as well.
    for direction in [Ingress, Egress] {
        assert_eq!(
            wire(&carrier, "v0", direction),
            wire(&outside, "v0", direction)
        );
    }
    let octets: u64 = outside
        .flows
        .iter()
        .map(|flow| counts(&flow.forward).1 + counts(&flow.reverse).1)
        .sum();
    let [got, sent] = [Ingress, Egress].map(|direction| wire(&outside, "v0", direction));
    let link = 14 * (got.packets + sent.packets);
    assert_eq!(octets, got.octets + sent.octets - link);
    assert!(outside.flows.iter().all(|flow| flow.tunnel.is_none()));
    for outcome in [carrier, outside] {
        assert_eq!(outcome.all_ignored(), 0);
    }
}

/// Where the outermost packet counts, it does so whatever is inside: a super-packet is looked into for its headers alone.
fn outer_packet_counts_whatever_is_inside(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(
        &pair.near,
        on("v0").attach(mode).decapsulation(Decapsulation::None),
    );
    // A VXLAN header, and a frame with the EtherType of IPv4 and other content.
    let mut vxlan = vec![0; 2500];
    (vxlan[0], vxlan[20]) = (8, 8);
    // A GTP-U header that announces an extension, and one of no length.
    let mut gtpu = vec![0; 2500];
    gtpu[..12].copy_from_slice(&[0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85]);
    // IP in IP in IP in VXLAN: a level more than are taken off.
    let mut deep = vxlan.clone();
    for at in [22, 42, 62] {
        (deep[at], deep[at + 9]) = (0x45, 4);
    }
    let cases = [(4789, vxlan), (2152, gtpu), (4789, deep)];
    for (near_port, (port, content)) in (50_000..).zip(cases) {
        let near = SocketAddr::new(address("10.0.0.1:0").ip(), near_port);
        let far = SocketAddr::new(address("10.0.0.2:0").ip(), port);
        let socket = udp_socket(&pair.near, near, far);
        let receiver = udp_socket(&pair.far, far, near);
        raw::segment_udp(&socket, 1000).unwrap();
        assert_eq!(socket.send(&content).unwrap(), 2500);
        for expected in [1000, 1000, 500] {
            assert_eq!(receiver.recv(&mut [0; 2000]).unwrap(), expected);
        }
    }
    let outcome = watch.finish();
    for (near_port, port) in (50_000..).zip([4789, 2152, 4789]) {
        let flow = outcome.only(|flow| flow.source.port == Some(near_port));
        assert_eq!(flow.destination.port, Some(port));
        assert_eq!(counts(&flow.forward), (3, 2500 + 3 * 28));
    }
    assert_eq!(outcome.all_ignored(), 0);
}
