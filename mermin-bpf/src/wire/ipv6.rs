//! IPv6 (RFC 8200): the fixed header. The headers behind it are in [`extension`](super::extension).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of the header.
pub const LENGTH: usize = 40;

/// The fields that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// Sender, as in memory.
    pub source: [u64; 2],
    /// Receiver, as in memory.
    pub destination: [u64; 2],
    /// Protocol number of the next header.
    pub next_header: u8,
    /// Traffic class.
    pub traffic_class: u8,
    /// Hop limit.
    pub ttl: u8,
    /// Flow label, 20 bits.
    pub flow_label: u32,
    /// Octets of the packet with this header; from the frame's length if the field is 0 (jumbograms of RFC 2675,
    /// BIG TCP).
    pub length: u32,
    /// The header's own length was 0.
    pub jumbo: bool,
}

/// Reads the header at `at`, in a layer that ends at `end`. If the packet goes `on` in another fragment of its carrier, its
/// length is that of the part in this one.
///
/// # Errors
/// [`Reason::MalformedIpv6`] when it is truncated, of another version, or longer than the layer.
#[inline(always)]
pub fn parse<B: Bytes>(frame: B, at: usize, end: u32, on: bool) -> Result<Ipv6, Reason> {
    let header = frame.window::<LENGTH>(at).ok_or(Reason::MalformedIpv6)?;
    let first = header.be32(0);
    let available = end.wrapping_sub(at as u32);
    let payload = u32::from(header.be16(4));
    let next_header = header.u8(6);
    // A length of 0 stands for a long packet only in front of hop-by-hop options, or in a buffer longer than 65,535.
    let jumbo = payload == 0
        && (next_header == super::protocol::HOP_BY_HOP || available > u32::from(u16::MAX));
    let claimed = payload + LENGTH as u32;
    let length = if jumbo || (on && claimed > available) {
        available
    } else {
        claimed
    };
    if first >> 28 != 6 || length < LENGTH as u32 || length > available {
        return Err(Reason::MalformedIpv6);
    }
    Ok(Ipv6 {
        source: [header.raw64(8), header.raw64(16)],
        destination: [header.raw64(24), header.raw64(32)],
        next_header,
        traffic_class: (first >> 20) as u8,
        ttl: header.u8(7),
        flow_label: first & 0xf_ffff,
        length,
        jumbo,
    })
}

/// True if the octets are a header. If it must `fit`, the packet is no longer than `room`.
#[inline(always)]
pub(super) fn can_be<W: Window>(header: W, room: u32, fit: bool) -> bool {
    let claimed = u32::from(header.be16(4)) + LENGTH as u32;
    header.u8(0) >> 4 == 6 && !(fit && claimed > room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        protocol,
        testing::{self, with},
    };

    /// A header in front of 20 octets of TCP.
    const HEADER: [u8; LENGTH] = [
        0x6b, 0x81, 0x23, 0x45, // version 6, class 0xb8, label 0x12345
        0x00, 0x14, 0x06, 0x3f, // 20 octets, TCP, 63 hops
        0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // 2001:db8::1
        0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, // 2001:db8::2
    ];

    fn changed(at: usize, octets: &[u8], frame_length: u32) -> Result<Ipv6, Reason> {
        parse(
            &with(HEADER.to_vec(), at, octets)[..],
            0,
            frame_length,
            false,
        )
    }

    #[test]
    fn header_fields_are_read() {
        let half = |octets: [u8; 8]| u64::from_ne_bytes(octets);
        let prefix = half([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0]);
        let expected = Ipv6 {
            source: [prefix, half([0, 0, 0, 0, 0, 0, 0, 1])],
            destination: [prefix, half([0, 0, 0, 0, 0, 0, 0, 2])],
            next_header: protocol::TCP,
            traffic_class: 0xb8,
            ttl: 63,
            flow_label: 0x1_2345,
            length: 60,
            jumbo: false,
        };
        assert_eq!(parse(&HEADER[..], 0, 60, false), Ok(expected));
        assert_eq!(
            parse(&HEADER[..], 0, 66, false),
            Ok(expected),
            "with padding"
        );
    }

    #[test]
    fn test_frame_builder_agrees() {
        let built = testing::ipv6(protocol::TCP, &[0; 20]);
        assert_eq!(built[..LENGTH], HEADER);
    }

    #[test]
    fn length_of_0_is_a_long_packet_or_an_empty_one() {
        let length = |next: u8, frame_length: u32| {
            changed(4, &[0, 0, next], frame_length).map(|packet| (packet.length, packet.jumbo))
        };
        assert_eq!(length(protocol::HOP_BY_HOP, 70_000), Ok((70_000, true)));
        assert_eq!(
            length(protocol::TCP, 70_000),
            Ok((70_000, true)),
            "BIG TCP without its option"
        );
        assert_eq!(length(protocol::NO_NEXT, 46), Ok((40, false)));
    }

    #[test]
    fn invalid_headers_are_malformed() {
        let malformed = Err(Reason::MalformedIpv6);
        assert_eq!(changed(0, &[0x4b], 60), malformed, "version 4");
        assert_eq!(changed(4, &[0, 21], 60), malformed, "longer than its frame");
        assert_eq!(
            parse(&HEADER[..], 0, 59, false),
            malformed,
            "in a shorter frame"
        );
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = parse(&HEADER[..length], 0, 60, false);
            assert_eq!(cut, Err(Reason::MalformedIpv6), "{length} octets");
        }
    }

    #[test]
    fn packet_that_goes_on_elsewhere_has_the_octets_that_are_here() {
        let length = |end| parse(&HEADER[..], 0, end, true).map(|packet| packet.length);
        assert_eq!(length(50), Ok(50));
        assert_eq!(length(2000), Ok(60));
        assert_eq!(length(LENGTH as u32 - 1), Err(Reason::MalformedIpv6));
    }
}
