//! The first octets of a packet's payload (IPFIX `ipPayloadPacketSection`, RFC 5477), in a ring buffer from the kernel program to
//! user space.

/// Largest number of octets of a payload that are passed.
pub const OCTETS: usize = 256;

/// Bits of [`Slot::lanes_used`](super::slot::Slot::lanes_used): the number of sections that a direction may still pass, 0
/// to 3, or that no payload has come yet, [`LAST_FRESH`](watch::LAST_FRESH) to [`FRESH`](watch::FRESH).
pub mod watch {
    use crate::abi::slot::{LANES, lane};

    const AT: u32 = 4;
    /// The bits.
    pub const MASK: u8 = 7 << AT;
    /// No payload has come yet. Each packet without payload, unless it opens the connection, lowers the value by one.
    pub const FRESH: u8 = 7;
    /// The lowest value of a direction without payload. The next packet without payload sets 0, so no section is passed any more.
    pub const LAST_FRESH: u8 = 4;

    /// The number in a lane's byte.
    #[inline(always)]
    #[must_use]
    pub const fn of(used: u8) -> u8 {
        (used & MASK) >> AT
    }

    /// A lane's byte with another number.
    #[inline(always)]
    #[must_use]
    pub const fn with(used: u8, left: u8) -> u8 {
        used & !MASK | left << AT & MASK
    }

    /// The bytes of all lanes of a flow whose payload is wanted. No lane is [unused](lane::UNUSED): a byte that is stored while
    /// another CPU counts the lane's first packet must not hide that packet.
    pub const ALL_FRESH: [u8; LANES] = [with(lane::WANTED, FRESH); LANES];
}

/// Header of a section: it precedes the octets.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SectionHeader {
    /// [`Slot::first_seen`](super::slot::Slot::first_seen): a slot that was given back has another.
    pub first_seen: u64,
    /// Precise `CLOCK_MONOTONIC` of the packet, ns.
    pub time: u64,
    /// The flow's slot.
    pub slot: u32,
    /// TCP's sequence number of the first octet; 0 for UDP.
    pub sequence: u32,
    /// Octets of the packet's payload.
    pub payload: u32,
    /// Octets of the payload that follow.
    pub length: u16,
    /// As in a slot: 0 = lower endpoint to higher.
    pub direction: u8,
    /// Zero.
    pub reserved: u8,
}

/// An element of [`MAP_SECTIONS`](super::names::MAP_SECTIONS); it ends with the last octet.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Facts of the packet.
    pub header: SectionHeader,
    /// As many as the header says.
    pub octets: [u8; OCTETS],
}
