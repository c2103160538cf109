//! The analysis of one TCP flow, in an array of its own beside the slots. Pure decisions about it are in
//! [`track::tcp_analysis`](crate::track::tcp_analysis).
//!
//! A packet writes the first cache line; the others are written when there is something to count.

use super::slot::DIRECTIONS;

/// Bits of [`Sender::known`].
pub mod known {
    /// [`Sender::next`](super::Sender::next) is known.
    pub const SENT: u8 = 1;
    /// [`Sender::acknowledged`](super::Sender::acknowledged) and [`Sender::window`](super::Sender::window) are known.
    pub const ACKNOWLEDGED: u8 = 2;
    /// Octets before `next` have not been seen: [`Gap`](super::Gap).
    pub const GAP: u8 = 4;
    /// The segment that is timed opened the connection.
    pub const OPENING: u8 = 8;
}

/// Sequence numbers and times of one direction: half a cache line.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// The sequence number behind the last octet that was sent.
    pub next: u32,
    /// The highest acknowledgment number that was sent.
    pub acknowledged: u32,
    /// The acknowledgment number that ends the round trip that is timed.
    pub timed: u32,
    /// The window advertised last, not scaled.
    pub window: u16,
    /// Bits of [`known`].
    pub known: u8,
    /// Fills the word.
    pub reserved: u8,
    /// When the timed segment was seen, `CLOCK_MONOTONIC`, ns; 0 if none is timed.
    pub timed_at: u64,
    /// When the last request was seen, `CLOCK_MONOTONIC`, ns; 0 if none waits for a response.
    pub asked_at: u64,
}

/// Octets that are missing in the sequence: they took another way, come later than the octets after them, or were lost.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    /// Sequence number of the first octet.
    pub start: u32,
    /// Sequence number behind the last octet.
    pub end: u32,
    /// When the gap was found, `CLOCK_MONOTONIC`, ns.
    pub at: u64,
}

/// Samples of a latency, ns each.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Samples. Atomic.
    pub samples: u64,
    /// Their sum. Atomic.
    pub sum: u64,
    /// Sum of the differences between each sample and the sample before it. Atomic.
    pub variation: u64,
    /// The last sample.
    pub last: u64,
    /// The least sample of the interval; 0 without samples. User space sets it to 0 when a record is made.
    pub min: u64,
    /// The greatest sample of the interval; otherwise like `min`.
    pub max: u64,
}

/// Counters of the segments of one direction. Segments of a super-packet count one by one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Segments with octets that had been seen before. Atomic.
    pub retransmissions: u64,
    /// Octets that had been seen before. Atomic.
    pub retransmitted_octets: u64,
    /// Segments that filled a gap too soon to have been sent again. Atomic.
    pub out_of_order: u64,
    /// Duplicate acknowledgments. Atomic.
    pub duplicate_acks: u64,
    /// Segments that advertised a window of zero. Atomic.
    pub zero_windows: u64,
    /// Resets. Atomic.
    pub resets: u64,
}

/// All counts of one direction.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Counters.
    pub counters: Counters,
    /// The latest gap; valid if [`known::GAP`] is set.
    pub gap: Gap,
    /// Round trips from here to the receiver and back.
    pub round_trip: Latency,
    /// The round trip of the segment that opened the connection, ns; 0 if it was not seen.
    pub handshake: u64,
    /// Fills the line.
    pub reserved: u64,
    /// Times from the end of a request to the first segment of the response.
    pub response: Latency,
    /// Fills the line.
    pub reserved_too: [u64; 2],
}

/// The analysis of one flow: directions as in a slot's lanes.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpAnalysis {
    /// One cache line.
    pub senders: [Sender; DIRECTIONS],
    /// Three cache lines each.
    pub directions: [Direction; DIRECTIONS],
}
