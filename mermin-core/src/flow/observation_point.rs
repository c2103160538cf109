//! Interfaces that saw the same conversation.

use std::{sync::Arc, time::SystemTime};

/// An interface that saw the conversation (an Observation Point of RFC 7011).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ObservationPoint {
    /// Kernel index.
    pub index: u32,
    /// Its name.
    pub name: Arc<str>,
    /// Its counts, if conversations are [merged](crate::Join::Merged).
    pub counts: Option<PointCounts>,
}

impl ObservationPoint {
    /// Largest number of interfaces in one record.
    pub const MOST: usize = 16;

    /// Creates an interface without counts.
    #[must_use]
    pub fn new(index: u32, name: impl Into<Arc<str>>) -> Self {
        Self {
            index,
            name: name.into(),
            counts: None,
        }
    }
}

/// Counts of a conversation at one interface since its first packet there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PointCounts {
    /// Time of the first packet there, exact to the nanosecond.
    pub start: SystemTime,
    /// Packets on the wire from the record's source to its destination.
    pub packets: u64,
    /// IP octets of these packets.
    pub octets: u64,
    /// Packets in the reverse direction.
    pub reverse_packets: u64,
    /// IP octets of these packets.
    pub reverse_octets: u64,
}

impl PointCounts {
    /// Creates counts of zero for a conversation that began there at this time.
    #[must_use]
    pub const fn new(start: SystemTime) -> Self {
        Self {
            start,
            packets: 0,
            octets: 0,
            reverse_packets: 0,
            reverse_octets: 0,
        }
    }
}
