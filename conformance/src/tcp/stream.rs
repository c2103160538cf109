//! One connection: this project's analysis of it, and the octets that have passed.

use std::collections::HashMap;

use mermin_bpf::{
    abi::tcp_analysis::TcpAnalysis,
    track::tcp_analysis::{Segment, is_before},
    wire::tcp::flag,
};

use super::{field::Fields, frame::Frame, handshake::Handshake};

/// Ranges of octets that are kept of a direction.
const RANGES: usize = 4096;

/// A direction's octets so far, apart from the analysis.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Ranges of sequence numbers relative to the first one.
    ranges: Vec<[i64; 2]>,
    first: Option<u32>,
    /// The last segment was a probe or a keep-alive.
    was_probe: bool,
    /// The number behind the highest octet of data, SYN or FIN.
    data: Option<u32>,
    /// The last acknowledgment number, and the highest one.
    acknowledged: Option<[u32; 2]>,
    /// A segment was far from those before it.
    has_jumped: bool,
    /// First times of segments, by the number behind them.
    times: HashMap<u32, u64>,
}

/// A segment beside all before it.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
pub(super) struct Place {
    /// Octets of it, with SYN and FIN.
    pub(super) length: i64,
    /// Those behind the highest octet so far.
    pub(super) new: i64,
    /// Those that had passed before.
    pub(super) seen: i64,
    /// Gaps before the highest octet so far.
    pub(super) gaps: usize,
    /// It acknowledges all data, SYN and FIN of the other side that passed.
    pub(super) acknowledges_all: bool,
    /// The other side's last segment was a probe or a keep-alive.
    pub(super) answers_probe: bool,
    /// An acknowledgment without data was ahead of this segment.
    pub(super) is_behind_acknowledgment: bool,
    /// A segment of its direction was far from those before it.
    pub(super) has_jumped: bool,
    /// It is ahead of the data that passed.
    pub(super) is_ahead_of_data: bool,
    /// The acknowledgment before it in this direction was lower than an earlier one.
    pub(super) follows_older_acknowledgment: bool,
}

/// A connection.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) analysis: TcpAnalysis,
    pub(super) handshake: Handshake,
    seen: [Seen; 2],
}

/// Results for one segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) ours: Fields,
    /// Octets that it sent again.
    pub(super) octets: u64,
    /// A round trip that it ended, ns.
    pub(super) round_trip: Option<u64>,
    /// That is the time since a segment that it acknowledges first passed.
    pub(super) is_of_segment: bool,
    pub(super) place: Place,
}

impl Stream {
    pub(super) fn add(&mut self, frame: &Frame) -> Step {
        let own = usize::from(frame.direction & 1);
        let place = self.place(own, frame);
        let before = self.analysis;
        self.analysis
            .add(frame.direction, &frame.segment, 1, frame.time);
        let [before_own, after_own] =
            [&before, &self.analysis].map(|it| &it.directions[own].counters);
        let [before_peer, after_peer] =
            [&before, &self.analysis].map(|it| &it.directions[own ^ 1].round_trip);
        let is_sample = before_peer.samples != after_peer.samples;
        let round_trip = is_sample.then_some(after_peer.last);
        let since = |trip| self.seen[own ^ 1].is_acknowledged_since(frame, trip);
        let is_of_segment = round_trip.is_some_and(since);
        let step = Step {
            ours: Fields::between(before_own, after_own),
            octets: after_own.retransmitted_octets - before_own.retransmitted_octets,
            round_trip,
            is_of_segment,
            place,
        };
        self.seen[own].add(frame);
        self.handshake.add(frame, &self.analysis);
        step
    }

    fn place(&self, own: usize, frame: &Frame) -> Place {
        let (seen, peer) = (&self.seen[own], &self.seen[own ^ 1]);
        let segment = &frame.segment;
        let is_ack = segment.has(flag::ACK);
        let acknowledged = |number: u32| !is_before(segment.acknowledgment, number);
        Place {
            length: segment.length().into(),
            new: seen.data.map_or(0, |highest| {
                segment
                    .end()
                    .wrapping_sub(highest)
                    .cast_signed()
                    .max(0)
                    .into()
            }),
            seen: seen.known(segment),
            gaps: seen.ranges.len().saturating_sub(1),
            acknowledges_all: is_ack && peer.data.is_none_or(acknowledged),
            answers_probe: peer.was_probe,
            has_jumped: seen.has_jumped || seen.is_far(segment),
            is_behind_acknowledgment: seen.highest() != seen.data,
            is_ahead_of_data: seen.data.is_some_and(|it| is_before(it, segment.sequence)),
            follows_older_acknowledgment: seen
                .acknowledged
                .is_some_and(|[last, highest]| last != highest),
        }
    }
}

impl Seen {
    fn range(&self, segment: &Segment) -> [i64; 2] {
        let first = self.first.unwrap_or(segment.sequence);
        let start = i64::from(segment.sequence.wrapping_sub(first).cast_signed());
        [start, start + i64::from(segment.length())]
    }

    /// The number behind the highest octet.
    fn highest(&self) -> Option<u32> {
        let [_, end] = self.ranges.last()?;
        let end = u32::try_from(end & 0xffff_ffff).ok()?;
        Some(self.first?.wrapping_add(end))
    }

    /// True if a segment is further from the highest octet than any window reaches (RFC 7323 section 2.3).
    fn is_far(&self, segment: &Segment) -> bool {
        let distance = |highest: u32| segment.sequence.wrapping_sub(highest).cast_signed();
        self.data
            .is_some_and(|highest| distance(highest).unsigned_abs() > 1 << 30)
    }

    /// True if a segment that an acknowledgment covers had passed so long before.
    fn is_acknowledged_since(&self, frame: &Frame, trip: u64) -> bool {
        let number = frame.segment.acknowledgment;
        self.times.iter().any(|(end, time)| {
            !is_before(number, *end) && frame.time.saturating_sub(*time).max(1) == trip
        })
    }

    fn known(&self, segment: &Segment) -> i64 {
        let [start, end] = self.range(segment);
        let overlap = |&[from, to]: &[i64; 2]| (end.min(to) - start.max(from)).max(0);
        self.ranges.iter().map(overlap).sum()
    }

    fn add(&mut self, frame: &Frame) {
        let segment = &frame.segment;
        self.was_probe = frame.is_probe;
        if segment.has(flag::RST) {
            return;
        }
        self.has_jumped |= self.is_far(segment);
        let own_end = segment.end();
        if segment.length() != 0 {
            self.times.entry(own_end).or_insert(frame.time);
            if self.data.is_none_or(|highest| is_before(highest, own_end)) {
                self.data = Some(own_end);
            }
        }
        if segment.has(flag::ACK) {
            let last = segment.acknowledgment;
            let highest = self.acknowledged.map_or(last, |[_, highest]| {
                if is_before(highest, last) {
                    last
                } else {
                    highest
                }
            });
            self.acknowledged = Some([last, highest]);
        }
        let [start, end] = self.range(segment);
        if self.first.is_none() {
            self.first = Some(segment.sequence);
        }
        if self.ranges.len() < RANGES {
            self.ranges.push([start, end]);
        }
        self.ranges.sort_unstable();
        let mut merged: Vec<[i64; 2]> = Vec::with_capacity(self.ranges.len());
        for &[from, to] in &self.ranges {
            match merged.last_mut() {
                Some([_, end]) if from <= *end => *end = to.max(*end),
                _ => merged.push([from, to]),
            }
        }
        self.ranges = merged;
    }
}
