//! Connections written out segment by segment.

use std::vec;

use flag::{ACK, FIN, PSH, RST, SYN};
use proptest::prelude::*;

use super::*;
use crate::abi::tcp_analysis::{Counters, Direction, TcpAnalysis};

const CLIENT: u8 = 0;
const SERVER: u8 = 1;
const MS: u64 = 1_000_000;

/// A connection, and what a segment takes from the one before it.
struct Connection {
    analysis: TcpAnalysis,
    now: u64,
}

impl Connection {
    fn midstream() -> Self {
        Self {
            analysis: TcpAnalysis::default(),
            now: 1000 * MS,
        }
    }

    /// Opened with round trips of 4 ms to the server and 6 ms to the client.
    fn opened() -> Self {
        let mut connection = Self::midstream();
        connection.send(CLIENT, SYN, 99, 0, 0);
        connection.wait(4);
        connection.send(SERVER, SYN | ACK, 499, 100, 0);
        connection.wait(6);
        connection.send(CLIENT, ACK, 100, 500, 0);
        connection
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now += milliseconds * MS;
    }

    fn send(&mut self, direction: u8, flags: u8, sequence: u32, acknowledgment: u32, payload: u32) {
        self.advertise(direction, flags, sequence, acknowledgment, payload, 1000);
    }

    fn advertise(
        &mut self,
        direction: u8,
        flags: u8,
        sequence: u32,
        acknowledgment: u32,
        payload: u32,
        window: u16,
    ) {
        let segment = Segment {
            sequence,
            acknowledgment,
            window,
            flags,
            payload,
        };
        self.check_continued(direction, &segment);
        self.analysis.add(direction, &segment, 1, self.now);
    }

    /// The short way comes to the same, and reads no clock.
    fn check_continued(&self, direction: u8, segment: &Segment) {
        let own = usize::from(direction);
        let [own, peer] = [own, own ^ 1].map(|side| self.analysis.senders[side]);
        if let Some(sender) = continued(&own, &peer, segment) {
            let no_clock = || -> u64 { panic!("{segment:?} is timed") };
            let no_order = || -> Order { panic!("{segment:?} is in doubt") };
            let outcome = follow(&own, &peer, segment, no_order, no_clock);
            assert_eq!((outcome.sender, outcome.events), (sender, 0));
        }
    }

    fn side(&self, direction: u8) -> &Direction {
        &self.analysis.directions[usize::from(direction)]
    }

    fn counters(&self, direction: u8) -> Counters {
        self.side(direction).counters
    }
}

#[test]
fn handshake_is_split_into_both_sides() {
    let connection = Connection::opened();
    let [client, server] = [CLIENT, SERVER].map(|side| *connection.side(side));
    assert_eq!([client.handshake, server.handshake], [4 * MS, 6 * MS]);
    assert_eq!(client.round_trip.samples, 1);
    assert_eq!(client.counters, Counters::default());
    assert_eq!(server.counters, Counters::default());
    assert_eq!(server.response.samples, 0);
}

#[test]
fn syn_sent_again_has_no_round_trip() {
    let mut connection = Connection::midstream();
    connection.send(CLIENT, SYN, 99, 0, 0);
    connection.wait(1000);
    connection.send(CLIENT, SYN, 99, 0, 0);
    connection.wait(4);
    connection.send(SERVER, SYN | ACK, 499, 100, 0);
    assert_eq!(connection.counters(CLIENT).retransmissions, 1);
    assert_eq!(connection.counters(CLIENT).retransmitted_octets, 0);
    assert_eq!(connection.side(CLIENT).handshake, 0);
    assert_eq!(connection.side(CLIENT).round_trip.samples, 0);
}

#[test]
fn response_is_timed_from_the_end_of_its_request() {
    let mut connection = Connection::opened();
    connection.send(CLIENT, ACK, 100, 500, 10);
    connection.wait(5);
    connection.send(CLIENT, ACK | PSH, 110, 500, 10);
    connection.wait(3);
    // An acknowledgment is no response.
    connection.send(SERVER, ACK, 500, 120, 0);
    connection.wait(4);
    connection.send(SERVER, ACK, 500, 120, 100);
    connection.send(SERVER, ACK | PSH, 600, 120, 100);
    let side = connection.side(CLIENT);
    assert_eq!((side.response.samples, side.response.sum), (1, 7 * MS));
    // The first segment's, not the second's.
    assert_eq!((side.round_trip.samples, side.round_trip.last), (2, 8 * MS));
    connection.wait(9);
    connection.send(CLIENT, ACK | PSH, 120, 700, 10);
    connection.wait(1);
    connection.send(SERVER, ACK | PSH, 700, 130, 10);
    let side = connection.side(CLIENT);
    assert_eq!((side.response.samples, side.response.sum), (2, 8 * MS));
    assert_eq!(side.response.variation, 6 * MS);
    assert_eq!((side.response.min, side.response.max), (MS, 7 * MS));
    // The client thought about it.
    assert_eq!(connection.side(SERVER).response.sum, 9 * MS);
}

#[test]
fn request_sent_again_has_neither_round_trip_nor_response() {
    let mut connection = Connection::opened();
    let before = connection.side(CLIENT).round_trip.samples;
    connection.send(CLIENT, ACK | PSH, 100, 500, 10);
    connection.wait(200);
    connection.send(CLIENT, ACK | PSH, 100, 500, 10);
    connection.wait(4);
    connection.send(SERVER, ACK | PSH, 500, 110, 10);
    let side = connection.side(CLIENT);
    assert_eq!(side.round_trip.samples, before);
    assert_eq!(side.response.samples, 0);
    assert_eq!(side.counters.retransmissions, 1);
    assert_eq!(side.counters.retransmitted_octets, 10);
}

#[test]
fn gap_that_is_filled_soon_was_reordered() {
    let mut connection = Connection::opened();
    connection.send(CLIENT, ACK, 200, 500, 100);
    connection.wait(9);
    connection.send(CLIENT, ACK, 100, 500, 100);
    let counters = connection.counters(CLIENT);
    assert_eq!((counters.out_of_order, counters.retransmissions), (1, 0));
    // The gap is closed: the same once more is a retransmission.
    connection.send(CLIENT, ACK, 100, 500, 100);
    let counters = connection.counters(CLIENT);
    assert_eq!((counters.out_of_order, counters.retransmissions), (1, 1));
    assert_eq!(counters.retransmitted_octets, 100);
}

#[test]
fn gap_that_is_filled_late_was_lost_on_the_way_here() {
    let mut connection = Connection::opened();
    connection.send(CLIENT, ACK, 200, 500, 100);
    connection.wait(10);
    connection.send(CLIENT, ACK, 100, 500, 100);
    let counters = connection.counters(CLIENT);
    assert_eq!((counters.out_of_order, counters.retransmissions), (0, 1));
    let mut late = Connection::midstream();
    late.send(CLIENT, ACK, 100, 500, 100);
    late.send(CLIENT, ACK, 300, 500, 100);
    late.wait(3);
    late.send(CLIENT, ACK, 200, 500, 100);
    assert_eq!(late.counters(CLIENT).retransmissions, 1);
}

#[test]
fn gap_is_filled_from_either_end() {
    let mut connection = Connection::opened();
    connection.send(CLIENT, ACK, 400, 500, 100);
    for sequence in [300, 100, 200] {
        connection.send(CLIENT, ACK, sequence, 500, 100);
    }
    let counters = connection.counters(CLIENT);
    assert_eq!((counters.out_of_order, counters.retransmissions), (3, 0));
    connection.send(CLIENT, ACK, 300, 500, 100);
    assert_eq!(connection.counters(CLIENT).retransmissions, 1);
}

/// Two losses are one gap. Octets seen between them do not come again, so an acknowledgment has to close it.
#[test]
fn gap_that_is_acknowledged_is_closed() {
    let mut connection = Connection::opened();
    for sequence in [200, 400] {
        connection.send(CLIENT, ACK, sequence, 500, 100);
    }
    connection.wait(20);
    for sequence in [100, 300] {
        connection.send(CLIENT, ACK, sequence, 500, 100);
    }
    assert_eq!(connection.counters(CLIENT).retransmissions, 2);
    connection.send(SERVER, ACK, 500, 500, 0);
    let samples = connection.side(CLIENT).round_trip.samples;
    connection.send(CLIENT, ACK, 500, 500, 100);
    connection.wait(4);
    connection.send(SERVER, ACK, 500, 600, 0);
    let round_trip = connection.side(CLIENT).round_trip;
    assert_eq!((round_trip.samples, round_trip.last), (samples + 1, 4 * MS));
}

#[test]
fn segment_that_is_longer_than_a_gap_closes_it() {
    let mut connection = Connection::opened();
    connection.send(CLIENT, ACK, 200, 500, 100);
    connection.wait(20);
    connection.send(CLIENT, ACK, 100, 500, 200);
    let counters = connection.counters(CLIENT);
    assert_eq!((counters.out_of_order, counters.retransmissions), (0, 1));
    let sender = connection.analysis.senders[usize::from(CLIENT)];
    assert_eq!(sender.known & known::GAP, 0);
}

#[test]
fn octets_seen_before_are_counted_and_new_ones_are_not() {
    let mut connection = Connection::opened();
    connection.send(CLIENT, ACK, 100, 500, 100);
    connection.send(CLIENT, ACK, 150, 500, 100);
    let counters = connection.counters(CLIENT);
    assert_eq!(counters.retransmissions, 1);
    assert_eq!(counters.retransmitted_octets, 50);
    connection.send(CLIENT, ACK, 250, 500, 100);
    assert_eq!(connection.counters(CLIENT), counters);
}

#[test]
fn fin_sent_again_is_a_retransmission_and_a_keep_alive_is_none() {
    let mut connection = Connection::opened();
    for payload in [0, 1] {
        connection.send(CLIENT, ACK, 99, 500, payload);
    }
    assert_eq!(connection.counters(CLIENT), Counters::default());
    for retransmissions in 0..2 {
        connection.send(CLIENT, FIN | ACK, 100, 500, 0);
        let counters = connection.counters(CLIENT);
        assert_eq!(counters.retransmissions, retransmissions);
    }
}

#[test]
fn duplicate_ack_leaves_data_outstanding() {
    let mut connection = Connection::opened();
    // Nothing is outstanding.
    connection.send(CLIENT, ACK, 100, 500, 0);
    assert_eq!(connection.counters(CLIENT).duplicate_acks, 0);
    connection.send(SERVER, ACK, 500, 100, 100);
    connection.send(CLIENT, ACK, 100, 600, 0);
    connection.send(SERVER, ACK, 700, 100, 100);
    for duplicates in 1..4 {
        connection.send(CLIENT, ACK, 100, 600, 0);
        assert_eq!(connection.counters(CLIENT).duplicate_acks, duplicates);
    }
    // Another window, data, and a keep-alive.
    connection.advertise(CLIENT, ACK, 100, 600, 0, 1001);
    connection.advertise(CLIENT, ACK, 100, 600, 10, 1001);
    connection.advertise(CLIENT, ACK, 109, 600, 0, 1001);
    assert_eq!(connection.counters(CLIENT).duplicate_acks, 3);
}

#[test]
fn windows_of_zero_and_their_probes_are_counted() {
    let mut connection = Connection::opened();
    connection.send(CLIENT, ACK, 100, 500, 100);
    connection.advertise(SERVER, ACK, 500, 200, 0, 0);
    for _ in 0..3 {
        connection.send(CLIENT, ACK, 200, 500, 1);
        connection.advertise(SERVER, ACK, 500, 200, 0, 0);
    }
    assert_eq!(connection.counters(SERVER).zero_windows, 4);
    assert_eq!(connection.counters(SERVER).duplicate_acks, 0);
    connection.send(SERVER, ACK, 500, 200, 0);
    connection.send(CLIENT, ACK, 200, 500, 100);
    assert_eq!(connection.counters(CLIENT), Counters::default());
}

#[test]
fn reset_is_counted_and_nothing_else() {
    let mut connection = Connection::opened();
    let before = connection.analysis;
    connection.advertise(SERVER, RST, 0, 0, 0, 0);
    connection.advertise(SERVER, RST | ACK, 500, 100, 0, 0);
    assert_eq!(connection.counters(SERVER).resets, 2);
    assert_eq!(connection.counters(SERVER).zero_windows, 0);
    assert_eq!(connection.analysis.senders, before.senders);
}

#[test]
fn one_direction_alone_is_followed() {
    let mut connection = Connection::midstream();
    for sequence in [100, 200, 300, 200] {
        connection.send(CLIENT, ACK | PSH, sequence, 7, 100);
    }
    let side = connection.side(CLIENT);
    assert_eq!(side.counters.retransmissions, 1);
    assert_eq!(side.round_trip.samples, 0);
    assert_eq!(connection.side(SERVER), &Direction::default());
}

proptest! {
    /// Of whatever segments in whatever state the short way comes to the same as the long one.
    #[test]
    fn continued_agrees_with_follow(segments in prop::collection::vec(segments(), 1..40)) {
        let mut connection = Connection::midstream();
        for (direction, segment) in segments {
            connection.wait(1);
            connection.check_continued(direction, &segment);
            connection.analysis.add(direction, &segment, 1, connection.now);
        }
    }
}

/// Few numbers, so that they meet.
fn segments() -> impl Strategy<Value = (u8, Segment)> {
    let flags = prop::sample::select(vec![ACK, ACK | PSH, SYN, SYN | ACK, FIN | ACK, RST]);
    (0..2_u8, 0..4_u32, 0..4_u32, 0..3_u16, flags, 0..3_u32).prop_map(
        |(direction, sequence, acknowledgment, window, flags, payload)| {
            let segment = Segment {
                sequence,
                acknowledgment,
                window,
                flags,
                payload,
            };
            (direction, segment)
        },
    )
}

#[test]
fn most_segments_of_a_stream_are_continued() {
    let mut connection = Connection::opened();
    let mut continued_ones = 0;
    for number in 0..100_u32 {
        let segment = Segment {
            sequence: 100 + number * 100,
            acknowledgment: 500,
            window: 1000,
            flags: ACK,
            payload: 100,
        };
        let [own, peer] = connection.analysis.senders;
        continued_ones += u32::from(continued(&own, &peer, &segment).is_some());
        connection.analysis.add(CLIENT, &segment, 1, connection.now);
    }
    assert_eq!(continued_ones, 99);
}

#[test]
fn sequence_numbers_wrap() {
    let mut connection = Connection::midstream();
    connection.send(CLIENT, ACK, u32::MAX - 49, 7, 100);
    connection.wait(2);
    connection.send(SERVER, ACK, 7, 50, 0);
    connection.send(CLIENT, ACK, 50, 7, 100);
    let side = connection.side(CLIENT);
    assert_eq!((side.round_trip.samples, side.round_trip.sum), (1, 2 * MS));
    assert_eq!(side.counters, Counters::default());
    connection.send(CLIENT, ACK, u32::MAX - 49, 7, 100);
    assert_eq!(connection.counters(CLIENT).retransmitted_octets, 100);
}

#[test]
fn without_time_nothing_is_timed_and_segments_are_counted() {
    let mut connection = Connection::opened();
    let mut timeless = Connection {
        now: 0,
        ..Connection::midstream()
    };
    for connection in [&mut connection, &mut timeless] {
        connection.send(CLIENT, ACK, 100, 500, 10);
        connection.send(SERVER, ACK, 500, 110, 10);
        connection.send(SERVER, ACK, 500, 110, 10);
    }
    assert_eq!(timeless.side(CLIENT).round_trip.samples, 0);
    assert_eq!(timeless.counters(SERVER).retransmissions, 1);
    assert_eq!(connection.side(CLIENT).response.samples, 1);
}

/// It ends a round trip and a response, and begins both for the other side.
#[test]
fn answer_reads_the_clock_once() {
    let mut connection = Connection::opened();
    connection.send(CLIENT, ACK | PSH, 100, 500, 10);
    connection.wait(3);
    let answer = Segment {
        sequence: 500,
        acknowledgment: 110,
        window: 1000,
        flags: ACK | PSH,
        payload: 20,
    };
    let [peer, own] = connection.analysis.senders;
    let readings = core::cell::Cell::new(0);
    let clock = || {
        readings.set(readings.get() + 1);
        connection.now
    };
    let outcome = follow(&own, &peer, &answer, Order::default, clock);
    assert_eq!([outcome.round_trip, outcome.response], [3 * MS; 2]);
    assert_eq!(outcome.sender.asked_at, connection.now);
    assert_eq!(readings.get(), 1);
}
