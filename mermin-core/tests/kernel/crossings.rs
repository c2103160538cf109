//! Packets that cross hooks of one interface more than once, and packets that only seem to.

use std::{
    net::{IpAddr, SocketAddr},
    process::Command,
    time::Duration,
};

use mermin_core::{Attach, Decapsulation, Flow, FlowSourceBuilder, report::HookDirection};

use crate::support::{
    frame::{self, IPV4},
    host::{Host, NEAR_MAC, Pair},
    raw::{self, Deed},
    skip::skip_for_device,
    traffic::{Injector, address, udp_socket},
    wait::until_true,
    watch::{Outcome, Watch, on},
};

const PACKETS: u64 = 60;

crate::cases! {
    by_tcx copy_of_a_leaving_packet_is_counted_once_more,
    each_mode translated_flows_on_one_interface_are_complete,
    each_mode index_of_another_namespace_is_not_taken_for_a_watched_one,
    each_mode packet_routed_behind_a_port_is_counted_once,
    each_mode packet_routed_in_a_vrf_is_counted_once,
    each_mode packets_without_a_source_address_are_counted_each_way,
    each_mode packet_sent_back_by_a_hairpin_port_is_counted_once,
    each_mode packet_that_detours_by_ifb_is_counted_once,
    each_mode packet_redirected_to_its_own_ingress_is_counted_once,
    each_mode packet_mirrored_to_its_own_ingress_is_counted_once,
    each_mode flow_through_alternating_interfaces_is_counted_once,
    each_mode packets_sent_back_and_forwarded_are_counted_once,
    each_mode hairpin_in_fragments_is_counted_once,
    each_mode packet_at_the_end_of_a_routed_segment_is_counted_once,
}

/// Options by which a flow has one record, however slow the machine: an emulated one takes minutes.
fn patient(interface: &str, mode: Attach) -> FlowSourceBuilder {
    let hour = Duration::from_secs(3_600);
    let options = on(interface).attach(mode);
    options.active_timeout(hour).udp_timeout(hour)
}

/// Packets of a flow's directions, by its ends.
fn counted(outcome: &Outcome, source: &str, destination: &str) -> [u64; 2] {
    let flow = outcome.only(|flow: &Flow| {
        flow.source.to_string() == source && flow.destination.to_string() == destination
    });
    [&flow.forward, &flow.reverse].map(|half| half.packets.total)
}

/// Makes the near host a router that sends no redirects.
fn route(pair: &Pair, interfaces: &[&str]) {
    pair.near.set("ipv4/ip_forward", "1");
    for scope in ["all", "default"].iter().chain(interfaces) {
        pair.near
            .set(&format!("ipv4/conf/{scope}/send_redirects"), "0");
        pair.near.set(&format!("ipv4/conf/{scope}/rp_filter"), "0");
    }
}

fn datagram(source: &str, destination: &str) -> Vec<u8> {
    let packet = frame::udp(address(source), address(destination), &[6; 200]);
    frame::ethernet_to(NEAR_MAC, IPV4, &packet)
}

fn sent(host: &Host, interface: &str, packets: u64) {
    until_true("the packets to leave", || {
        host.sent(interface).packets >= packets
    });
}

/// Both conversations of a node that rewrites addresses cross its one interface, each in full.
fn translated_flows_on_one_interface_are_complete(mode: Attach) {
    let pair = Pair::new();
    route(&pair, &["v0"]);
    pair.near
        .shell("ip neigh replace 10.0.0.3 lladdr 02:00:00:00:00:02 dev v0 nud permanent");
    for rule in [
        "add table ip t",
        "add chain ip t to { type nat hook prerouting priority -100 ; }",
        "add chain ip t from { type nat hook postrouting priority 100 ; }",
        "add rule ip t to udp dport 30080 dnat to 10.0.0.3:53",
        "add rule ip t from ip daddr 10.0.0.3 masquerade",
    ] {
        pair.near.shell(&format!("nft {rule}"));
    }
    // Nobody answers that a port is closed.
    let _client = udp_socket(
        &pair.far,
        address("10.0.0.2:40000"),
        address("10.0.0.1:30080"),
    );
    let watch = Watch::open(&pair.near, patient("v0", mode));
    let injector = Injector::new(&pair.far, "v1");
    let there = datagram("10.0.0.2:40000", "10.0.0.1:30080");
    let back = datagram("10.0.0.3:53", "10.0.0.1:40000");
    for number in 0..PACKETS {
        injector.send(&there);
        sent(&pair.near, "v0", 2 * number + 1);
        injector.send(&back);
        sent(&pair.near, "v0", 2 * number + 2);
    }
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), 2, "{:#?}", outcome.flows);
    for [source, destination] in [
        ["10.0.0.2:40000", "10.0.0.1:30080"],
        ["10.0.0.1:40000", "10.0.0.3:53"],
    ] {
        let found = counted(&outcome, source, destination);
        assert_eq!(found, [PACKETS, PACKETS], "{source}");
    }
    assert_eq!(outcome.all_ignored(), 0);
}

/// A pod forwards out of a device of the watched interface; it received by an interface whose index, in its own namespace, is
/// the watched one's.
fn index_of_another_namespace_is_not_taken_for_a_watched_one(mode: Attach) {
    let pair = Pair::new();
    let [pod, client] = [(); 2].map(|()| Host::new());
    for host in [&pod, &client] {
        host.set("ipv6/conf/default/disable_ipv6", "1");
    }
    let index = pair.near.index("v0");
    pod.shell(&format!(
        "ip link add e0 index {index} address 02:00:00:00:00:01 up type veth peer name c0 netns {}",
        client.path()
    ));
    pair.near.shell(&format!(
        "ip link add m0 link v0 address 02:00:00:00:00:11 netns {} type macvlan mode bridge",
        pod.path()
    ));
    client.shell("ip link set c0 up");
    pod.set("ipv4/ip_forward", "1");
    pod.shell("ip link set m0 up");
    pod.shell("ip addr add 10.0.0.11/24 dev m0");
    pod.shell("ip addr add 10.2.0.1/24 dev e0");
    pod.shell("ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev m0 nud permanent");
    pod.shell("ip neigh replace 10.2.0.2 lladdr 02:00:00:00:00:22 dev e0 nud permanent");
    assert_eq!(pod.index("e0"), index);
    let watch = Watch::open(&pair.near, patient("v0", mode));
    let (requests, answers) = (Injector::new(&client, "c0"), Injector::new(&pair.far, "v1"));
    let request = datagram("10.2.0.2:40000", "10.0.0.2:53");
    let answer = frame::udp(address("10.0.0.2:53"), address("10.2.0.2:40000"), &[7; 100]);
    let answer = frame::ethernet_to([2, 0, 0, 0, 0, 0x11], IPV4, &answer);
    for number in 0..PACKETS {
        requests.send(&request);
        sent(&pair.near, "v0", number + 1);
        answers.send(&answer);
    }
    until_true("the answers", || {
        pair.near.received("v0").packets >= PACKETS
    });
    let outcome = watch.finish();
    let found = counted(&outcome, "10.2.0.2:40000", "10.0.0.2:53");
    assert_eq!(found, [PACKETS, PACKETS]);
    assert_eq!(outcome.all_ignored(), 0);
}

/// A packet that a port receives goes up to the bridge, is routed, and leaves by the port.
fn packet_routed_behind_a_port_is_counted_once(mode: Attach) {
    let pair = Pair::new();
    pair.near.shell("ip addr flush dev v0");
    pair.near
        .shell("ip link add b0 address 02:00:00:00:00:01 up type bridge mcast_snooping 0");
    pair.near.shell("ip link set v0 master b0");
    pair.near.shell("ip addr add 10.0.0.1/24 dev b0");
    pair.near
        .shell("ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev b0 nud permanent");
    pair.near.shell("ip route add 10.9.9.0/24 via 10.0.0.2");
    until_true("the bridge to carry packets", || {
        pair.near
            .shell("ip -json link show dev b0")
            .contains("\"UP\",\"linkmode")
    });
    route(&pair, &["v0", "b0"]);
    let before = pair.near.sent("v0").packets;
    let watch = Watch::open(&pair.near, patient("v0", mode));
    let injector = Injector::new(&pair.far, "v1");
    for _ in 0..PACKETS {
        injector.send(&datagram("10.0.0.2:40000", "10.9.9.9:53"));
    }
    sent(&pair.near, "v0", before + PACKETS);
    let outcome = watch.finish();
    let found = counted(&outcome, "10.0.0.2:40000", "10.9.9.9:53");
    assert_eq!(found, [PACKETS, 0]);
    assert_eq!(outcome.ignored("hairpin"), PACKETS);
}

/// A packet that an interface receives is its VRF's when it is routed, and leaves by the interface.
fn packet_routed_in_a_vrf_is_counted_once(mode: Attach) {
    let pair = Pair::new();
    let added = pair.near.run(|| {
        let mut add = Command::new("ip");
        add.args("link add r0 up type vrf table 10".split(' '));
        add.output().unwrap()
    });
    if !added.status.success() {
        skip_for_device(String::from_utf8_lossy(&added.stderr));
    }
    pair.near.shell("ip link set v0 master r0");
    pair.near
        .shell("ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent");
    pair.near
        .shell("ip route add 10.9.9.0/24 via 10.0.0.2 dev v0 vrf r0");
    route(&pair, &["v0", "r0"]);
    let before = pair.near.sent("v0").packets;
    let watch = Watch::open(&pair.near, patient("v0", mode));
    let injector = Injector::new(&pair.far, "v1");
    for _ in 0..PACKETS {
        injector.send(&datagram("10.0.0.2:40000", "10.9.9.9:53"));
    }
    sent(&pair.near, "v0", before + PACKETS);
    let outcome = watch.finish();
    let found = counted(&outcome, "10.0.0.2:40000", "10.9.9.9:53");
    assert_eq!(found, [PACKETS, 0]);
    assert_eq!(outcome.ignored("hairpin"), PACKETS);
}

/// A bridge of the near host with `v0` and `v2`, behind which are `v1` and `v3`.
fn bridged() -> Pair {
    let pair = Pair::new();
    pair.join(1);
    pair.near
        .shell("ip link add b0 up type bridge mcast_snooping 0");
    for port in ["v0", "v2"] {
        pair.near.shell(&format!("ip addr flush dev {port}"));
        pair.near.shell(&format!("ip link set {port} master b0"));
    }
    until_true("the ports to forward", || {
        let ports = pair.near.shell("bridge link show");
        ports.matches("state forwarding").count() == 2
    });
    pair
}

/// Packets that senders without an address send to all, by their ends.
const ASKS: [[&str; 2]; 2] = [
    ["0.0.0.0:68", "255.255.255.255:67"],
    ["[::]:546", "[ff02::1:2]:547"],
];

fn asks() -> [Vec<u8>; 2] {
    ASKS.map(|[source, destination]| {
        let source = address(source);
        let packet = frame::udp(source, address(destination), &[6; 200]);
        let kind = if source.is_ipv6() { frame::IPV6 } else { IPV4 };
        frame::ethernet_to([0xff; 6], kind, &packet)
    })
}

/// Packets that `v0` received and sent.
fn crossed(pair: &Pair) -> [u64; 2] {
    [pair.near.received("v0"), pair.near.sent("v0")].map(|it| it.packets)
}

/// Hosts of the network and guests behind a bridge ask for an address in one flow, which comes and leaves by its port.
fn packets_without_a_source_address_are_counted_each_way(mode: Attach) {
    let pair = bridged();
    let before = crossed(&pair);
    let watch = Watch::open(&pair.near, patient("v0", mode));
    let [network, guest] = ["v1", "v3"].map(|name| Injector::new(&pair.far, name));
    let mut passed = before;
    let mut ask = |injector: &Injector, side: usize, times: u64| {
        for _ in 0..times {
            for ask in asks() {
                injector.send(&ask);
            }
        }
        passed[side] += 2 * times;
        until_true("the packets", || {
            let now = crossed(&pair);
            now[0] >= passed[0] && now[1] >= passed[1]
        });
    };
    // In turn, one comes in memory that another has left; then no more leave than have come.
    for _ in 0..10 {
        ask(&guest, 1, 1);
        ask(&network, 0, 1);
    }
    ask(&network, 0, PACKETS);
    ask(&guest, 1, PACKETS);
    let outcome = watch.finish();
    for [source, destination] in ASKS {
        let found = counted(&outcome, source, destination);
        assert_eq!(found, [20 + 2 * PACKETS, 0], "{source}");
    }
    assert_eq!(outcome.ignored("hairpin"), 0);
}

/// A port in hairpin mode sends the same packets back; each counts once.
fn packet_sent_back_by_a_hairpin_port_is_counted_once(mode: Attach) {
    let pair = bridged();
    pair.near.shell("bridge link set dev v0 hairpin on");
    let before = crossed(&pair);
    let watch = Watch::open(&pair.near, patient("v0", mode));
    let network = Injector::new(&pair.far, "v1");
    for _ in 0..PACKETS {
        for ask in asks() {
            network.send(&ask);
        }
    }
    until_true("the packets to come back", || {
        crossed(&pair)[1] >= before[1] + 2 * PACKETS
    });
    let outcome = watch.finish();
    for [source, destination] in ASKS {
        assert_eq!(counted(&outcome, source, destination), [PACKETS, 0]);
    }
    assert_eq!(outcome.ignored("hairpin"), 2 * PACKETS);
}

/// Datagrams that the near host sends through a filter that others have put at the egress of `v0`.
fn filtered(mode: Attach, action: &str, prepare: impl FnOnce(&Pair)) -> Outcome {
    let pair = Pair::new();
    prepare(&pair);
    let watch = Watch::open(&pair.near, patient("v0", mode));
    pair.near.shell("tc qdisc replace dev v0 clsact");
    pair.near.shell(&format!(
        "tc filter add dev v0 egress protocol ip prio 9 u32 match u32 0 0 action mirred {action}"
    ));
    let (near, far) = (address("10.0.0.1:40000"), address("10.0.0.2:53"));
    let socket = udp_socket(&pair.near, near, far);
    let _receiver = udp_socket(&pair.far, far, near);
    for _ in 0..PACKETS {
        socket.send(&[1; 100]).unwrap();
    }
    until_true("all packets", || watch.stats().packets >= 2 * PACKETS);
    watch.finish()
}

fn once(outcome: &Outcome) {
    let found = counted(outcome, "10.0.0.1:40000", "10.0.0.2:53");
    assert_eq!(found, [PACKETS, 0]);
    assert_eq!(outcome.ignored("hairpin"), PACKETS);
    assert_eq!(outcome.packets, 2 * PACKETS);
}

fn packet_that_detours_by_ifb_is_counted_once(mode: Attach) {
    once(&filtered(mode, "egress redirect dev i0", |pair| {
        pair.near.shell("ip link add i0 up type ifb");
    }));
}

fn packet_redirected_to_its_own_ingress_is_counted_once(mode: Attach) {
    once(&filtered(mode, "ingress redirect dev v0", |_| {}));
}

fn packet_mirrored_to_its_own_ingress_is_counted_once(mode: Attach) {
    once(&filtered(mode, "ingress mirror dev v0", |_| {}));
}

fn copy_of_a_leaving_packet_is_counted_once_more() {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(Attach::Tcx));
    let index = pair.near.index("v0");
    let _other = pair.near.run(|| {
        let program = raw::load("copies", Deed::CopyTo(index)).unwrap();
        (raw::attach_tcx_egress(&program, index).unwrap(), program)
    });
    let (near, far) = (address("10.0.0.1:40000"), address("10.0.0.2:53"));
    let socket = udp_socket(&pair.near, near, far);
    let _receiver = udp_socket(&pair.far, far, near);
    for _ in 0..PACKETS {
        socket.send(&[1; 100]).unwrap();
    }
    until_true("all packets", || watch.stats().packets >= 2 * PACKETS);
    once(&watch.finish());
}

/// The same flow comes by two interfaces in turn and leaves by a third: each packet is one, though the next one may lie where it
/// lay.
fn flow_through_alternating_interfaces_is_counted_once(mode: Attach) {
    let pair = Pair::new();
    pair.join(1);
    pair.join(2);
    route(&pair, &["v0", "v2", "v4"]);
    pair.near.shell("ip route add 10.9.9.0/24 via 10.0.2.2");
    let watch = Watch::open(&pair.near, patient("v4", mode));
    let injectors = ["v1", "v3"].map(|name| Injector::new(&pair.far, name));
    for (number, injector) in (1..=2 * PACKETS).zip(injectors.iter().cycle()) {
        injector.send(&datagram("10.7.0.2:40000", "10.9.9.9:53"));
        sent(&pair.near, "v4", number);
    }
    let outcome = watch.finish();
    let found = counted(&outcome, "10.7.0.2:40000", "10.9.9.9:53");
    assert_eq!(found, [2 * PACKETS, 0]);
    assert_eq!(outcome.all_ignored(), 0);
}

/// Of one flow, some packets come by the interface that they leave by, and more come by another one.
fn packets_sent_back_and_forwarded_are_counted_once(mode: Attach) {
    let pair = Pair::new();
    pair.join(1);
    route(&pair, &["v0", "v2"]);
    pair.near.shell("ip route add 10.9.9.0/24 via 10.0.0.2");
    let watch = Watch::open(&pair.near, patient("v0", mode));
    let injectors = ["v3", "v1", "v3"].map(|name| Injector::new(&pair.far, name));
    let mut number = 0;
    for _ in 0..PACKETS {
        for injector in &injectors {
            injector.send(&datagram("10.7.0.2:40000", "10.9.9.9:53"));
            number += 1;
            sent(&pair.near, "v0", number);
        }
    }
    let outcome = watch.finish();
    let found = counted(&outcome, "10.7.0.2:40000", "10.9.9.9:53");
    assert_eq!(found, [3 * PACKETS, 0]);
    assert_eq!(outcome.ignored("hairpin"), PACKETS);
}

/// The last node of a segment list (SRv6): the kernel takes the carrier off and hands the frame to the same hook again. One that
/// forwards such packets sees each once.
fn packet_at_the_end_of_a_routed_segment_is_counted_once(mode: Attach) {
    for (tunnels, is_end) in [
        (Decapsulation::Innermost, true),
        (Decapsulation::None, true),
        (Decapsulation::Innermost, false),
        (Decapsulation::None, false),
    ] {
        let pair = Pair::new();
        pair.add_ipv6();
        for scope in ["all", "v0"] {
            pair.near
                .set(&format!("ipv6/conf/{scope}/seg6_enabled"), "1");
        }
        let watch = Watch::open(&pair.near, patient("v0", mode).decapsulation(tunnels));
        let injector = Injector::new(&pair.far, "v1");
        let to = if is_end { "[fd00::1]:0" } else { "[fd09::9]:0" };
        let [from, to] = ["[fd00::2]:0", to].map(|end| address(end).ip());
        for (inner, kind) in [
            (["10.7.0.2:40000", "10.9.9.9:53"], 4),
            (["[fd07::2]:40000", "[fd09::9]:53"], 41),
        ] {
            let packet = frame::udp(address(inner[0]), address(inner[1]), &[6; 200]);
            // Next header, length, kind 4, segments left 0, last entry 0, flags, tag; the one segment.
            let mut routed = vec![kind, 2, 4, 0, 0, 0, 0, 0];
            match to {
                IpAddr::V6(to) => routed.extend(to.octets()),
                IpAddr::V4(_) => unreachable!(),
            }
            routed.extend(&packet);
            let carrier = frame::ip(from, to, 43, &routed);
            for _ in 0..PACKETS {
                injector.send(&frame::ethernet_to(NEAR_MAC, frame::IPV6, &carrier));
            }
        }
        let again = if is_end { 2 * PACKETS } else { 0 };
        until_true("all packets", || {
            let stats = watch.stats();
            let hook = stats
                .hooks
                .iter()
                .find(|hook| hook.direction == HookDirection::Ingress)
                .unwrap();
            hook.traffic.packets >= 2 * PACKETS + again
        });
        let outcome = watch.finish();
        let forward = |source: &str| -> u64 {
            let flows = outcome.flows.iter();
            flows
                .filter(|flow| flow.source.address == address(source).ip())
                .filter(|flow| !matches!(flow.protocol.0, 1 | 58))
                .map(|flow| flow.forward.packets.total)
                .sum()
        };
        let expected = match tunnels {
            Decapsulation::Innermost => [PACKETS, PACKETS, 0],
            _ => [0, 0, 2 * PACKETS],
        };
        assert_eq!(
            ["10.7.0.2:0", "[fd07::2]:0", "[fd00::2]:0"].map(forward),
            expected,
            "{tunnels:?} {is_end} {:#?}",
            outcome.flows
        );
        assert_eq!(outcome.ignored("hairpin"), again, "{tunnels:?}");
    }
}

/// Each fragment that leaves again is the one that came.
fn hairpin_in_fragments_is_counted_once(mode: Attach) {
    let pair = Pair::new();
    route(&pair, &["v0"]);
    pair.near.shell("ip route add 10.9.9.0/24 via 10.0.0.2");
    let watch = Watch::open(&pair.near, patient("v0", mode));
    let injector = Injector::new(&pair.far, "v1");
    let ends: [SocketAddr; 2] = ["10.0.0.2:40000", "10.9.9.9:53"].map(address);
    let whole = frame::udp(ends[0], ends[1], &[6; 120]);
    for number in 0_u16..60 {
        for (at, place) in [(0, 0x2000_u16), (64, 8)] {
            let end = at + 64;
            let mut packet = frame::ip(
                ends[0].ip(),
                ends[1].ip(),
                frame::UDP,
                &whole[20 + at..20 + end],
            );
            frame::set_fragment(&mut packet, number, place);
            injector.send(&frame::ethernet_to(NEAR_MAC, IPV4, &packet));
        }
    }
    sent(&pair.near, "v0", 2 * PACKETS);
    let outcome = watch.finish();
    let found = counted(&outcome, "10.0.0.2:40000", "10.9.9.9:53");
    assert_eq!(found, [2 * PACKETS, 0]);
    assert_eq!(outcome.ignored("hairpin"), 2 * PACKETS);
    assert_eq!(outcome.ignored("fragment"), 0);
}
