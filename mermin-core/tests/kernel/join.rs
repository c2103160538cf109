//! One conversation on several interfaces of a host: pods behind a bridge, and two nodes with VXLAN between them.

use std::{net::SocketAddr, time::Duration};

use mermin_core::{Attach, Flow, FlowSource, FlowSourceBuilder, Join, flow::Protocol};

use crate::support::{
    host::{Host, Pair},
    skip::skip_for_device,
    traffic::{address, counter, retransmissions, tcp_transfer, udp_dialogue, udp_socket},
    watch::{Outcome, Watch, applied},
};

crate::cases! {
    each_mode conversation_over_a_bridge_is_reported_once,
    each_mode conversation_over_vxlan_is_reported_once,
    each_mode loss_between_two_interfaces_shows,
    each_mode conversation_continues_at_the_other_interface,
}

/// Two nodes (`v0` and `v1` between them), each with a bridge and a pod.
struct Cluster {
    nodes: Pair,
    pods: Pair,
}

const NEAR_POD: &str = "10.42.0.1";
const FAR_POD: &str = "10.42.0.2";

impl Cluster {
    /// Pods of the near node and of this one are in one network: `p0` is the near node's interface to its pod, and `p1` the other's.
    fn new(far: impl Fn(&Pair) -> &Host) -> Self {
        let nodes = Pair::new();
        let pods = Pair {
            near: Host::new(),
            far: Host::new(),
        };
        let far = far(&nodes);
        for (pod, node, own, name) in [
            (&pods.near, &nodes.near, NEAR_POD, "p0"),
            (&pods.far, far, FAR_POD, "p1"),
        ] {
            pod.set("ipv6/conf/default/disable_ipv6", "1");
            if !node.has("br0") {
                // One that snoops sends IGMP of its own, on each port as often as it likes.
                assert!(node.adds("br0 type bridge mcast_snooping 0"));
                node.shell("ip link set br0 up");
            }
            let at = pod.path();
            node.shell(&format!(
                "ip link add {name} master br0 up type veth peer name eth0 netns {at}"
            ));
            pod.shell("ip link set eth0 up");
            pod.shell(&format!("ip addr add {own}/24 dev eth0"));
            for line in [
                "add table ip mermin",
                "add counter ip mermin sent",
                "add chain ip mermin out { type filter hook output priority 0 ; }",
                "add rule ip mermin out ip protocol tcp counter name sent",
            ] {
                pod.shell(&format!("nft {line}"));
            }
            pod.await_carrier("eth0");
            node.await_carrier(name);
        }
        Self { nodes, pods }
    }

    fn ends(ports: [u16; 2]) -> [SocketAddr; 2] {
        [
            address(&format!("{NEAR_POD}:{}", ports[0])),
            address(&format!("{FAR_POD}:{}", ports[1])),
        ]
    }

    /// A connection, datagrams and an echo from the near pod to the far one.
    fn talk(&self) {
        let [_, server] = Self::ends([0, 5001]);
        tcp_transfer(&self.pods, server, 3_000_000);
        udp_dialogue(&self.pods, Self::ends([4000, 53]), 40, [100, 900]);
        self.pods
            .near
            .shell(&format!("ping -q -c 3 -i 0.01 {FAR_POD}"));
    }
}

/// Packets and octets of TCP that a pod sent, by its own counters. Its firewall sees super-packets, each with one header for all its segments.
fn tcp_sent(pod: &Host) -> (u64, u64) {
    /// Octets of the headers of IPv4 and TCP with a timestamp.
    const HEADERS: u64 = 20 + 20 + 12;
    let said = pod.shell("nft -j list counter ip mermin sent");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let counted = |name: &str| said["nftables"][1]["counter"][name].as_u64().unwrap();
    // Those that were sent again are not in the former (RFC 4022).
    let segments = counter(pod, "snmp", "Tcp:", "OutSegs") + retransmissions(pod);
    let octets = counted("bytes") + HEADERS * (segments - counted("packets"));
    (segments, octets)
}

fn options(mode: Attach, join: Join, interfaces: &[&str]) -> FlowSourceBuilder {
    FlowSource::builder()
        .interfaces(interfaces.iter().copied())
        .max_flows(4096)
        .attach(mode)
        .join(join)
}

fn names(flow: &Flow) -> Vec<&str> {
    flow.observation_points.iter().map(|it| &*it.name).collect()
}

fn is_of_pods(flow: &Flow) -> bool {
    [NEAR_POD, FAR_POD].contains(&&*flow.source.address.to_string())
}

/// Each conversation has one record, from the interface that saw it first, with all packets that were sent. The ledger closes.
fn check(outcome: &Outcome, interfaces: &[&str], mode: Attach, pods: &Pair) {
    let first = interfaces[0];
    // Address resolution goes through VXLAN as well, and counts in flows between the nodes.
    let of = |protocol| outcome.only(|flow| flow.protocol == protocol && is_of_pods(flow));
    let udp = of(Protocol::UDP);
    assert_eq!(
        (udp.forward.packets.total, udp.forward.octets.total),
        (40, 40 * 128)
    );
    assert_eq!(
        (udp.reverse.packets.total, udp.reverse.octets.total),
        (40, 40 * 928)
    );
    let icmp = of(Protocol::ICMP);
    assert_eq!(
        (icmp.forward.packets.total, icmp.reverse.packets.total),
        (3, 3)
    );
    let tcp = of(Protocol::TCP);
    for (half, pod) in [(&tcp.forward, &pods.near), (&tcp.reverse, &pods.far)] {
        let counted = (half.packets.total, half.octets.total);
        assert_eq!(counted, tcp_sent(pod), "{tcp:#?}");
    }
    assert!(tcp.forward.octets.total > 3_000_000);
    for flow in [udp, icmp, tcp] {
        assert_eq!(
            (&*flow.interface.name, names(flow)),
            (first, interfaces.to_vec()),
            "{mode:?}"
        );
    }
    let suppressed = |by: fn(&Flow) -> u64| -> u64 {
        let of = |flow: &Flow| by(flow) * (flow.observation_points.len() as u64 - 1);
        outcome.flows.iter().map(of).sum()
    };
    let packets = |flow: &Flow| flow.forward.packets.total + flow.reverse.packets.total;
    assert_eq!(outcome.stats.records_joined, suppressed(|_| 1));
    assert_eq!(outcome.ignored("joined"), suppressed(packets));
}

fn conversation_over_a_bridge_is_reported_once(mode: Attach) {
    for join in [Join::FirstSeen, Join::Merged] {
        let cluster = Cluster::new(|nodes| &nodes.near);
        let node = &cluster.nodes.near;
        let watch = Watch::open(node, options(mode, join, &["p*"]));
        cluster.talk();
        let outcome = watch.finish_filtered();
        check(&outcome, &["p0", "p1"], mode, &cluster.pods);
        for flow in outcome.flows.iter().filter(|flow| is_of_pods(flow)) {
            for point in &flow.observation_points {
                assert_eq!(point.counts.is_some(), join == Join::Merged);
                let Some(counts) = &point.counts else {
                    continue;
                };
                // Nothing is lost between the two, and the second sees it later.
                assert_eq!(counts.packets, flow.forward.packets.total);
                assert_eq!(counts.octets, flow.forward.octets.total);
                assert_eq!(counts.reverse_packets, flow.reverse.packets.total);
                let delay = counts.start.duration_since(flow.start).unwrap();
                assert_eq!(delay.is_zero(), &*point.name == "p0");
                assert!(delay < Duration::from_secs(1), "{delay:?}");
            }
        }
    }
}

/// The inner conversation is seen at the pod's interface, at the VXLAN device, and in the packets between the nodes.
fn conversation_over_vxlan_is_reported_once(mode: Attach) {
    let cluster = Cluster::new(|nodes| &nodes.far);
    for (node, name, own, other) in [
        (&cluster.nodes.near, "x0", 1, 2),
        (&cluster.nodes.far, "x1", 2, 1),
    ] {
        let device = format!(
            "{name} type vxlan id 42 dstport 4789 local 10.0.0.{own} remote 10.0.0.{other}"
        );
        if !node.adds(&device) {
            skip_for_device("this kernel has no `vxlan` devices");
        }
        node.shell(&format!("ip link set {name} master br0 up"));
    }
    for pod in [&cluster.pods.near, &cluster.pods.far] {
        pod.shell("ip link set eth0 mtu 1450");
    }
    let watch = Watch::open(
        &cluster.nodes.near,
        options(mode, Join::Merged, &["p0", "x0", "v0"]),
    );
    cluster.talk();
    let outcome = watch.finish_filtered();
    check(&outcome, &["p0", "x0", "v0"], mode, &cluster.pods);
    for flow in outcome.flows.iter().filter(|flow| is_of_pods(flow)) {
        assert!(flow.tunnel.is_none(), "{flow:#?}");
        for point in &flow.observation_points {
            let counts = point.counts.unwrap();
            assert_eq!(counts.packets, flow.forward.packets.total, "{flow:#?}");
            assert_eq!(counts.octets, flow.forward.octets.total, "{flow:#?}");
        }
    }
}

/// The bridge's firewall drops each fourth datagram between its ports.
fn loss_between_two_interfaces_shows(mode: Attach) {
    const SENT: u64 = 40;
    let cluster = Cluster::new(|nodes| &nodes.near);
    let node = &cluster.nodes.near;
    for line in [
        "add table bridge mermin",
        "add chain bridge mermin on { type filter hook forward priority 0 ; }",
        "add rule bridge mermin on udp dport 53 numgen inc mod 4 == 0 counter drop",
    ] {
        node.shell(&format!("nft {line}"));
    }
    let watch = Watch::open(node, options(mode, Join::Merged, &["p*"]));
    let ends = Cluster::ends([4000, 53]);
    let client = udp_socket(&cluster.pods.near, ends[0], ends[1]);
    let server = udp_socket(&cluster.pods.far, ends[1], ends[0]);
    for _ in 0..SENT {
        client.send(&[1; 100]).unwrap();
    }
    for _ in 0..SENT * 3 / 4 {
        server.recv(&mut [0; 128]).unwrap();
    }
    let outcome = watch.finish_filtered();
    let flow = outcome.only(|flow| flow.protocol == Protocol::UDP && is_of_pods(flow));
    let seen: Vec<_> = flow
        .observation_points
        .iter()
        .map(|point| (&*point.name, point.counts.unwrap().packets))
        .collect();
    assert_eq!(seen, [("p0", SENT), ("p1", SENT * 3 / 4)], "{flow:#?}");
}

/// When the reporting interface is no longer watched, another one reports the packets from then on.
fn conversation_continues_at_the_other_interface(mode: Attach) {
    const BEFORE: u64 = 30;
    const AFTER: u64 = 20;
    let cluster = Cluster::new(|nodes| &nodes.near);
    let node = &cluster.nodes.near;
    let all = options(mode, Join::FirstSeen, &["p*"]).active_timeout(Duration::from_secs(1));
    let mut watch = Watch::open(node, all.clone());
    let ends = Cluster::ends([4000, 53]);
    let client = udp_socket(&cluster.pods.near, ends[0], ends[1]);
    let _server = udp_socket(&cluster.pods.far, ends[1], ends[0]);
    let send = |count| (0..count).for_each(|_| _ = client.send(&[1; 100]).unwrap());
    send(BEFORE);
    watch.take_until("the first record", |flows| !flows.is_empty());
    send(BEFORE);
    let fewer = all.exclude(["p0"]);
    applied(&watch.handle, fewer);
    watch.take_for(Duration::from_secs(2));
    send(AFTER);
    let outcome = watch.finish_filtered();
    let udp = |flow: &&Flow| flow.protocol == Protocol::UDP;
    let sum_of = |name: &str| -> u64 {
        let flows = outcome.flows.iter().filter(udp);
        let of = flows.filter(|flow| &*flow.interface.name == name);
        of.map(|flow| flow.forward.packets.delta).sum()
    };
    assert_eq!(
        [sum_of("p0"), sum_of("p1")],
        [2 * BEFORE, AFTER],
        "{:#?}",
        outcome.flows
    );
}
