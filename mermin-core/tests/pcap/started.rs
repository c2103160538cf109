//! Flows whose first captured packet is a response, and associations that begin and end.

use mermin_core::{
    Flow, FlowSource,
    flow::{Direction, DirectionRule, EndReason},
};

use crate::{
    frames::{
        ACK, ETHERNET, Frame, RST, SYN, Shape, ethernet, ipv4, pcap, tcp_segment, udp_datagram,
    },
    run::{read, read_by, seconds},
};

const CLIENT: [u8; 4] = [192, 0, 2, 1];
const SERVER: [u8; 4] = [198, 51, 100, 2];

/// A packet of the client, or of the server.
fn packet(from_client: bool, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (from, to) = if from_client {
        (CLIENT, SERVER)
    } else {
        (SERVER, CLIENT)
    };
    ethernet(0x0800, &ipv4(protocol, from, to, payload))
}

fn icmp(kind: u8) -> Vec<u8> {
    vec![kind, 0, 0, 0, 0, 7, 0, 1]
}

fn dns(ports: [u16; 2], flags: u8) -> Vec<u8> {
    udp_datagram(ports, &[0, 9, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0])
}

pub(crate) fn sctp(ports: [u16; 2], chunk: u8, tag: u32) -> Vec<u8> {
    let [source, destination] = ports.map(u16::to_be_bytes);
    let header = [chunk, 0, 0, 20];
    [
        &source[..],
        &destination,
        &[0; 8],
        &header,
        &tag.to_be_bytes(),
        &[0; 12],
    ]
    .concat()
}

fn dccp(ports: [u16; 2], kind: u8) -> Vec<u8> {
    let [source, destination] = ports.map(u16::to_be_bytes);
    let rest = [4, 0, 0, 0, kind << 1 | 1, 0, 0, 0, 0, 0, 0, 1];
    [&source[..], &destination, &rest].concat()
}

fn flows(packets: Vec<Vec<u8>>) -> Vec<Flow> {
    let frames: Vec<Frame> = (0..)
        .zip(packets)
        .map(|(number, octets)| Frame::new(seconds(number), octets))
        .collect();
    read(pcap(Shape::LITTLE, ETHERNET, &frames)).whole()
}

fn direction_and_packets(flow: &Flow) -> (Direction, Option<DirectionRule>, [u64; 2]) {
    assert_eq!(flow.source.address.to_string(), "192.0.2.1");
    let packets = [flow.forward.packets.total, flow.reverse.packets.total];
    (flow.direction, flow.direction_rule, packets)
}

#[test]
fn receiver_of_the_answer_started_the_flow() {
    for (protocol, answer, ask) in [
        (1, icmp(0), icmp(8)),
        (1, icmp(14), icmp(13)),
        (17, dns([53, 4000], 0x81), dns([4000, 53], 1)),
        (
            6,
            tcp_segment([8080, 4000], SYN | ACK, &[]),
            tcp_segment([4000, 8080], ACK, &[]),
        ),
        (132, sctp([8080, 4000], 2, 9), sctp([4000, 8080], 10, 9)),
        (33, dccp([8080, 4000], 1), dccp([4000, 8080], 3)),
    ] {
        let answer = packet(false, protocol, &answer);
        let found = flows(vec![
            answer.clone(),
            packet(true, protocol, &ask),
            answer.clone(),
        ]);
        assert_eq!(found.len(), 1, "{protocol}");
        let expected = (Direction::Forward, Some(DirectionRule::Answer), [1, 2]);
        assert_eq!(direction_and_packets(&found[0]), expected, "{protocol}");
        let alone = flows(vec![answer]);
        let (direction, rule) = match protocol {
            17 => (Direction::Forward, DirectionRule::PortNumber),
            _ => (Direction::Unknown, DirectionRule::Answer),
        };
        assert_eq!(
            direction_and_packets(&alone[0]),
            (direction, Some(rule), [0, 1]),
            "{protocol}"
        );
    }
}

#[test]
fn sender_of_a_reset_to_an_answer_is_not_the_client() {
    let found = flows(vec![
        packet(false, 6, &tcp_segment([8080, 4000], SYN | ACK, &[])),
        packet(true, 6, &tcp_segment([4000, 8080], RST, &[])),
    ]);
    let expected = (Direction::Unknown, Some(DirectionRule::Answer), [1, 1]);
    assert_eq!(direction_and_packets(&found[0]), expected);
}

#[test]
fn syn_stored_after_syn_ack_still_decides_direction() {
    let found = flows(vec![
        packet(false, 6, &tcp_segment([8080, 4000], SYN | ACK, &[])),
        packet(true, 6, &tcp_segment([4000, 8080], SYN, &[])),
    ]);
    let expected = (Direction::Forward, Some(DirectionRule::Syn), [1, 1]);
    assert_eq!(direction_and_packets(&found[0]), expected);
}

/// A connection whose beginning was not captured and whose server is seen first; then another one to that server, from its beginning.
#[test]
fn port_that_answered_is_listening() {
    let tcp = |from_client, ports, flags| packet(from_client, 6, &tcp_segment(ports, flags, &[]));
    let late = vec![
        tcp(false, [8080, 4000], ACK),
        tcp(true, [4000, 8080], ACK),
        // Of another protocol the port is another one.
        packet(false, 17, &udp_datagram([8080, 4000], b"data")),
    ];
    let other = vec![
        tcp(true, [4001, 8080], SYN),
        tcp(false, [8080, 4001], SYN | ACK),
        tcp(true, [4001, 8080], ACK),
    ];
    let back = vec![
        tcp(false, [9000, 4000], SYN),
        tcp(true, [4000, 9000], SYN | ACK),
    ];
    let of_late = |is_on, packets: Vec<Vec<Vec<u8>>>| {
        let frames: Vec<Frame> = (0..)
            .zip(packets.concat())
            .map(|(number, octets)| Frame::new(seconds(number), octets))
            .collect();
        let builder = FlowSource::builder().listening_ports(is_on);
        let found = read_by(builder, pcap(Shape::LITTLE, ETHERNET, &frames)).whole();
        let of = |protocol| {
            let is_late = |flow: &&Flow| {
                flow.protocol.0 == protocol
                    && [flow.source.port, flow.destination.port] == [Some(8080), Some(4000)]
            };
            let flow = found.iter().find(is_late).unwrap();
            let packets = [flow.forward.packets.total, flow.reverse.packets.total];
            (flow.direction, flow.direction_rule.unwrap(), packets)
        };
        [of(6), of(17)]
    };
    let unknown = (Direction::Unknown, DirectionRule::FirstPacket, [1, 1]);
    let told = (Direction::Reverse, DirectionRule::ListeningPort, [1, 1]);
    let datagram = (Direction::Forward, DirectionRule::FirstPacket, [1, 0]);
    for (is_on, packets, expected) in [
        (false, vec![late.clone(), other.clone()], unknown),
        (true, vec![late.clone()], unknown),
        (true, vec![late.clone(), other.clone()], told),
        (true, vec![other.clone(), late.clone()], told),
        (true, vec![late.clone(), other[..1].to_vec()], unknown),
        // The other end's port listens as well.
        (true, vec![late, other, back], unknown),
    ] {
        assert_eq!(of_late(is_on, packets), [expected, datagram]);
    }
}

#[test]
fn answer_in_a_capture_of_headers_is_one() {
    let response = packet(false, 17, &dns([53, 4000], 0x81));
    let whole = Frame::new(0, response);
    for (octets, rule) in [
        // All of the DNS header, and all but its last octet.
        (14 + 20 + 8 + 12, DirectionRule::PortNumber),
        (14 + 20 + 8 + 11, DirectionRule::PortNumber),
    ] {
        let found = read(pcap(
            Shape::LITTLE,
            ETHERNET,
            &[whole.clone().snapped(octets)],
        ))
        .whole();
        let is_whole = octets == whole.octets.len();
        let source = if is_whole {
            "192.0.2.1"
        } else {
            "198.51.100.2"
        };
        assert_eq!(found[0].source.address.to_string(), source);
        assert_eq!(found[0].direction_rule, Some(rule));
        let direction = if is_whole {
            Direction::Forward
        } else {
            Direction::Reverse
        };
        assert_eq!(found[0].direction, direction);
    }
}

#[test]
fn init_with_another_tag_begins_another_association() {
    let there = |chunk, tag| packet(true, 132, &sctp([4000, 38_412], chunk, tag));
    let back = |chunk, tag| packet(false, 132, &sctp([38_412, 4000], chunk, tag));
    let one = [there(1, 5), back(2, 6), there(1, 5), there(10, 0)];
    assert_eq!(flows(one.to_vec()).len(), 1, "an INIT that is sent again");
    let found = flows([&one[..], &[there(1, 8), back(2, 9)]].concat());
    let ends: Vec<EndReason> = found.iter().map(|flow| flow.end_reason).collect();
    assert_eq!(ends, [EndReason::EndOfFlow, EndReason::ForcedEnd]);
    let syn = |packets| (Direction::Forward, Some(DirectionRule::Syn), packets);
    assert_eq!(direction_and_packets(&found[0]), syn([3, 1]));
    assert_eq!(direction_and_packets(&found[1]), syn([1, 1]));
}

#[test]
fn association_begins_and_ends() {
    let there = |chunk, tag| packet(true, 132, &sctp([4000, 38_412], chunk, tag));
    let back = |chunk, tag| packet(false, 132, &sctp([38_412, 4000], chunk, tag));
    for last in [6, 14] {
        let one = [
            there(1, 5),
            back(2, 6),
            there(10, 0),
            back(11, 0),
            there(last, 0),
        ];
        let found = flows([&one[..], &[there(1, 8), back(2, 9)]].concat());
        let ends: Vec<EndReason> = found.iter().map(|flow| flow.end_reason).collect();
        assert_eq!(ends, [EndReason::EndOfFlow, EndReason::ForcedEnd], "{last}");
        let syn = |packets| (Direction::Forward, Some(DirectionRule::Syn), packets);
        assert_eq!(direction_and_packets(&found[0]), syn([3, 2]));
        assert_eq!(direction_and_packets(&found[1]), syn([1, 1]));
        let ended = flows(one.to_vec());
        assert_eq!(ended[0].end_reason, EndReason::EndOfFlow);
    }
}
