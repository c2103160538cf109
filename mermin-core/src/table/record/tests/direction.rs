//! Directions, and the rules that decide them.

use super::*;

#[test]
fn each_rule_decides_direction() {
    use Direction::{Forward, Reverse, Unknown};
    use DirectionRule::{FirstPacket, PortNumber, Syn};
    // Lower port, higher port, who started, whether a SYN said so.
    for (ports, higher_started, by_syn, direction, rule) in [
        ([443, 50_000], false, true, Forward, Syn),
        ([50_000, 443], false, false, Forward, PortNumber),
        ([443, 50_000], false, false, Reverse, PortNumber),
        ([443, 50_000], true, false, Forward, PortNumber),
        ([8080, 50_000], false, false, Unknown, FirstPacket),
        ([22, 443], false, false, Unknown, FirstPacket),
        ([1023, 1024], true, false, Forward, PortNumber),
    ] {
        let mut observed = tcp(ports, [ACK, ACK]);
        observed.higher_started = higher_started;
        if by_syn {
            observed.first = First::Opening;
        }
        let flow = made(&observed);
        assert_eq!(
            (flow.direction, flow.direction_rule),
            (direction, Some(rule)),
            "{ports:?}"
        );
    }
}

#[test]
fn response_alone_does_not_decide_direction() {
    use Direction::{Forward, Unknown};
    use DirectionRule::{Answer, PortNumber, Syn};
    const SYN_ACK: u8 = SYN | ACK;
    // Ports of who was answered and of who answered, what the former sent.
    for (ports, asked, direction, rule) in [
        ([40_000, 50_000], None, Unknown, Answer),
        ([40_000, 50_000], Some(RST), Unknown, Answer),
        ([40_000, 50_000], Some(ACK), Forward, Answer),
        ([40_000, 50_000], Some(RST | ACK), Forward, Answer),
        ([40_000, 50_000], Some(SYN | ACK), Forward, Syn),
        ([40_000, 443], None, Forward, PortNumber),
        ([443, 40_000], None, Unknown, Answer),
        ([443, 40_000], Some(ACK), Forward, Answer),
    ] {
        let mut observed = tcp(ports, [asked.unwrap_or(0), SYN_ACK]);
        observed.first = First::Answer;
        if asked.is_none() {
            observed.sides[0].packets = 0;
        }
        let flow = made(&observed);
        assert_eq!(
            (flow.direction, flow.direction_rule),
            (direction, Some(rule)),
            "{ports:?} {asked:?}"
        );
    }
}

#[test]
fn listening_port_decides_direction_if_packets_do_not() {
    use Direction::{Forward, Reverse, Unknown};
    use DirectionRule::{Answer, FirstPacket, ListeningPort, PortNumber, Syn};
    use First::{Answer as Answered, Opening, Other};
    use protocol::{TCP, UDP};
    const SYN_ACK: u8 = SYN | ACK;
    let rows = [
        (
            (TCP, [8080, 50_000]),
            (Other, ACK),
            Unknown,
            (Unknown, FirstPacket),
        ),
        (
            (TCP, [8080, 50_000]),
            (Other, ACK),
            Reverse,
            (Reverse, ListeningPort),
        ),
        (
            (TCP, [50_000, 8080]),
            (Other, ACK),
            Forward,
            (Forward, ListeningPort),
        ),
        // It is nearer than the number of a port.
        (
            (TCP, [50_000, 443]),
            (Other, ACK),
            Unknown,
            (Forward, PortNumber),
        ),
        (
            (TCP, [50_000, 443]),
            (Other, ACK),
            Reverse,
            (Reverse, ListeningPort),
        ),
        (
            (UDP, [5353, 50_000]),
            (Other, 0),
            Unknown,
            (Forward, FirstPacket),
        ),
        (
            (UDP, [5353, 50_000]),
            (Other, 0),
            Reverse,
            (Reverse, ListeningPort),
        ),
        // A packet that was seen is nearer still.
        (
            (TCP, [50_000, 8080]),
            (Opening, SYN),
            Reverse,
            (Forward, Syn),
        ),
        (
            (TCP, [50_000, 8080]),
            (Answered, ACK),
            Reverse,
            (Forward, Answer),
        ),
        (
            (TCP, [50_000, 8080]),
            (Answered, RST),
            Forward,
            (Forward, ListeningPort),
        ),
        (
            (TCP, [50_000, 8080]),
            (Answered, RST),
            Reverse,
            (Unknown, Answer),
        ),
    ];
    for ((number, ports), (first, flags), listening, expected) in rows {
        let mut observed = ipv4(tail(number, ports));
        observed.sides[0].tcp.flags = flags;
        observed.sides[1].tcp.flags = SYN_ACK;
        observed.first = first;
        let name = Arc::from("eth0");
        let entry = ExportState::default();
        let flow = record(
            1,
            &observed,
            &entry,
            EndReason::IdleTimeout,
            &name,
            &CLOCK,
            listening,
        );
        assert_eq!(
            (flow.direction, flow.direction_rule),
            (expected.0, Some(expected.1)),
            "{ports:?} {first:?} {listening}"
        );
        // Ends and counters are the same whatever tells the direction.
        assert_eq!(flow.source.port, Some(ports[0]));
        assert_eq!(
            [flow.forward.packets.total, flow.reverse.packets.total],
            [3, 2]
        );
    }
}

#[test]
fn each_rule_decides_direction_of_other_protocols() {
    use Direction::{Forward, Reverse, Unknown};
    use DirectionRule::{FirstPacket, PortNumber};
    for (number, ports, direction, rule) in [
        (protocol::UDP, [50_000, 53], Forward, FirstPacket),
        (protocol::UDP, [50_000, 5353], Forward, FirstPacket),
        (protocol::UDP, [123, 123], Forward, FirstPacket),
        // A server that is seen first was asked before.
        (protocol::UDP, [53, 50_000], Reverse, PortNumber),
        (protocol::UDP_LITE, [53, 50_000], Reverse, PortNumber),
        (protocol::SCTP, [50_000, 38_412], Unknown, FirstPacket),
        (protocol::SCTP, [50_000, 179], Forward, PortNumber),
        (protocol::DCCP, [179, 50_000], Reverse, PortNumber),
        (protocol::GRE, [0, 0], Forward, FirstPacket),
    ] {
        let flow = made(&ipv4(tail(number, ports)));
        assert_eq!(
            (flow.direction, flow.direction_rule),
            (direction, Some(rule)),
            "{number} {ports:?}"
        );
    }
}

#[test]
fn protocols_with_ports_show_them_and_others_do_not() {
    for number in [
        protocol::TCP,
        protocol::UDP,
        protocol::SCTP,
        protocol::DCCP,
        protocol::UDP_LITE,
    ] {
        let flow = made(&ipv4(tail(number, [40_000, 53])));
        assert_eq!(ends(&flow), ["10.0.0.1:40000", "10.0.0.2:53"], "{number}");
    }
    let flow = made(&ipv4(tail(protocol::IGMP, [0, 0])));
    assert_eq!(ends(&flow), ["10.0.0.1", "10.0.0.2"]);
}

#[test]
fn security_association_shows_its_index() {
    let esp = made(&ipv4(tail(protocol::ESP, [0xc000, 0x1001])));
    assert_eq!(esp.ipsec, Some(Ipsec::esp(0xc000_1001)));
    assert_eq!(ends(&esp), ["10.0.0.1", "10.0.0.2"]);
    let ah = made(&ipv4(tail(protocol::AH, [0, 7])));
    assert_eq!(ah.ipsec, Some(Ipsec::ah(7)));
}
