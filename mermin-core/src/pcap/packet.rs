//! A packet of a capture, as a parser finds it in the buffer.

use std::ops::Range;

use super::time::Time;

/// A record or block longer than this is damage. The longest packets that are captured have 256 KiB.
pub(super) const LONGEST: u32 = 16 << 20;

/// One packet of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Where its octets are, for [`Capture::octets`](super::Capture::octets); until the next [`Capture::fill`](super::Capture::fill).
    pub(super) at: Range<usize>,
    /// Octets it had on the wire; no fewer than were captured.
    pub(crate) length: u32,
    /// When it was captured; simple packet blocks of pcapng have no time.
    pub(crate) time: Option<Time>,
    /// Where it was captured: place in [`Capture::interfaces`](super::Capture::interfaces).
    pub(crate) interface: usize,
}

#[cfg(feature = "__lab")]
impl Packet {
    /// One that is in no capture.
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

/// Outcome of parsing the octets at hand.
pub(super) enum Parsed {
    /// A packet; the buffer has moved past it.
    Packet(Packet),
    /// Something else; likewise.
    Other,
    /// This many octets must be at hand at once to read what is next.
    Needs(usize),
}
