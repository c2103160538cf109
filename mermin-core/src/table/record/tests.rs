//! Slots as they were read, and the records that they must give.

mod direction;
mod tunnels;

use std::time::Duration;

use mermin_bpf::{
    abi::{
        slot::Sample,
        tunnel::{OuterHeader, TunnelEndpoints, flag, kind},
    },
    track::{origin::First, tcp as track},
    wire::tcp::flag::{ACK, FIN, RST, SYN},
};

use super::*;
use crate::{
    flow::{Direction, DirectionRule, TcpState, TunnelKind},
    table::coarse_time::CoarseTime,
};

const SECOND: u64 = 1_000_000_000;
/// The wall clock is 1,000,000 s ahead of the monotonic one.
const CLOCK: RecordClock = RecordClock {
    epoch: 0x1122_3344_5566_7788,
    monotonic: 500 * SECOND,
    wall: 1_000_500 * SECOND.cast_signed(),
    tick: 4_000_000,
};

fn tail(number: u8, ports: [u16; 2]) -> KeyTail {
    KeyTail {
        ifindex: 7,
        protocol_vlan: KeyTail::pack(number, 0, 0),
        encapsulation: 0,
        ports,
    }
}

/// 10.0.0.1 and 10.0.0.2: the lower endpoint started, 3 packets there and 2 back, from second 100 to 103.
fn ipv4(tail: KeyTail) -> FlowSnapshot {
    let key = KeyV4 {
        tail,
        addresses: [[10, 0, 0, 1], [10, 0, 0, 2]].map(u32::from_ne_bytes),
    };
    FlowSnapshot {
        key: key.words(),
        link_length: 14,
        first_seen: 100 * SECOND,
        macs: [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]],
        sides: [
            Side {
                packets: 3,
                octets: 300,
                last_seen: 103 * SECOND,
                sample: Some(Sample {
                    traffic_class: 0xb8,
                    ttl: 63,
                    ..Sample::default()
                }),
                ..Side::default()
            },
            Side {
                packets: 2,
                octets: 2000,
                last_seen: 102 * SECOND,
                ..Side::default()
            },
        ],
        ..FlowSnapshot::default()
    }
}

fn made(flow: &FlowSnapshot) -> Flow {
    record_after(flow, &ExportState::default())
}

fn record_after(flow: &FlowSnapshot, entry: &ExportState) -> Flow {
    let name = Arc::from("eth0");
    record(
        0x12_3456,
        flow,
        entry,
        EndReason::IdleTimeout,
        &name,
        &CLOCK,
        Direction::Unknown,
    )
}

fn date(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn ends(flow: &Flow) -> [String; 2] {
    [flow.source.to_string(), flow.destination.to_string()]
}

fn counts(half: &Uniflow) -> [[u64; 2]; 3] {
    [half.packets, half.octets, half.frame_octets].map(|count| [count.delta, count.total])
}

#[test]
fn datagram_flow_over_ipv4_has_its_fields() {
    let flow = made(&ipv4(tail(protocol::UDP, [40_000, 53])));
    assert_eq!(ends(&flow), ["10.0.0.1:40000", "10.0.0.2:53"]);
    assert_eq!(flow.protocol, Protocol::UDP);
    assert_eq!((flow.start, flow.end), (date(1_000_100), date(1_000_103)));
    assert_eq!(
        (flow.sequence, flow.end_reason),
        (0, EndReason::IdleTimeout)
    );
    assert_eq!((flow.interface.index, &*flow.interface.name), (7, "eth0"));
    assert_eq!(
        flow.interface.source_mac,
        Some(MacAddress([2, 0, 0, 0, 0, 1]))
    );
    let mac = flow.interface.destination_mac;
    assert_eq!(mac, Some(MacAddress([2, 0, 0, 0, 0, 2])));
    assert_eq!(counts(&flow.forward), [[3; 2], [300; 2], [300 + 3 * 14; 2]]);
    assert_eq!(
        counts(&flow.reverse),
        [[2; 2], [2000; 2], [2000 + 2 * 14; 2]]
    );
    assert_eq!(flow.forward.ip, Some(IpHeader::new(0xb8, 63, None)));
    assert_eq!(flow.reverse.ip, None);
    assert_eq!(
        (flow.direction, flow.direction_rule),
        (Direction::Forward, Some(DirectionRule::FirstPacket))
    );
    assert!(flow.vlans.is_empty());
    let absent = (
        flow.tcp,
        flow.icmp_id,
        flow.forward.icmp,
        flow.forward.tcp_flags,
    );
    assert_eq!(absent, (None, None, None, None));
}

#[test]
fn flow_id_contains_epoch_slot_and_start() {
    let flow = made(&ipv4(tail(protocol::UDP, [1, 2])));
    let began = 100 * u128::from(SECOND);
    let lower = 0x12_3456_u128 << 56 | began;
    // 48 bits of the epoch are left.
    assert_eq!(flow.id.to_u128(), 0x3344_5566_7788 << 80 | lower);
}

#[test]
fn higher_endpoint_may_have_started() {
    let mut observed = ipv4(tail(protocol::UDP, [40_000, 53]));
    observed.higher_started = true;
    let flow = made(&observed);
    assert_eq!(ends(&flow), ["10.0.0.2:53", "10.0.0.1:40000"]);
    assert_eq!(counts(&flow.forward)[0], [2, 2]);
    assert_eq!(counts(&flow.reverse)[0], [3, 3]);
    assert!(flow.forward.ip.is_none() && flow.reverse.ip.is_some());
}

#[test]
fn ipv6_has_a_flow_label() {
    let address = |last| {
        let octets = [0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, last];
        let [first, second] = [0, 8].map(|at| {
            let mut half = [0; 8];
            half.copy_from_slice(&octets[at..at + 8]);
            u64::from_ne_bytes(half)
        });
        [first, second]
    };
    let key = KeyV6 {
        tail: tail(protocol::TCP, [443, 50_000]),
        addresses: [address(1), address(2)],
    };
    let mut observed = ipv4(key.tail);
    observed.key = key.words();
    observed.ipv6 = true;
    observed.sides[0].sample = Some(Sample {
        flow_label: 0xf_abcd,
        ttl: 64,
        ..Sample::default()
    });
    let flow = made(&observed);
    assert_eq!(
        ends(&flow),
        ["[fd00:0:0:1::1]:443", "[fd00:0:0:1::2]:50000"]
    );
    let header = flow.forward.ip.unwrap();
    assert_eq!((header.flow_label, header.ttl), (Some(0xf_abcd), 64));
}

#[test]
fn icmp_has_messages_and_no_ports() {
    let mut observed = ipv4(tail(protocol::ICMP, [8, 0x1234]));
    observed.sides[1].sample = Some(Sample {
        icmp_type: 0,
        icmp_code: 0,
        ..Sample::default()
    });
    if let Some(sample) = &mut observed.sides[0].sample {
        sample.icmp_type = 8;
    }
    let flow = made(&observed);
    assert_eq!(ends(&flow), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(flow.icmp_id, Some(0x1234));
    assert_eq!(flow.forward.icmp.map(|icmp| icmp.kind), Some(8));
    assert_eq!(flow.reverse.icmp.map(|icmp| icmp.kind), Some(0));

    // An error is a flow of its type and code.
    let flow = made(&ipv4(tail(protocol::ICMP, [256 + 3, 4])));
    assert_eq!((flow.icmp_id, flow.source.port), (None, None));
}

#[test]
fn other_protocols_have_neither_ports_nor_messages() {
    let flow = made(&ipv4(tail(47, [0, 0])));
    assert_eq!(ends(&flow), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(
        (flow.icmp_id, flow.forward.icmp, flow.tcp),
        (None, None, None)
    );
}

#[test]
fn vlans_are_listed_from_the_outside() {
    for (packed, ids) in [([0, 0], &[][..]), ([7, 0], &[7]), ([7, 4095], &[7, 4095])] {
        let mut tail = tail(protocol::UDP, [1, 2]);
        tail.protocol_vlan = KeyTail::pack(protocol::UDP, packed[0], packed[1]);
        assert_eq!(&*made(&ipv4(tail)).vlans, ids);
    }
}

#[test]
fn priority_tag_does_not_hide_the_tag_in_it() {
    let mut tail = tail(protocol::UDP, [1, 2]);
    tail.protocol_vlan = KeyTail::pack(protocol::UDP, 0, 9);
    assert_eq!(&*made(&ipv4(tail)).vlans, [0, 9]);
}

#[test]
fn link_without_addresses_has_no_mac() {
    let mut observed = ipv4(tail(protocol::UDP, [1, 2]));
    observed.macs = [[0; 6]; 2];
    observed.link_length = 0;
    let flow = made(&observed);
    let macs = [flow.interface.source_mac, flow.interface.destination_mac];
    assert_eq!(macs, [None, None]);
    assert_eq!(flow.forward.frame_octets, flow.forward.octets);
}

#[test]
fn answer_names_its_sender_the_destination() {
    let mut observed = ipv4(tail(protocol::TCP, [50_000, 443]));
    observed.first = First::Answer;
    let flow = made(&observed);
    assert_eq!(ends(&flow), ["10.0.0.1:50000", "10.0.0.2:443"]);
    let macs = [flow.interface.source_mac, flow.interface.destination_mac];
    let [source, destination] = [2, 1].map(|last| Some(MacAddress([2, 0, 0, 0, 0, last])));
    assert_eq!(macs, [source, destination]);
    assert_eq!(flow_fields(&observed, "eth0").mac, source);
    // In a tunnel the receiver is not known.
    observed.macs[1] = [0; 6];
    let flow = made(&observed);
    assert_eq!(flow.interface.source_mac, None);
    assert_eq!(flow.interface.destination_mac, destination);
}

#[test]
fn padding_and_tags_make_frames_longer_or_shorter() {
    let mut observed = ipv4(tail(protocol::UDP, [1, 2]));
    observed.sides[0].extra = 18;
    // A tag less than the first packet had, two times.
    observed.sides[1].extra = 0_u64.wrapping_sub(8);
    let flow = made(&observed);
    assert_eq!(flow.forward.frame_octets.total, 300 + 3 * 14 + 18);
    assert_eq!(flow.reverse.frame_octets.total, 2000 + 2 * 14 - 8);
}

#[test]
fn later_record_has_counts_since_the_previous_one() {
    let mut observed = ipv4(tail(protocol::UDP, [1, 2]));
    observed.sides[0].extra = 0_u64.wrapping_sub(4);
    let mut entry = ExportState::default();
    entry.mark_exported(&observed, 160 * SECOND);
    assert_eq!(entry.interval_start, CoarseTime::at(160 * SECOND));
    observed.sides[0].packets += 10;
    observed.sides[0].octets += 1000;
    observed.sides[0].extra = observed.sides[0].extra.wrapping_sub(40);
    observed.sides[0].last_seen = 170 * SECOND;
    let flow = record_after(&observed, &entry);
    assert_eq!(flow.sequence, 1);
    assert_eq!((flow.start, flow.end), (date(1_000_100), date(1_000_170)));
    assert_eq!(
        counts(&flow.forward),
        [
            [10, 13],
            [1000, 1300],
            [1000 + 10 * 14 - 40, 1300 + 13 * 14 - 44]
        ]
    );
    assert_eq!(counts(&flow.reverse), [[0, 2], [0, 2000], [0, 2028]]);
}

#[test]
fn dates_follow_the_wall_clock() {
    let observed = ipv4(tail(protocol::UDP, [1, 2]));
    let name: Arc<str> = Arc::from("eth0");
    let at = |monotonic, wall: u64| {
        let clock = RecordClock {
            monotonic,
            wall: wall.cast_signed(),
            ..CLOCK
        };
        record(
            1,
            &observed,
            &ExportState::default(),
            EndReason::IdleTimeout,
            &name,
            &clock,
            Direction::Unknown,
        )
    };
    // Set back by an hour meanwhile.
    let flow = at(500 * SECOND, (1_000_500 - 3600) * SECOND);
    assert_eq!(flow.start, date(1_000_100 - 3600));
    // A tick may be ahead of the moment the record is made.
    let flow = at(101 * SECOND, 1_000_101 * SECOND);
    assert_eq!((flow.start, flow.end), (date(1_000_100), date(1_000_103)));
}

#[test]
fn clock_set_to_1970_makes_no_wrong_date() {
    let observed = ipv4(tail(protocol::UDP, [1, 2]));
    let clock = RecordClock {
        monotonic: 110 * SECOND,
        wall: 5 * SECOND.cast_signed(),
        ..CLOCK
    };
    let name: Arc<str> = Arc::from("eth0");
    let reason = EndReason::IdleTimeout;
    let flow = record(
        1,
        &observed,
        &ExportState::default(),
        reason,
        &name,
        &clock,
        Direction::Unknown,
    );
    assert_eq!(flow.start, UNIX_EPOCH - Duration::from_secs(5));
    assert_eq!(flow.duration(), Duration::from_secs(3));
}

#[test]
fn flow_end_is_not_before_precise_times() {
    let mut observed = tcp([50_000, 443], [SYN | ACK, SYN | ACK]);
    observed.first = First::Opening;
    observed.sides[0].syn_at = 100 * SECOND + 1_000;
    observed.sides[1].syn_at = 100 * SECOND + 2_000_000;
    // The tick began before all of it.
    for side in &mut observed.sides {
        side.last_seen = 100 * SECOND - 3_000_000;
    }
    let flow = made(&observed);
    assert_eq!(flow.duration(), Duration::from_millis(2));
    assert_eq!(flow.time_resolution, Some(Duration::from_millis(4)));
    assert!(flow.duration() >= flow.tcp.unwrap().handshake_latency.unwrap());
}

#[test]
fn only_packet_of_a_flow_has_an_exact_time() {
    let mut observed = ipv4(tail(protocol::UDP, [1, 2]));
    observed.sides = [Side::default(); 2];
    observed.sides[0].packets = 1;
    // Its second reading of the clock.
    observed.sides[0].last_seen = observed.first_seen + 100;
    let flow = made(&observed);
    assert_eq!(flow.time_resolution, Some(Duration::from_nanos(1)));
    assert_eq!(flow.end, flow.start);
    observed.sides[1].packets = 1;
    assert_eq!(
        made(&observed).time_resolution,
        Some(Duration::from_millis(4))
    );
}

fn tcp(ports: [u16; 2], flags: [u8; 2]) -> FlowSnapshot {
    let mut observed = ipv4(tail(protocol::TCP, ports));
    for (side, flags) in observed.sides.iter_mut().zip(flags) {
        side.tcp = track::Side {
            flags,
            ..track::Side::default()
        };
    }
    observed
}

#[test]
fn handshake_has_a_latency() {
    let mut observed = tcp([50_000, 443], [SYN | ACK, SYN | ACK]);
    observed.first = First::Opening;
    observed.sides[0].syn_at = 100 * SECOND;
    let state = |observed: &FlowSnapshot| made(observed).tcp.unwrap();
    assert_eq!(state(&observed).handshake_latency, None);
    observed.sides[1].syn_at = 100 * SECOND + 1_500_000;
    let tcp = state(&observed);
    assert_eq!(tcp.handshake_latency, Some(Duration::from_micros(1500)));
    assert_eq!(tcp.state, TcpState::Established);
    // Not when the answer is older than the question.
    observed.sides[1].syn_at = 99 * SECOND;
    assert_eq!(state(&observed).handshake_latency, None);
}

#[test]
fn tcp_state_is_that_of_the_opener() {
    let mut observed = tcp([50_000, 443], [SYN | ACK | FIN, SYN | ACK]);
    assert_eq!(made(&observed).tcp.unwrap().state, TcpState::FinWait1);
    observed.higher_started = true;
    assert_eq!(made(&observed).tcp.unwrap().state, TcpState::CloseWait);
    let reset = tcp([50_000, 443], [SYN, RST | ACK]);
    let flow = made(&reset);
    assert_eq!(flow.tcp.unwrap().state, TcpState::Closed);
    let flags = [flow.forward, flow.reverse].map(|half| half.tcp_flags.unwrap().to_string());
    assert_eq!(flags, ["SYN", "RST|ACK"]);
}

#[test]
fn tcp_flags_are_absent_without_packets() {
    let mut observed = tcp([50_000, 443], [SYN, 0]);
    observed.sides[1].packets = 0;
    assert_eq!(made(&observed).reverse.tcp_flags, None);
}
