//! A packet of a capture, as a parser finds it in the buffer.

use std::ops::Range;

use super::time::Time;

/// A longer record or block is damaged. The longest captured packets have 256 KiB.
pub(super) const LONGEST: u32 = 16 << 20;

/// One packet of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Place of its octets, for [`Capture::octets`](super::Capture::octets); valid until the next
    /// [`Capture::fill`](super::Capture::fill).
    pub(super) at: Range<usize>,
    /// Octets on the wire; at least as many as were captured.
    pub(crate) length: u32,
    /// Time of capture; simple packet blocks of pcapng have none.
    pub(crate) time: Option<Time>,
    /// Index into [`Capture::interfaces`](super::Capture::interfaces).
    pub(crate) interface: usize,
}

#[cfg(feature = "__lab")]
impl Packet {
    /// Creates a packet for tests.
    pub(crate) fn synthetic(octets: usize, at: std::time::Duration) -> Self {
        Self {
            at: 0..0,
            length: u32::try_from(octets).unwrap_or(u32::MAX),
            time: i64::try_from(at.as_nanos())
                .ok()
                .map(|at| Time { at, resolution: 1 }),
            interface: 0,
        }
    }
}

/// Outcome of parsing the octets in memory.
pub(super) enum Parsed {
    /// A packet. The buffer has moved past it.
    Packet(Packet),
    /// Something else. The buffer has moved past it.
    Other,
    /// The next item needs this many octets in memory.
    Needs(usize),
}
