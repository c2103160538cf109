//! The part of a TCP header that the analysis takes.

use crate::wire::{
    bytes::{Bytes, Window},
    packet::Packet,
    protocol::Kind,
    tcp::{self, flag},
};

/// Payload of a packet that is not analysed: it is not TCP, or a fragment.
pub const NOT_ANALYSED: u32 = u32::MAX;

/// Octets of payload of a packet, of all segments of a super-packet; [`NOT_ANALYSED`] for another protocol than TCP.
#[inline(always)]
#[must_use]
pub const fn payload(packet: &Packet) -> u32 {
    if matches!(packet.kind, Kind::Tcp) {
        packet.ip_length.saturating_sub(packet.header_length)
    } else {
        NOT_ANALYSED
    }
}

/// A segment, or a super-packet of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Number of its first octet.
    pub sequence: u32,
    /// Acknowledgment number; of no meaning without ACK.
    pub acknowledgment: u32,
    /// Window as in the header, not scaled.
    pub window: u16,
    /// Bits of [`flag`].
    pub flags: u8,
    /// Octets of payload.
    pub payload: u32,
}

impl Segment {
    /// Octets of a header that it takes: as far as the window.
    pub const HEADER: usize = 16;

    /// Reads the header at `at`, whose flags and payload are known. `None` where the bytes end before.
    #[inline(always)]
    pub fn read<B: Bytes>(bytes: B, at: usize, flags: u8, payload: u32) -> Option<Self> {
        let header = bytes.window::<{ Self::HEADER }>(at)?;
        Some(Self::of(header, flags, payload))
    }

    /// Reads the first octets of a header.
    #[inline(always)]
    pub fn of<W: Window>(header: W, flags: u8, payload: u32) -> Self {
        Self {
            sequence: header.be32(tcp::SEQUENCE_AT),
            acknowledgment: header.be32(tcp::ACKNOWLEDGMENT_AT),
            window: header.be16(tcp::WINDOW_AT),
            flags,
            payload,
        }
    }

    /// Sequence numbers that it takes: one for each octet, one for SYN, one for FIN (RFC 9293 section 3.4).
    #[inline(always)]
    #[must_use]
    pub const fn length(&self) -> u32 {
        let syn = self.has(flag::SYN) as u32;
        let fin = self.has(flag::FIN) as u32;
        self.payload.wrapping_add(syn).wrapping_add(fin)
    }

    /// The sequence number behind it.
    #[inline(always)]
    #[must_use]
    pub const fn end(&self) -> u32 {
        self.sequence.wrapping_add(self.length())
    }

    /// True if one of these flags is set.
    #[inline(always)]
    #[must_use]
    pub const fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }
}

/// True if a sequence number comes before another one (RFC 9293 section 3.4: modulo 2^32).
#[inline(always)]
#[must_use]
pub const fn is_before(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::with;

    #[test]
    fn numbers_wrap() {
        assert!(is_before(u32::MAX, 0) && !is_before(0, u32::MAX));
        assert!(is_before(1, 2) && !is_before(2, 2) && !is_before(3, 2));
    }

    #[test]
    fn segment_is_read_from_its_header() {
        let header = crate::wire::testing::tcp([1, 2], flag::ACK, &[]);
        let header = with(header, 4, &[1, 2, 3, 4, 5, 6, 7, 8]);
        let header = with(header, 14, &[9, 10]);
        let segment = Segment {
            sequence: 0x0102_0304,
            acknowledgment: 0x0506_0708,
            window: 0x090a,
            flags: flag::ACK,
            payload: 7,
        };
        assert_eq!(Segment::read(&header[..], 0, flag::ACK, 7), Some(segment));
        assert_eq!(Segment::read(&header[..15], 0, flag::ACK, 7), None);
        assert_eq!(segment.end(), 0x0102_030b);
        let both = Segment {
            flags: flag::SYN | flag::FIN,
            ..segment
        };
        assert_eq!(both.length(), 9);
    }
}
