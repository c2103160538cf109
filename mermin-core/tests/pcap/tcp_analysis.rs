//! TCP of a capture, analysed segment by segment.

use std::time::Duration;

use mermin_core::{
    Flow, FlowSource,
    flow::TcpSegments,
    lab::frame::{Segment, flag::PSH},
};

use crate::{
    frames::{ACK, ETHERNET, FIN, Frame, SYN, Shape, ethernet, ipv4, pcap},
    run::{read_by, seconds},
};

const CLIENT: [u8; 4] = [192, 0, 2, 1];
const SERVER: [u8; 4] = [198, 51, 100, 2];
const MS: u64 = 1_000_000;

/// A segment between ports 4000 and 443.
fn segment(from_client: bool, flags: u8, numbers: [u32; 2], payload: usize) -> Vec<u8> {
    let [sequence, acknowledgment] = numbers;
    let segment = Segment {
        flags,
        sequence,
        acknowledgment,
        window: 256,
        payload: &vec![0; payload],
    };
    let (from, to, ports) = if from_client {
        (CLIENT, SERVER, [4000_u16, 443])
    } else {
        (SERVER, CLIENT, [443, 4000])
    };
    ethernet(0x0800, &ipv4(6, from, to, &segment.octets(ports)))
}

fn flows(builder: mermin_core::FlowSourceBuilder, segments: &[(u64, Vec<u8>)]) -> Vec<Flow> {
    let frames: Vec<Frame> = segments
        .iter()
        .map(|(at, octets)| Frame::new(*at, octets.clone()))
        .collect();
    read_by(builder, pcap(Shape::LITTLE, ETHERNET, &frames)).whole()
}

/// A connection with a request, whose response is sent twice, and seconds later another one.
fn connection() -> Vec<(u64, Vec<u8>)> {
    let later = seconds(3);
    vec![
        (0, segment(true, SYN, [99, 0], 0)),
        (4 * MS, segment(false, SYN | ACK, [499, 100], 0)),
        (10 * MS, segment(true, ACK, [100, 500], 0)),
        (11 * MS, segment(true, ACK | PSH, [100, 500], 50)),
        (14 * MS, segment(false, ACK, [500, 150], 0)),
        (21 * MS, segment(false, ACK | PSH, [500, 150], 200)),
        (121 * MS, segment(false, ACK | PSH, [500, 150], 200)),
        (122 * MS, segment(true, ACK, [150, 700], 0)),
        (later, segment(true, ACK | PSH, [150, 700], 50)),
        (later + 2 * MS, segment(false, ACK | PSH, [700, 200], 100)),
        (later + 3 * MS, segment(true, ACK, [200, 800], 0)),
        (later + 4 * MS, segment(true, FIN | ACK, [200, 800], 0)),
        (later + 5 * MS, segment(false, FIN | ACK, [800, 201], 0)),
        (later + 6 * MS, segment(true, ACK, [201, 801], 0)),
    ]
}

fn ms(latency: Option<mermin_core::flow::TcpLatency>) -> Option<[u128; 5]> {
    let latency = latency?;
    let times = [latency.mean, latency.min, latency.max, latency.jitter];
    let [mean, min, max, jitter] = times.map(|time| time.as_millis());
    Some([latency.samples.into(), mean, min, max, jitter])
}

#[test]
fn each_record_has_what_its_interval_adds() {
    let builder = FlowSource::builder()
        .tcp_analysis(true)
        .active_timeout(Duration::from_secs(1));
    let found = flows(builder, &connection());
    assert_eq!(found.len(), 2, "{found:#?}");
    let [first, last] = [0, 1].map(|record| *found[record].tcp_analysis.clone().unwrap());
    assert_eq!(first.handshake_server, Some(Duration::from_millis(4)));
    assert_eq!(first.handshake_client, Some(Duration::from_millis(6)));
    assert_eq!(first.handshake_client, last.handshake_client);
    assert_eq!(first.forward.retransmissions, 0);
    let again = [
        first.reverse.retransmissions,
        first.reverse.retransmitted_octets,
    ];
    assert_eq!(again, [1, 200]);
    // SYN, and the request; its acknowledgment came 7 ms before the response.
    assert_eq!(ms(first.forward.round_trip), Some([2, 3, 3, 4, 0]));
    assert_eq!(ms(first.forward.response), Some([1, 10, 10, 10, 0]));
    // The SYN-ACK alone: the response was sent again.
    assert_eq!(ms(first.reverse.round_trip), Some([1, 6, 6, 6, 0]));
    assert_eq!(last.reverse.retransmissions, 0);
    assert_eq!(ms(last.forward.response), Some([1, 2, 2, 2, 8]));
    // The request, and FIN.
    assert_eq!(ms(last.forward.round_trip), Some([2, 1, 1, 2, 1]));
    let names: Vec<_> = found[0].attributes().map(|(name, _)| name).collect();
    for name in ["flow.tcp.svc.latency", "flow.reverse.tcp.rndtrip.samples"] {
        assert!(names.contains(&name), "{names:?}");
    }
}

#[test]
fn without_the_option_there_is_no_analysis() {
    for flow in flows(FlowSource::builder(), &connection()) {
        assert_eq!(flow.tcp_analysis, None);
    }
}

#[test]
fn other_protocols_have_none() {
    let frames = [(0, crate::frames::udp(4000, 10))];
    let found = flows(FlowSource::builder().tcp_analysis(true), &frames);
    assert_eq!(found[0].tcp_analysis, None);
    let frames = [(0, crate::frames::tcp(4000, true, ACK, 10))];
    let found = flows(FlowSource::builder().tcp_analysis(true), &frames);
    let analysis = found[0].tcp_analysis.as_deref().unwrap();
    assert_eq!(analysis.forward, TcpSegments::default());
}
