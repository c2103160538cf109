//! Adds segments to the analysis of a flow that only one thread writes.

use super::{Order, Outcome, Segment, event, follow, variation};
use crate::abi::{
    slot::DIRECTIONS,
    tcp_analysis::{Direction, Latency, TcpAnalysis},
};

impl TcpAnalysis {
    /// Takes up a segment of a direction, or a super-packet of so many, at a time in ns (0 where there is none).
    pub fn add(&mut self, direction: u8, segment: &Segment, packets: u64, now: u64) {
        let (own, peer) = sides(direction);
        let order = || Order {
            gap: self.directions[own].gap,
            handshake: self.directions.each_ref().map(|side| side.handshake),
        };
        let outcome = follow(
            &self.senders[own],
            &self.senders[peer],
            segment,
            order,
            || now,
        );
        self.senders[own] = outcome.sender;
        if outcome.events & event::ROUND_TRIP != 0 {
            self.senders[peer].timed_at = 0;
        }
        if outcome.events & event::ANSWERED != 0 {
            self.senders[peer].asked_at = 0;
        }
        self.directions[own].count(&outcome, packets);
        self.directions[peer].sample(&outcome);
    }
}

/// Places of a direction and the other one.
const fn sides(direction: u8) -> (usize, usize) {
    let own = direction as usize & (DIRECTIONS - 1);
    (own, own ^ 1)
}

impl Direction {
    /// Counts a segment of this direction.
    fn count(&mut self, outcome: &Outcome, packets: u64) {
        let counters = &mut self.counters;
        for (event, counter) in [
            (event::RETRANSMITTED, &mut counters.retransmissions),
            (event::OUT_OF_ORDER, &mut counters.out_of_order),
            (event::DUPLICATE_ACK, &mut counters.duplicate_acks),
            (event::ZERO_WINDOW, &mut counters.zero_windows),
            (event::RESET, &mut counters.resets),
        ] {
            if outcome.events & event != 0 {
                *counter += packets;
            }
        }
        counters.retransmitted_octets += u64::from(outcome.octets);
        if outcome.events & event::GAP != 0 {
            self.gap = outcome.gap;
        }
    }

    /// Takes up samples that a segment of the other direction has ended.
    fn sample(&mut self, outcome: &Outcome) {
        if outcome.events & event::ROUND_TRIP != 0 {
            self.round_trip.add(outcome.round_trip);
        }
        if outcome.events & event::HANDSHAKE != 0 {
            self.handshake = outcome.round_trip;
        }
        if outcome.events & event::RESPONSE != 0 {
            self.response.add(outcome.response);
        }
    }
}

impl Latency {
    /// Adds a sample.
    fn add(&mut self, sample: u64) {
        self.samples += 1;
        self.sum = self.sum.wrapping_add(sample);
        self.variation = self.variation.wrapping_add(variation(self.last, sample));
        self.last = sample;
        if self.min == 0 || sample < self.min {
            self.min = sample;
        }
        self.max = self.max.max(sample);
    }
}
