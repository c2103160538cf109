//! Timeouts on the capture's clock, connections that restart, clocks that are set back.

use std::time::Duration;

use mermin_core::{
    Flow, FlowSource,
    flow::{EndReason, TcpState},
};
use proptest::prelude::*;

use crate::{
    frames::{ACK, ETHERNET, FIN, Frame, RST, SECOND, SYN, Shape, pcap, tcp, udp},
    run::{dates, read, read_by, seconds, sums},
};

const NANOSECONDS: Shape = Shape {
    big_endian: false,
    nanoseconds: true,
};

fn flows(frames: &[Frame]) -> Vec<Flow> {
    read(pcap(NANOSECONDS, ETHERNET, frames)).whole()
}

fn ends(flows: &[Flow]) -> Vec<EndReason> {
    flows.iter().map(|flow| flow.end_reason).collect()
}

#[test]
fn flow_is_idle_by_the_times_of_the_capture_to_the_nanosecond() {
    let datagrams = |gap| [Frame::new(0, udp(1, 1)), Frame::new(gap, udp(1, 1))];
    let shorter = flows(&datagrams(seconds(60) - 1));
    assert_eq!(shorter.len(), 1);
    assert_eq!(sums(&shorter[0]), [2, 58, 0, 0]);
    let longer = flows(&datagrams(seconds(60)));
    assert_eq!(
        ends(&longer),
        [EndReason::IdleTimeout, EndReason::ForcedEnd]
    );
    assert_ne!(longer[0].id, longer[1].id);
    assert_eq!(dates(&longer[0]), [0, 0]);
    assert_eq!(dates(&longer[1]), [seconds(60); 2]);
}

#[test]
fn timeouts_of_the_builder_apply() {
    let frames = [Frame::new(0, udp(1, 1)), Frame::new(2 * SECOND, udp(1, 1))];
    let builder = FlowSource::builder().udp_timeout(Duration::from_secs(1));
    let outcome = read_by(builder, pcap(NANOSECONDS, ETHERNET, &frames));
    assert_eq!(outcome.whole().len(), 2);
}

#[test]
fn long_flow_is_reported_every_minute() {
    let frames: Vec<Frame> = (0..150)
        .map(|second| Frame::new(seconds(second), udp(1, 1)))
        .collect();
    let found = flows(&frames);
    assert_eq!(
        ends(&found),
        [
            EndReason::ActiveTimeout,
            EndReason::ActiveTimeout,
            EndReason::ForcedEnd
        ]
    );
    assert_eq!(sums(&found[0])[0], 60);
    assert_eq!(sums(&found[1])[0], 60);
    assert_eq!(sums(&found[2])[0], 30);
    assert_eq!(found[2].forward.packets.total, 150);
    assert!(found.iter().all(|flow| flow.id == found[0].id));
    let sequences: Vec<u64> = found.iter().map(|flow| flow.sequence).collect();
    assert_eq!(sequences, [0, 1, 2]);
    assert_eq!(dates(&found[1]), [0, seconds(119)]);
}

#[test]
fn report_samples_its_own_interval() {
    let mut frames: Vec<Frame> = (0..4)
        .map(|step| Frame::new(seconds(step * 25), udp(1, 1)))
        .collect();
    for (frame, ttl) in frames.iter_mut().zip(10..) {
        frame.octets[14 + 8] = ttl;
    }
    let ttls: Vec<u8> = flows(&frames)
        .iter()
        .map(|flow| flow.forward.ip.unwrap().ttl)
        .collect();
    assert_eq!(ttls, [10, 13]);
}

#[test]
fn ended_connection_closes_soon_and_a_syn_starts_another() {
    let connection = |begin: u64, close: u8| {
        [
            Frame::new(begin, tcp(7, true, SYN, 0)),
            Frame::new(begin + 1, tcp(7, false, SYN | ACK, 0)),
            Frame::new(begin + 2, tcp(7, true, close, 0)),
            Frame::new(begin + 3, tcp(7, false, close, 0)),
        ]
    };
    for (close, begin) in [(FIN | ACK, 10), (RST, 10), (FIN | ACK, seconds(5) + 3)] {
        let mut next = connection(begin, close);
        set_number(&mut next[0], 2);
        let frames = [connection(0, close), next].concat();
        let found = flows(&frames);
        assert_eq!(ends(&found), [EndReason::EndOfFlow; 2], "{begin}");
        assert_eq!(sums(&found[0]), [2, 80, 2, 80]);
        assert_eq!(sums(&found[1]), [2, 80, 2, 80]);
        assert_eq!(dates(&found[0]), [0, 3]);
        assert_eq!(dates(&found[1]), [begin, begin + 3]);
        assert_ne!(found[0].id, found[1].id);
    }
}

/// Gives a segment this sequence number.
fn set_number(frame: &mut Frame, number: u32) {
    frame.octets[14 + 20 + 4..14 + 20 + 8].copy_from_slice(&number.to_be_bytes());
}

/// A segment with this sequence number.
fn numbered(at: u64, from_client: bool, flags: u8, number: u32) -> Frame {
    let mut frame = Frame::new(at, tcp(7, from_client, flags, 0));
    set_number(&mut frame, number);
    frame
}

/// Opened by the client, and not closed.
fn opened(at: u64, numbers: [u32; 2]) -> [Frame; 3] {
    let [client, server] = numbers;
    [
        numbered(at, true, SYN, client),
        numbered(at + 1, false, SYN | ACK, server),
        numbered(at + 2, true, ACK, client.wrapping_add(1)),
    ]
}

#[test]
fn syn_with_another_number_begins_another_connection() {
    let frames = [opened(0, [1, 100]), opened(10, [5_000_000, 900_000])].concat();
    let found = flows(&frames);
    assert_eq!(ends(&found), [EndReason::EndOfFlow, EndReason::ForcedEnd]);
    for (flow, begin) in found.iter().zip([0, 10]) {
        assert_eq!(sums(flow), [2, 80, 1, 40]);
        assert_eq!(dates(flow), [begin, begin + 2]);
        assert_eq!(flow.tcp.unwrap().state, TcpState::Established);
        assert!(flow.tcp.unwrap().handshake_latency.is_some());
    }
    // A connection that never came about, and the next attempt.
    let attempts = [1, 2].map(|number| numbered(u64::from(number), true, SYN, number));
    assert_eq!(flows(&attempts).len(), 2);
}

#[test]
fn syn_that_is_sent_again_or_comes_late_begins_none() {
    let again = numbered(20, true, SYN, 1);
    let [syn, answer, ack] = opened(0, [1, 100]);
    let close = [
        numbered(3, true, FIN | ACK, 2),
        numbered(4, false, FIN | ACK, 101),
    ];
    for frames in [
        vec![syn.clone(), again.clone(), answer.clone(), ack.clone()],
        vec![syn.clone(), answer.clone(), ack.clone(), again.clone()],
        vec![answer.clone(), ack.clone(), syn.clone()],
        [
            &[syn.clone(), answer.clone(), ack.clone()],
            &close[..],
            &[again],
        ]
        .concat(),
    ] {
        let found = flows(&frames);
        assert_eq!(found.len(), 1, "{found:#?}");
        let [there, _, back, _] = sums(&found[0]);
        assert_eq!(there + back, frames.len() as u64);
    }
}

#[test]
fn after_a_reset_the_same_number_begins_anew() {
    // A SYN on an open connection is refused, and then sent again (RFC 5961 section 4).
    let frames = [
        numbered(0, true, SYN, 9),
        numbered(1, false, ACK, 500),
        numbered(2, true, RST, 77),
        numbered(3, true, SYN, 9),
        numbered(4, false, SYN | ACK, 800),
        numbered(5, true, ACK, 10),
    ];
    let found = flows(&frames);
    assert_eq!(ends(&found), [EndReason::EndOfFlow, EndReason::ForcedEnd]);
    assert_eq!(sums(&found[1]), [2, 80, 1, 40]);
    assert_eq!(found[1].tcp.unwrap().state, TcpState::Established);
}

#[test]
fn each_side_has_a_number_of_its_own() {
    // Both open at once (RFC 9293 section 3.5).
    let at_once = [
        numbered(0, true, SYN, 1),
        numbered(1, false, SYN, 100),
        numbered(2, true, SYN | ACK, 1),
        numbered(3, false, SYN | ACK, 100),
    ];
    let found = flows(&at_once);
    assert_eq!(found.len(), 1);
    assert_eq!(sums(&found[0]), [2, 80, 2, 80]);
    // The server's port opens a connection to the client's.
    let turned = [&opened(0, [1, 100])[..], &[numbered(9, false, SYN, 101)]].concat();
    let found = flows(&turned);
    assert_eq!(found.len(), 2);
    assert_eq!(found[1].source.port, Some(443));
}

#[test]
fn connection_that_one_side_has_closed_waits_for_the_other() {
    let answered_after = |gap| {
        flows(&[
            Frame::new(0, tcp(7, true, SYN, 0)),
            Frame::new(1, tcp(7, false, SYN | ACK, 0)),
            Frame::new(2, tcp(7, true, FIN | ACK, 3)),
            Frame::new(3, tcp(7, false, ACK, 0)),
            Frame::new(3 + gap, tcp(7, false, ACK, 1000)),
            Frame::new(4 + gap, tcp(7, false, FIN | ACK, 0)),
            Frame::new(5 + gap, tcp(7, true, ACK, 0)),
        ])
    };
    let waits = seconds(120);
    let found = answered_after(waits - 1);
    // The report of the first minute.
    assert_eq!(
        ends(&found),
        [EndReason::ActiveTimeout, EndReason::EndOfFlow]
    );
    assert_eq!(found[1].forward.packets.total, 3);
    assert_eq!(found[1].reverse.packets.total, 4);
    assert_eq!(found[1].id, found[0].id);
    let found = answered_after(waits);
    assert_eq!(found[1].end_reason, EndReason::IdleTimeout);
    assert_eq!(found[1].tcp.unwrap().state, TcpState::FinWait2);
    assert_ne!(found[2].id, found[1].id);
}

#[test]
fn syn_on_a_connection_that_is_open_counts_into_it() {
    let frames = [
        Frame::new(0, tcp(7, true, SYN, 0)),
        Frame::new(1, tcp(7, true, SYN, 0)),
        Frame::new(2, tcp(7, false, SYN | ACK, 0)),
        Frame::new(3, tcp(7, true, SYN, 0)),
    ];
    let found = flows(&frames);
    assert_eq!(found.len(), 1);
    assert_eq!(sums(&found[0]), [3, 120, 1, 40]);
    let latency = found[0].tcp.as_ref().unwrap().handshake_latency;
    assert_eq!(latency, Some(Duration::from_nanos(2)));
}

#[test]
fn sender_of_a_syn_ack_is_the_server() {
    let found = flows(&[
        Frame::new(0, tcp(7, false, SYN | ACK, 0)),
        Frame::new(1, tcp(7, true, ACK, 5)),
    ]);
    assert_eq!(found[0].destination.port, Some(443));
    assert_eq!(sums(&found[0]), [1, 45, 1, 40]);
}

#[test]
fn packets_out_of_order_belong_to_their_flow() {
    let frames = [
        Frame::new(seconds(5), udp(1, 1)),
        Frame::new(seconds(4), udp(1, 1)),
        Frame::new(seconds(6), udp(1, 1)),
    ];
    let found = flows(&frames);
    assert_eq!(sums(&found[0])[0], 3);
    assert_eq!(dates(&found[0]), [seconds(4), seconds(6)]);
}

#[test]
fn clock_set_back_ends_no_flow_and_keeps_dates() {
    let frames = [
        Frame::new(seconds(10_000), udp(1, 1)),
        Frame::new(seconds(10_001), udp(1, 1)),
        Frame::new(seconds(500), udp(1, 1)),
        Frame::new(seconds(501), udp(1, 1)),
        Frame::new(seconds(502), udp(2, 1)),
        // A minute after the fourth packet, by the clock as it is now.
        Frame::new(seconds(561), udp(2, 1)),
    ];
    let found = flows(&frames);
    assert_eq!(
        ends(&found),
        [
            EndReason::ActiveTimeout,
            EndReason::IdleTimeout,
            EndReason::ForcedEnd
        ]
    );
    assert_eq!(sums(&found[0])[0], 4);
    // The earliest and the latest time that was counted.
    assert_eq!(dates(&found[0]), [seconds(500), seconds(10_001)]);
    assert_eq!(found[1].id, found[0].id);
    assert_eq!(dates(&found[1]), [seconds(500), seconds(10_001)]);
    assert_eq!(sums(&found[2])[0], 2);
    assert_eq!(dates(&found[2]), [seconds(502), seconds(561)]);
}

#[test]
fn syn_that_is_stored_behind_its_answer_is_the_start() {
    let frames = [
        Frame::new(2_000_000, tcp(7, false, SYN | ACK, 0)),
        Frame::new(1_000_000, tcp(7, true, SYN, 0)),
        Frame::new(3_000_000, tcp(7, true, ACK, 0)),
    ];
    let found = flows(&frames);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].destination.port, Some(443));
    assert_eq!(dates(&found[0]), [1_000_000, 3_000_000]);
    let latency = found[0].tcp.unwrap().handshake_latency;
    assert_eq!(latency, Some(Duration::from_millis(1)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_flow_ends_before_it_begins(
        steps in prop::collection::vec((0_u64..20_000, 1_u16..4), 1..40)
    ) {
        let frames: Vec<Frame> = steps
            .iter()
            .map(|&(at, port)| Frame::new(seconds(at), udp(port, 9)))
            .collect();
        for flow in flows(&frames) {
            let [start, end] = dates(&flow);
            prop_assert!(start <= end);
            prop_assert_eq!(flow.duration(), Duration::from_nanos(end - start));
        }
    }
}

#[test]
fn extreme_timestamps_are_valid() {
    let mut file = pcap(NANOSECONDS, ETHERNET, &[]);
    for (second, fraction) in [(0_u32, 0_u32), (u32::MAX, u32::MAX), (5, 7), (u32::MAX, 0)] {
        let octets = udp(1, 1);
        let length = u32::try_from(octets.len()).unwrap();
        for word in [second, fraction, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(octets);
    }
    let found = read(file).whole();
    assert_eq!(
        ends(&found),
        [
            EndReason::IdleTimeout,
            EndReason::IdleTimeout,
            EndReason::ForcedEnd
        ]
    );
    // Set back, the clock goes on from there: the third packet comes at once after the second.
    assert_eq!(sums(&found[1])[0], 2);
}

#[test]
fn timeout_below_the_resolution_of_reports_still_ends() {
    let frames: Vec<Frame> = (0..10)
        .map(|step| Frame::new(step * SECOND, udp(1, 1)))
        .collect();
    let builder = FlowSource::builder().active_timeout(Duration::from_nanos(1));
    let found = read_by(builder, pcap(NANOSECONDS, ETHERNET, &frames)).whole();
    let packets: u64 = found.iter().map(|flow| sums(flow)[0]).sum();
    assert_eq!(packets, 10);
    assert_eq!(found.last().unwrap().forward.packets.total, 10);
}

/// A flow in a record: everything but ids.
fn lines(flows: &[Flow]) -> Vec<String> {
    let mut lines: Vec<String> = flows.iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn flow_outcome_is_independent_of_other_flows(
        steps in prop::collection::vec((0_u64..40, 1_u16..4, any::<bool>(), 0_u8..32), 1..80)
    ) {
        let mut at = 0;
        let frames: Vec<(u16, Frame)> = steps
            .iter()
            .map(|&(gap, port, there, flags)| {
                at += gap * SECOND;
                let octets = if port == 3 { udp(port, 9) } else { tcp(port, there, flags, 9) };
                (port, Frame::new(at, octets))
            })
            .collect();
        let all: Vec<Frame> = frames.iter().map(|(_, frame)| frame.clone()).collect();
        let mut alone = Vec::new();
        for wanted in 1..4 {
            // Every file begins with a packet of no flow, so that the clocks agree.
            let mut own = vec![Frame::new(0, vec![0; 14])];
            own.extend(frames.iter().filter(|(port, _)| *port == wanted).map(|(_, frame)| frame.clone()));
            own.push(Frame::new(at, vec![0; 14]));
            alone.extend(flows(&own));
        }
        let mut whole = vec![Frame::new(0, vec![0; 14])];
        whole.extend(all);
        prop_assert_eq!(lines(&flows(&whole)), lines(&alone));
    }
}
