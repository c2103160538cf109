//! Filters on real traffic: rejected flows have no record, and their packets are in the ledger.

use std::{collections::BTreeMap, time::Duration};

use mermin_core::{
    Attach, Flow, FlowSourceBuilder, Stats,
    filter::{Filter, Rule},
    flow::{MacAddress, Protocol},
    report::HookDirection::{self, Egress, Ingress},
};

use super::support::{
    host::{NEAR_MAC, Pair},
    traffic::{Busy, address, tcp_transfer, udp_dialogue, udp_socket},
    wait::until_true,
    watch::{Watch, on},
};

crate::cases! {
    case each_kind_of_filter_suppresses_its_flows,
    case filtered_flows_go_on_without_a_record,
    case filtered_flows_need_no_consumer,
    case suppressed_records_lose_no_packet,
    case suppressed_end_of_an_exported_flow_is_exported,
    case filters_under_load_lose_nothing,
    each_mode filtered_packets_are_under_their_hook,
}

fn without_port(port: u16) -> Filter {
    let mut filter = Filter::default();
    filter.destination.port = Rule::not_matching([port]).unwrap();
    filter
}

/// Packets and octets under `filtered`, by direction.
fn filtered(stats: &Stats, direction: HookDirection) -> (u64, u64) {
    stats
        .hooks
        .iter()
        .filter(|hook| hook.direction == direction)
        .flat_map(|hook| &hook.ignored)
        .filter(|found| found.reason == "filtered")
        .fold((0, 0), |sum, found| {
            (sum.0 + found.packets, sum.1 + found.frame_octets)
        })
}

const ENDS: [&str; 2] = ["10.0.0.1:4000", "10.0.0.2:53"];
const OTHER: [&str; 2] = ["10.0.0.1:4000", "10.0.0.2:54"];
/// Ethernet, IPv4 and UDP headers.
const HEADERS: u64 = 14 + 20 + 8;

fn filtered_packets_are_under_their_hook(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0").attach(mode).filter(without_port(53));
    let watch = Watch::open(&pair.near, options);
    udp_dialogue(&pair, ENDS.map(address), 30, [100, 200]);
    udp_dialogue(&pair, OTHER.map(address), 20, [100, 200]);
    // The far side begins, so rejected packets arrive by the other hook.
    udp_dialogue_from_far(&pair, 10);
    let outcome = watch.finish_filtered();
    let flow = outcome.only(|_| true);
    assert_eq!(flow.destination.port, Some(54));
    let sent = (30 + 10, 30 * (100 + HEADERS) + 10 * (70 + HEADERS));
    let received = (30 + 10, 30 * (200 + HEADERS) + 10 * (50 + HEADERS));
    assert_eq!(filtered(&outcome.stats, Egress), sent);
    assert_eq!(filtered(&outcome.stats, Ingress), received);
    assert_eq!((outcome.records_filtered, outcome.flows_ended), (2, 3));
}

/// A dialogue to port 53 of the near host.
fn udp_dialogue_from_far(pair: &Pair, datagrams: u64) {
    let [near, far] = ["10.0.0.1:53", "10.0.0.2:4000"].map(address);
    let server = udp_socket(&pair.near, near, far);
    let client = udp_socket(&pair.far, far, near);
    let mut buffer = [0; 256];
    for _ in 0..datagrams {
        client.send(&[1; 50]).unwrap();
        server.recv(&mut buffer).unwrap();
        server.send(&[2; 70]).unwrap();
        client.recv(&mut buffer).unwrap();
    }
}

/// The fields by which two sources can recognise a record of the same flow.
fn counts(flows: &[Flow]) -> BTreeMap<String, (u64, u64)> {
    flows
        .iter()
        .map(|flow| {
            let name = format!("{} {} {}", flow.source, flow.destination, flow.protocol);
            let counts = [&flow.forward, &flow.reverse];
            let sum =
                |field: fn(&mermin_core::flow::Uniflow) -> u64| counts.map(field).iter().sum();
            (
                name,
                (
                    sum(|half| half.packets.total),
                    sum(|half| half.frame_octets.total),
                ),
            )
        })
        .collect()
}

/// Sets what one source wants.
type Change = fn(&mut Filter, &Pair);
const KINDS: [(&str, Change); 21] = [
    ("nothing", |_, _| {}),
    ("address", |filter, _| {
        filter.source.address = Rule::matching(["10.0.0.2"]).unwrap();
    }),
    ("network", |filter, _| {
        filter.source.address = Rule::not_matching(["10.0.0.2/31"]).unwrap();
    }),
    ("network of IPv6", |filter, _| {
        filter.destination.address = Rule::matching(["fd00::/64", "ff02::/16"]).unwrap();
    }),
    ("glob", |filter, _| {
        filter.destination.address = Rule::matching(["*.0.2"]).unwrap();
    }),
    ("but not", |filter, _| {
        filter.source.address = Rule::matching(["10.0.0.0/8"])
            .and_then(|rule| rule.except(["10.0.0.2"]))
            .unwrap();
    }),
    ("port", |filter, _| {
        filter.destination.port = Rule::matching(["53"]).unwrap();
    }),
    ("ports", |filter, _| {
        filter.destination.port = Rule::not_matching(["50-53", "8080"]).unwrap();
    }),
    ("protocol", |filter, _| {
        filter.network.transport = Rule::matching([Protocol::TCP]).unwrap();
    }),
    ("version", |filter, _| {
        filter.network.ip_version = Rule::matching(["ipv6"]).unwrap();
    }),
    ("name", |filter, _| {
        filter.network.interface_name = Rule::not_matching(["v*"]).unwrap();
    }),
    ("another name", |filter, _| {
        filter.network.interface_name = Rule::not_matching(["eth*"]).unwrap();
    }),
    ("index", |filter, pair| {
        filter.network.interface_index = Rule::matching([pair.near.index("v0")]).unwrap();
    }),
    ("mac", |filter, _| {
        filter.network.interface_mac = Rule::matching([MacAddress(NEAR_MAC)]).unwrap();
    }),
    ("state", |filter, _| {
        filter.flow.connection_state = Rule::matching(["established"]).unwrap();
    }),
    ("other states", |filter, _| {
        filter.flow.connection_state = Rule::not_matching(["time_wait"]).unwrap();
    }),
    ("flags", |filter, _| {
        filter.flow.tcp_flags_tags = Rule::matching(["SYN|ACK"]).unwrap();
    }),
    ("icmp", |filter, _| {
        filter.flow.icmp_type_name = Rule::matching(["echo_*"]).unwrap();
    }),
    ("class and ecn", |filter, _| {
        filter.flow.ip_dscp_name = Rule::matching(["ef"]).unwrap();
        filter.flow.ip_ecn_name = Rule::matching(["non-ect"]).unwrap();
    }),
    ("ttl", |filter, _| {
        filter.flow.ip_ttl = Rule::not_matching(["60-64"]).unwrap();
    }),
    ("label", |filter, _| {
        filter.flow.ip_flow_label = Rule::not_matching(["0-1048575"]).unwrap();
    }),
];

fn each_kind_of_filter_suppresses_its_flows() {
    let pair = Pair::new();
    pair.add_ipv6();
    let all = Watch::open(&pair.near, on("v0"));
    let watches: Vec<(&str, Filter, Watch)> = KINDS
        .into_iter()
        .map(|(name, change)| {
            let mut filter = Filter::default();
            change(&mut filter, &pair);
            let options: FlowSourceBuilder = on("v0").max_flows(64).filter(filter.clone());
            (name, filter, Watch::open(&pair.near, options))
        })
        .collect();
    udp_dialogue(&pair, ENDS.map(address), 3, [100, 200]);
    udp_dialogue_from_far(&pair, 2);
    let over_ipv6 = ["[fd00::1]:4000", "[fd00::2]:54"].map(address);
    udp_dialogue(&pair, over_ipv6, 2, [10, 20]);
    tcp_transfer(&pair, address("10.0.0.2:8080"), 100_000);
    pair.near.shell("ping -c 2 -i 0.1 -Q 0xb8 10.0.0.2");
    let everything = all.finish();
    let mut suppressed = 0;
    for (name, filter, watch) in watches {
        let outcome = watch.finish_filtered();
        // ICMPv6 of the kernel's own may come between one source's end and another's.
        let of_the_test = |flow: &&Flow| flow.protocol != Protocol::ICMPV6;
        let wanted: Vec<Flow> = everything
            .flows
            .iter()
            .filter(|flow| filter.admits(flow))
            .filter(of_the_test)
            .cloned()
            .collect();
        let given: Vec<Flow> = outcome.flows.iter().filter(of_the_test).cloned().collect();
        assert_eq!(counts(&given), counts(&wanted), "{name}: {filter:?}");
        assert!(given.len() == wanted.len() && wanted.len() <= 5);
        suppressed += outcome.records_filtered;
        let without = filter == Filter::default() || name == "another name" || name == "index";
        assert_eq!(outcome.ignored("filtered") == 0, without, "{name}");
    }
    assert!(suppressed > 20);
}

fn filtered_flows_go_on_without_a_record() {
    let pair = Pair::new();
    let options = on("v0")
        .active_timeout(Duration::from_millis(300))
        .filter(without_port(53));
    let mut watch = Watch::open(&pair.near, options);
    for _ in 0..12 {
        udp_dialogue(&pair, ENDS.map(address), 10, [100, 200]);
        watch.take_for(Duration::from_millis(100));
    }
    until_true("the last of them under `filtered`", || {
        watch.take_for(Duration::from_millis(20));
        let stats = watch.stats();
        (filtered(&stats, Egress).0, filtered(&stats, Ingress).0) == (120, 120)
    });
    let stats = watch.stats();
    // Moved at each active timeout, while the flow goes on.
    assert_eq!(filtered(&stats, Egress), (120, 120 * (100 + HEADERS)));
    assert_eq!(filtered(&stats, Ingress), (120, 120 * (200 + HEADERS)));
    assert_eq!(
        (stats.flows_open, stats.flows_ended, stats.records),
        (1, 0, 0)
    );
    assert!(stats.records_filtered >= 2, "{stats:#?}");
    assert!(watch.flows.is_empty());
    let outcome = watch.finish_filtered();
    assert_eq!((outcome.flows.len(), outcome.flows_ended), (0, 1));
}

fn filtered_flows_need_no_consumer() {
    const FLOWS: u16 = 10_000;
    let pair = Pair::new();
    let options = on("v0")
        .max_flows(16_384)
        .udp_timeout(Duration::from_millis(300))
        .filter(without_port(53));
    let watch = Watch::open(&pair.near, options);
    let client = pair
        .near
        .run(|| std::net::UdpSocket::bind("10.0.0.1:0").unwrap());
    client.send_to(&[1; 10], "10.0.0.2:54").unwrap();
    for number in 0..FLOWS {
        let source = udp_socket(
            &pair.near,
            address(&format!("10.0.0.1:{}", 10_000 + number)),
            address("10.0.0.2:53"),
        );
        source.send(&[1; 10]).unwrap();
    }
    // More records than the queue holds; the consumer takes none.
    until_true("the end of all flows", || {
        watch.stats().flows_ended > u64::from(FLOWS)
    });
    let outcome = watch.finish_filtered();
    outcome.only(|flow| flow.destination.port == Some(54));
    assert_eq!(outcome.ignored("filtered"), u64::from(FLOWS));
    assert_eq!(outcome.all_ignored(), u64::from(FLOWS));
}

fn suppressed_records_lose_no_packet() {
    let pair = Pair::new();
    let mut filter = Filter::default();
    filter.flow.ip_ttl = Rule::not_matching(["7"]).unwrap();
    let options = on("v0")
        .active_timeout(Duration::from_millis(300))
        .filter(filter);
    let mut watch = Watch::open(&pair.near, options);
    let [near, far] = ENDS.map(address);
    let client = udp_socket(&pair.near, near, far);
    let _takes_it = udp_socket(&pair.far, far, near);
    let send = |watch: &mut Watch, ttl: u32| {
        client.set_ttl(ttl).unwrap();
        for _ in 0..10 {
            client.send(&[0; 100]).unwrap();
        }
        // The record is made, or suppressed, before the next ones are sent.
        let made = |stats: Stats| stats.records + stats.records_filtered;
        let before = made(watch.stats());
        until_true("a record", || {
            watch.take_for(Duration::from_millis(20));
            made(watch.stats()) != before
        });
    };
    for ttl in [9, 7, 8, 7] {
        send(&mut watch, ttl);
    }
    let outcome = watch.finish_filtered();
    let told: Vec<(u64, u64, u64)> = outcome
        .flows
        .iter()
        .map(|flow| {
            let packets = flow.forward.packets;
            (flow.sequence, packets.delta, packets.total)
        })
        .collect();
    // Each suppressed record leaves its number out, and its packets to the ledger; totals are the flow's.
    // The last one has no packet, so no time to live that could be unwanted.
    assert_eq!(told, [(0, 10, 10), (2, 10, 30), (4, 0, 40)]);
    assert_eq!(filtered(&outcome.stats, Egress), (20, 20 * (100 + HEADERS)));
    assert_eq!(outcome.flows_ended, 1);
}

/// A last record without packets has no TTL that the filter could match. It is exported if an earlier record was.
fn suppressed_end_of_an_exported_flow_is_exported() {
    let pair = Pair::new();
    let mut filter = Filter::default();
    filter.flow.ip_ttl = Rule::matching(["9"]).unwrap();
    let options = on("v0")
        .active_timeout(Duration::from_millis(300))
        .filter(filter);
    let mut watch = Watch::open(&pair.near, options);
    for (port, ttl) in [(54, 9), (55, 7)] {
        let [near, far] = [format!("10.0.0.1:{port}"), format!("10.0.0.2:{port}")];
        let [near, far] = [near, far].map(|text| address(&text));
        let client = udp_socket(&pair.near, near, far);
        let _takes_it = udp_socket(&pair.far, far, near);
        client.set_ttl(ttl).unwrap();
        for _ in 0..10 {
            client.send(&[0; 100]).unwrap();
        }
    }
    until_true("a record of each", || {
        watch.take_for(Duration::from_millis(20));
        watch.flows.len() == 1 && watch.stats().records_filtered == 1
    });
    let outcome = watch.finish_filtered();
    let told: Vec<_> = outcome
        .flows
        .iter()
        .map(|flow| {
            (
                flow.destination.port,
                flow.sequence,
                flow.forward.packets.delta,
            )
        })
        .collect();
    assert_eq!(told, [(Some(54), 0, 10), (Some(54), 1, 0)]);
    assert_eq!(outcome.records_filtered, 2);
    assert_eq!(filtered(&outcome.stats, Egress), (10, 10 * (100 + HEADERS)));
}

fn filters_under_load_lose_nothing() {
    let pair = Pair::new();
    let mut filter = without_port(53);
    filter.flow.ip_ttl = Rule::not_matching(["7"]).unwrap();
    let options = on("v0")
        .active_timeout(Duration::from_millis(150))
        .udp_timeout(Duration::from_millis(150))
        .filter(filter);
    let mut watch = Watch::open(&pair.near, options);
    let busy = Busy::start(|cpu| {
        let socket = pair
            .near
            .run(|| std::net::UdpSocket::bind("10.0.0.1:0").unwrap());
        move |round| {
            // Flows that continue and flows that restart, both admitted and rejected.
            let port = 50 + round % 8 + if round & 0x3000 == 0 { 100 } else { 0 };
            socket
                .set_ttl(if round & 0x400 == 0 { 7 } else { 8 })
                .unwrap();
            let to = format!("10.0.0.2:{port}");
            u64::from(socket.send_to(&[0; 64][..8 + cpu], to).is_ok())
        }
    });
    watch.take_during(busy, Duration::from_secs(3));
    let sent = pair.near.sent("v0");
    let outcome = watch.finish_filtered();
    let crossed: u64 = outcome
        .stats
        .hooks
        .iter()
        .filter(|hook| hook.direction == Egress)
        .map(|hook| hook.traffic.skbs)
        .sum();
    assert_eq!(crossed, sent.packets);
    assert!(outcome.ignored("filtered") > 0 && !outcome.flows.is_empty());
    assert!(
        outcome
            .flows
            .iter()
            .all(|flow| flow.destination.port != Some(53))
    );
    // All that is filtered was sent by the near host, and is under that hook.
    // The answers are ICMP, of flows of their own.
    assert_eq!(filtered(&outcome.stats, Ingress), (0, 0));
}
