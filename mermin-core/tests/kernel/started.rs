//! Flows whose first packet is a response, and associations that begin and end.

use std::net::SocketAddr;

use mermin_core::{
    Attach, Flow,
    flow::{Direction, DirectionRule, EndReason},
};

use crate::support::{
    frame::{self, ACK, IPV4, IPV6, RST, SYN},
    host::Pair,
    traffic::{Injector, address},
    watch::{Watch, on},
};

crate::cases! {
    each_mode receiver_of_the_answer_started_the_flow,
    each_mode answer_alone_makes_its_receiver_the_client,
    each_mode reused_ports_are_another_connection,
    each_mode association_begins_and_ends,
}

const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
const ABORT: u8 = 6;
const COOKIE_ECHO: u8 = 10;
const SHUTDOWN_COMPLETE: u8 = 14;

/// A packet and its response, of each protocol; the first is a response in form.
struct Exchange {
    name: &'static str,
    answer: Vec<u8>,
    ask: Vec<u8>,
}

/// Requests from 10.0.0.1 or `fd00::1`, from a port of its own each.
fn exchanges() -> Vec<Exchange> {
    let [near, far] = [address("10.0.0.1:40000"), address("10.0.0.2:8080")];
    let [near6, far6] = [address("[fd00::1]:40000"), address("[fd00::2]:8080")];
    let icmp = |from: SocketAddr, to: SocketAddr, protocol, kind| {
        frame::ip(from.ip(), to.ip(), protocol, &[kind, 0, 0, 0, 0, 7, 0, 1])
    };
    let dns = |from, to, flags| frame::udp(from, to, &[0, 9, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    let server = address("10.0.0.2:53");
    let server6 = address("[fd00::2]:53");
    let both = |name, answer, ask| Exchange { name, answer, ask };
    vec![
        both("ping", icmp(far, near, 1, 0), icmp(near, far, 1, 8)),
        both("time", icmp(far, near, 1, 14), icmp(near, far, 1, 13)),
        both(
            "ping of IPv6",
            icmp(far6, near6, 58, 129),
            icmp(near6, far6, 58, 128),
        ),
        both(
            "extended ping",
            icmp(far, near, 1, 43),
            icmp(near, far, 1, 42),
        ),
        both(
            "extended ping of IPv6",
            icmp(far6, near6, 58, 161),
            icmp(near6, far6, 58, 160),
        ),
        both(
            "home agents",
            icmp(far6, near6, 58, 145),
            icmp(near6, far6, 58, 144),
        ),
        both(
            "mobile prefixes",
            icmp(far6, near6, 58, 147),
            icmp(near6, far6, 58, 146),
        ),
        both("DNS", dns(server, near, 0x81), dns(near, server, 1)),
        both(
            "DNS of IPv6",
            dns(server6, near6, 0x81),
            dns(near6, server6, 1),
        ),
        both(
            "TCP",
            frame::tcp(far, near, SYN | ACK),
            frame::tcp(near, far, ACK),
        ),
        both(
            "SCTP",
            frame::sctp(far, near, INIT_ACK, 9),
            frame::sctp(near, far, COOKIE_ECHO, 9),
        ),
        both("DCCP", frame::dccp(far, near, 1), frame::dccp(near, far, 3)),
    ]
}

fn send(injector: &Injector, packet: &[u8]) {
    let kind = if packet[0] >> 4 == 4 { IPV4 } else { IPV6 };
    injector.send(&frame::ethernet(kind, packet));
}

fn is_asked_by_near(flow: &Flow) -> bool {
    ["10.0.0.1", "fd00::1"].contains(&flow.source.address.to_string().as_str())
}

/// The answer comes first, then its receiver goes on.
fn receiver_of_the_answer_started_the_flow(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let [out, into] = [
        Injector::new(&pair.near, "v0"),
        Injector::new(&pair.far, "v1"),
    ];
    let exchanges = exchanges();
    for exchange in &exchanges {
        send(&into, &exchange.answer);
        send(&out, &exchange.ask);
    }
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), exchanges.len(), "{:#?}", outcome.flows);
    for flow in &outcome.flows {
        assert!(is_asked_by_near(flow), "{flow:#?}");
        assert_eq!(
            (flow.direction, flow.direction_rule),
            (Direction::Forward, Some(DirectionRule::Answer)),
            "{flow:#?}"
        );
        assert_eq!(
            [flow.forward.packets.total, flow.reverse.packets.total],
            [1, 1]
        );
    }
}

/// Only the response, without a request.
fn answer_alone_makes_its_receiver_the_client(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let [out, into] = [
        Injector::new(&pair.near, "v0"),
        Injector::new(&pair.far, "v1"),
    ];
    let exchanges = exchanges();
    for exchange in &exchanges {
        send(&into, &exchange.answer);
        if exchange.name == "TCP" {
            // The host answers an unexpected response with an error.
            let refusal = [address("10.0.0.1:40000"), address("10.0.0.2:8080")];
            send(&out, &frame::tcp(refusal[0], refusal[1], RST));
        }
    }
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), exchanges.len(), "{:#?}", outcome.flows);
    for flow in &outcome.flows {
        assert!(is_asked_by_near(flow), "{flow:#?}");
        let expected = if flow.destination.port == Some(53) {
            (Direction::Forward, Some(DirectionRule::PortNumber))
        } else {
            (Direction::Unknown, Some(DirectionRule::Answer))
        };
        assert_eq!((flow.direction, flow.direction_rule), expected, "{flow:#?}");
        assert_eq!(flow.reverse.packets.total, 1);
    }
}

/// Another initial number on ports that are in use is another connection, and the same one is the same.
fn reused_ports_are_another_connection(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let [out, into] = [
        Injector::new(&pair.near, "v0"),
        Injector::new(&pair.far, "v1"),
    ];
    let [near, far] = [address("10.0.0.1:40000"), address("10.0.0.2:8080")];
    let numbered = |mut segment: Vec<u8>, number: u32| {
        segment[20 + 4..20 + 8].copy_from_slice(&number.to_be_bytes());
        segment
    };
    let sctp = |chunk, tag| frame::sctp(near, far, chunk, tag);
    for (number, syns) in [(7, 1), (0, 2), (u32::MAX, 3)] {
        for _ in 0..syns {
            send(&out, &numbered(frame::tcp(near, far, SYN), number));
            send(&out, &sctp(INIT, number));
        }
        send(&into, &numbered(frame::tcp(far, near, SYN | ACK), 90));
        send(&into, &frame::sctp(far, near, INIT_ACK, 90));
        // The first SYN, late.
        send(&out, &numbered(frame::tcp(near, far, SYN), number));
        send(&out, &sctp(INIT, number));
    }
    // From the other side: the number that it had is the same connection, another one is not.
    for number in [90, 91] {
        send(&into, &numbered(frame::tcp(far, near, SYN), number));
        send(&into, &frame::sctp(far, near, INIT, number));
    }
    let outcome = watch.finish();
    for protocol in [6, 132] {
        let flows = outcome.flows.iter();
        let mut flows: Vec<&Flow> = flows.filter(|flow| flow.protocol.0 == protocol).collect();
        flows.sort_by_key(|flow| flow.start);
        let told: Vec<_> = flows
            .iter()
            .map(|flow| {
                let packets = [flow.forward.packets.total, flow.reverse.packets.total];
                (flow.source.port, flow.end_reason, packets)
            })
            .collect();
        let ended = EndReason::EndOfFlow;
        assert_eq!(
            told,
            [
                (Some(40_000), ended, [2, 1]),
                (Some(40_000), ended, [3, 1]),
                (Some(40_000), ended, [4, 2]),
                (Some(8080), EndReason::ForcedEnd, [1, 0]),
            ],
            "{protocol}"
        );
        assert!(
            flows
                .iter()
                .all(|flow| flow.direction == Direction::Forward)
        );
    }
    assert_eq!(outcome.all_ignored(), 0);
}

/// Each end of an association ends its flow, and the next INIT begins another.
fn association_begins_and_ends(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let [out, into] = [
        Injector::new(&pair.near, "v0"),
        Injector::new(&pair.far, "v1"),
    ];
    let [near, far] = [address("10.0.0.1:40000"), address("10.0.0.2:38412")];
    for (round, last) in [ABORT, SHUTDOWN_COMPLETE, 0].into_iter().enumerate() {
        let tag = u32::try_from(round).unwrap();
        send(&out, &frame::sctp(near, far, INIT, tag));
        send(&into, &frame::sctp(far, near, INIT_ACK, 90 + tag));
        send(&out, &frame::sctp(near, far, COOKIE_ECHO, 0));
        send(&out, &frame::sctp(near, far, last, 0));
    }
    let outcome = watch.finish();
    let mut flows: Vec<&Flow> = outcome.flows.iter().collect();
    flows.sort_by_key(|flow| flow.start);
    let reasons: Vec<EndReason> = flows.iter().map(|flow| flow.end_reason).collect();
    assert_eq!(
        reasons,
        [
            EndReason::EndOfFlow,
            EndReason::EndOfFlow,
            EndReason::ForcedEnd
        ]
    );
    for flow in flows {
        assert!(is_asked_by_near(flow), "{flow:#?}");
        assert_eq!(
            (flow.direction, flow.direction_rule),
            (Direction::Forward, Some(DirectionRule::Syn))
        );
        assert_eq!(
            [flow.forward.packets.total, flow.reverse.packets.total],
            [3, 1]
        );
    }
}
