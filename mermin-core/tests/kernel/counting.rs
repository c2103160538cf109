//! Exact packets and octets: per flow compared with the sender, in sum compared with the interface's own counters.

use std::net::SocketAddr;

use mermin_core::{
    Attach, Flow,
    flow::{MacAddress, Protocol, Uniflow},
};

use crate::support::{
    host::{FAR_MAC, NEAR_MAC, Pair},
    ledger::{Egress, Ingress, buffers, wire},
    raw,
    traffic::{address, retransmissions, tcp_transfer, udp_dialogue, udp_socket},
    watch::{Outcome, Watch, on},
};

crate::cases! {
    each_mode udp_packets_and_octets_are_counted,
    each_mode udp_over_ipv6_is_counted,
    each_mode udp_segments_are_counted,
    each_mode tcp_super_packets_are_counted_as_segments,
    each_mode tcp_segmented_on_the_way_is_counted,
    each_mode tcp_gathered_on_receipt_is_counted,
    each_mode tcp_over_ipv6_is_counted,
    each_mode pings_are_counted,
    each_mode pings_over_ipv6_are_counted,
}

fn between(one: SocketAddr, other: SocketAddr) -> impl Fn(&Flow) -> bool {
    move |flow| {
        flow.source.to_string() == one.to_string()
            && flow.destination.to_string() == other.to_string()
    }
}

/// Packets, IP octets and frame octets of a direction.
fn totals(half: &Uniflow) -> [u64; 3] {
    [half.packets, half.octets, half.frame_octets].map(|count| count.total)
}

/// A host's interface and its hooks counted the same since the source was opened.
fn agrees_with_interface(outcome: &Outcome, pair: &Pair) {
    assert_eq!(buffers(outcome, "v0", Egress), pair.near.sent("v0"));
    assert_eq!(buffers(outcome, "v0", Ingress), pair.near.received("v0"));
}

fn udp_packets_and_octets_are_counted(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let far = address("10.0.0.2:53");
    for (port, datagrams, sizes) in [
        (40_001, 1000, [18, 100]),
        (40_002, 1, [0, 1472]),
        (40_003, 37, [1000, 1]),
    ] {
        let near = SocketAddr::new(address("10.0.0.1:0").ip(), port);
        udp_dialogue(&pair, [near, far], datagrams, sizes);
    }
    let outcome = watch.finish();
    for (port, datagrams, [there, back]) in [
        (40_001, 1000, [18, 100]),
        (40_002, 1, [0, 1472]),
        (40_003, 37, [1000, 1]),
    ] {
        let near = SocketAddr::new(address("10.0.0.1:0").ip(), port);
        let flow = outcome.only(between(near, far));
        let expected = |size: u64| {
            [
                datagrams,
                datagrams * (size + 28),
                datagrams * (size + 28 + 14),
            ]
        };
        assert_eq!(totals(&flow.forward), expected(there));
        assert_eq!(totals(&flow.reverse), expected(back));
        let macs = [flow.interface.source_mac, flow.interface.destination_mac];
        assert_eq!(macs, [NEAR_MAC, FAR_MAC].map(|mac| Some(MacAddress(mac))));
    }
    assert_eq!(outcome.all_ignored(), 0);
    assert_eq!(outcome.packets, 2 * 1038);
    agrees_with_interface(&outcome, &pair);
}

fn udp_over_ipv6_is_counted(mode: Attach) {
    let pair = Pair::new();
    pair.add_ipv6();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let (near, far) = (address("[fd00::1]:40000"), address("[fd00::2]:53"));
    udp_dialogue(&pair, [near, far], 500, [18, 1400]);
    let outcome = watch.finish();
    let flow = outcome.only(between(near, far));
    assert_eq!(totals(&flow.forward), [500, 500 * 66, 500 * 80]);
    assert_eq!(totals(&flow.reverse), [500, 500 * 1448, 500 * 1462]);
    let header = flow.forward.ip.unwrap();
    assert_eq!(header.ttl, 64);
    assert!(header.flow_label.is_some());
}

/// One send of 20 datagrams is one buffer at the hook, and 20 packets on the wire.
fn udp_segments_are_counted(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let (near, far) = (address("10.0.0.1:40000"), address("10.0.0.2:53"));
    let socket = udp_socket(&pair.near, near, far);
    let receiver = udp_socket(&pair.far, far, near);
    raw::segment_udp(&socket, 1000).unwrap();
    for _ in 0..10 {
        assert_eq!(socket.send(&vec![5; 19_500]).unwrap(), 19_500);
        for number in 0..20 {
            let expected = if number == 19 { 500 } else { 1000 };
            assert_eq!(receiver.recv(&mut [0; 2000]).unwrap(), expected);
        }
    }
    let outcome = watch.finish();
    let flow = outcome.only(between(near, far));
    let octets = 10 * (19_500 + 20 * 28);
    assert_eq!(totals(&flow.forward), [200, octets, octets + 200 * 14]);
    assert_eq!(buffers(&outcome, "v0", Egress).packets, 10);
    agrees_with_interface(&outcome, &pair);
}

/// A transfer over TCP, seen by a source at either end.
struct Bulk {
    pair: Pair,
    near: Outcome,
    far: Outcome,
    client: SocketAddr,
    server: SocketAddr,
    payload: u64,
}

impl Bulk {
    fn new(mode: Attach, server: &str, payload: usize, prepare: impl FnOnce(&Pair)) -> Self {
        let pair = Pair::new();
        prepare(&pair);
        let near = Watch::open(&pair.near, on("v0").attach(mode));
        let far = Watch::open(&pair.far, on("v1").attach(mode));
        let server = address(server);
        let client = tcp_transfer(&pair, server, payload);
        Self {
            near: near.finish(),
            far: far.finish(),
            pair,
            client,
            server,
            payload: payload as u64,
        }
    }

    /// Both ends saw one connection alike, and in it every octet of the payload.
    fn check(&self, ip_header: u64) {
        let flow = self.near.only(between(self.client, self.server));
        let seen_there = self.far.only(between(self.client, self.server));
        for flow in [flow, seen_there] {
            assert_eq!(flow.protocol, Protocol::TCP);
            let [packets, octets, frames] = totals(&flow.forward);
            assert_eq!(frames, octets + packets * 14);
            // Each segment has 20 octets of header and 12 of timestamps; the SYN has 8 more of options, and the FIN
            // may come with data or without.
            let carried = octets - packets * (ip_header + 32) - 8;
            if retransmissions(&self.pair.near) == 0 {
                assert_eq!(carried, self.payload, "{flow:#?}");
            } else {
                assert!(carried >= self.payload, "{flow:#?}");
            }
            assert_eq!(flow.tcp.unwrap().state.as_str(), "time_wait", "{flow:#?}");
        }
        assert_eq!(totals(&flow.forward), totals(&seen_there.forward));
        assert_eq!(totals(&flow.reverse), totals(&seen_there.reverse));
    }
}

/// Nothing cuts what the sender's stack makes: both hooks see buffers of up to 64 KiB.
fn tcp_super_packets_are_counted_as_segments(mode: Attach) {
    let bulk = Bulk::new(mode, "10.0.0.2:5201", 300 << 20, |_| {});
    bulk.check(20);
    let sent = buffers(&bulk.near, "v0", Egress);
    let on_wire = wire(&bulk.near, "v0", Egress);
    assert!(sent.packets * 5 < on_wire.packets, "{sent:?} {on_wire:?}");
    assert!(on_wire.packets >= bulk.payload / 1448);
    assert_eq!(on_wire, wire(&bulk.far, "v1", Ingress));
    agrees_with_interface(&bulk.near, &bulk.pair);
}

/// The sender's device is handed super-packets after the hook saw them, and counts their segments: the referee.
fn tcp_segmented_on_the_way_is_counted(mode: Attach) {
    let bulk = Bulk::new(mode, "10.0.0.2:5201", 50 << 20, |pair| {
        pair.near.shell("ethtool -K v0 tso off gso off");
    });
    bulk.check(20);
    let on_wire = wire(&bulk.near, "v0", Egress);
    assert!(buffers(&bulk.near, "v0", Egress).packets * 5 < on_wire.packets);
    assert_eq!(on_wire, bulk.pair.near.sent("v0"));
    assert_eq!(on_wire, buffers(&bulk.far, "v1", Ingress));
}

/// Segments cross one by one and are gathered by GRO before the receiver's hook.
fn tcp_gathered_on_receipt_is_counted(mode: Attach) {
    let bulk = Bulk::new(mode, "10.0.0.2:5201", 50 << 20, |pair| {
        pair.near.shell("ethtool -K v0 tso off gso off");
        pair.far.shell("ethtool -K v1 gro on");
    });
    bulk.check(20);
    let on_wire = wire(&bulk.far, "v1", Ingress);
    assert!(buffers(&bulk.far, "v1", Ingress).packets < on_wire.packets);
    let sent = bulk.pair.near.sent("v0");
    // With GRO it is the receiver of a veth pair that counts for both, and it does so behind the Ethernet header.
    let octets = sent.octets + 14 * sent.packets;
    assert_eq!((on_wire.packets, on_wire.octets), (sent.packets, octets));
}

fn tcp_over_ipv6_is_counted(mode: Attach) {
    Bulk::new(mode, "[fd00::2]:5201", 50 << 20, Pair::add_ipv6).check(40);
}

/// Two pings are two flows, and each has its answers.
fn pings(mode: Attach, prepare: impl Fn(&Pair), destination: &str, ip_header: u64, echo: [u8; 2]) {
    let pair = Pair::new();
    prepare(&pair);
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    for count in [5, 3] {
        pair.near
            .shell(&format!("ping -q -c {count} -i 0.01 -s 100 {destination}"));
    }
    let outcome = watch.finish();
    let echoes = |flow: &Flow| flow.forward.icmp.is_some_and(|icmp| icmp.kind == echo[0]);
    let mut flows: Vec<&Flow> = outcome.flows.iter().filter(|flow| echoes(flow)).collect();
    flows.sort_by_key(|flow| flow.start);
    assert_eq!(flows.len(), 2, "{flows:#?}");
    assert_ne!(flows[0].icmp_id, flows[1].icmp_id);
    for (flow, count) in flows.into_iter().zip([5, 3]) {
        assert_eq!(flow.reverse.icmp.unwrap().kind, echo[1]);
        assert_eq!(flow.destination.to_string(), destination);
        let octets = count * (ip_header + 108);
        for half in [&flow.forward, &flow.reverse] {
            assert_eq!(totals(half), [count, octets, octets + count * 14]);
        }
    }
}

fn pings_are_counted(mode: Attach) {
    pings(mode, |_| {}, "10.0.0.2", 20, [8, 0]);
}

fn pings_over_ipv6_are_counted(mode: Attach) {
    pings(mode, Pair::add_ipv6, "fd00::2", 40, [128, 129]);
}
