//! Filters on a capture: the same flows and the same ledger as on a host.

use std::time::Duration;

use mermin_core::{
    FlowSource,
    filter::{Filter, Rule},
};

use crate::{
    frames::{ACK, ETHERNET, Frame, SECOND, SYN, Shape, pcap, tcp, udp},
    run::{Outcome, read_by, sums},
};

const FRAMES: u64 = 40;

fn read(filter: Filter) -> Outcome {
    let frames: Vec<Frame> = (0..FRAMES)
        .flat_map(|second| {
            // The SYN is sent again until after the first record.
            let flags = if second < 15 { SYN } else { ACK };
            [
                Frame::new(second * SECOND, udp(7, 10)),
                Frame::new(second * SECOND + 1, udp(8, 20)),
                Frame::new(second * SECOND + 2, tcp(9, true, flags, 30)),
            ]
        })
        .collect();
    let builder = FlowSource::builder()
        .active_timeout(Duration::from_secs(10))
        .filter(filter);
    let outcome = read_by(builder, pcap(Shape::LITTLE, ETHERNET, &frames));
    assert!(outcome.error.is_none());
    outcome
}

#[test]
fn filtered_packets_are_in_the_ledger() {
    let mut filter = Filter::default();
    filter.network.transport = Rule::matching(["udp"]).unwrap();
    filter.source.port = Rule::not_matching([8_u16]).unwrap();
    let outcome = read(filter);
    // 14 octets of Ethernet, 20 of IPv4, 8 of UDP or 20 of TCP.
    let octets = FRAMES * (14 + 20 + 8 + 20) + FRAMES * (14 + 20 + 20 + 30);
    assert_eq!(outcome.reasons()["filtered"], (2 * FRAMES, octets));
    assert_eq!((outcome.stats.flows_ended, outcome.stats.records), (3, 4));
    assert_eq!(outcome.stats.records_filtered, 8);
    let flows = outcome.whole();
    assert!(flows.iter().all(|flow| flow.source.port == Some(7)));
    let packets: u64 = flows.iter().map(|flow| sums(flow)[0]).sum();
    assert_eq!(packets, FRAMES);
}

#[test]
fn suppressed_records_lose_no_packet() {
    let mut filter = Filter::default();
    filter.flow.connection_state = Rule::not_matching(["syn_sent"]).unwrap();
    let outcome = read(filter);
    // The first record of the connection is suppressed: it was not established by then.
    let told: u64 = outcome
        .flows
        .iter()
        .map(|flow| flow.forward.packets.delta)
        .sum();
    let (suppressed, _) = outcome.reasons()["filtered"];
    assert!(suppressed > 0);
    assert_eq!(told + suppressed, 3 * FRAMES);
    outcome.whole();
}

/// A last record without packets has no TTL that the filter could match. It is exported if an earlier record was.
#[test]
fn suppressed_end_of_an_exported_flow_is_exported() {
    let mut frames: Vec<Frame> = (0..20)
        .map(|second| Frame::new(second * SECOND, udp(7, 10)))
        .collect();
    // The last record of the first flow is made a minute after its last packet.
    frames.push(Frame::new(200 * SECOND, udp(8, 20)));
    let told = |ttl: &str| {
        let mut filter = Filter::default();
        filter.flow.ip_ttl = Rule::matching([ttl]).unwrap();
        let builder = FlowSource::builder()
            .active_timeout(Duration::from_secs(10))
            .filter(filter);
        let outcome = read_by(builder, pcap(Shape::LITTLE, ETHERNET, &frames));
        let first = outcome
            .flows
            .into_iter()
            .filter(|flow| flow.source.port == Some(7));
        first
            .map(|flow| (flow.forward.packets.delta, flow.end_reason.goes_on()))
            .collect::<Vec<_>>()
    };
    let given = told("0-255");
    let end = *given.last().unwrap();
    assert_eq!(end, (0, false), "{given:?}");
    assert_eq!(given.iter().map(|told| told.0).sum::<u64>(), 20);
    assert_eq!(told("1"), []);
}
