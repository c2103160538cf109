//! IPv4 (RFC 791).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of a header without options.
pub const LENGTH: usize = 20;
const FRAGMENT_OFFSET: u16 = 0x1fff;
const MORE_FRAGMENTS: u16 = 0x2000;

/// The fields that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// Sender, as in memory.
    pub source: u32,
    /// Receiver, as in memory.
    pub destination: u32,
    /// IANA protocol number.
    pub protocol: u8,
    /// Type of service.
    pub traffic_class: u8,
    /// Time to live.
    pub ttl: u8,
    /// Octets of the header with its options.
    pub header_length: u32,
    /// Octets of the packet; from the frame's length if the field is 0 (BIG TCP, segmentation offload).
    pub length: u32,
    /// Number that the fragments of one packet share.
    pub identification: u16,
    /// Not the first fragment, so it has no ports.
    pub later_fragment: bool,
    /// A fragment, first or later: transport lengths are those of the whole datagram.
    pub fragment: bool,
}

/// Reads the header at `at`, in a layer that ends at `end`. If the packet goes `on` in another fragment of its carrier, its
/// length is that of the part in this one.
///
/// # Errors
/// [`Reason::MalformedIpv4`] when it is truncated, of another version, shorter than a header, or longer than the layer.
#[inline(always)]
pub fn parse<B: Bytes>(frame: B, at: usize, end: u32, on: bool) -> Result<Ipv4, Reason> {
    let header = frame.window::<LENGTH>(at).ok_or(Reason::MalformedIpv4)?;
    let first = header.u8(0);
    let header_length = u32::from(first & 0x0f) * 4;
    let available = end.wrapping_sub(at as u32);
    let claimed = u32::from(header.be16(2));
    let length = if claimed == 0 || (on && claimed > available) {
        available
    } else {
        claimed
    };
    if first >> 4 != 4
        || header_length < LENGTH as u32
        || length < header_length
        || length > available
    {
        return Err(Reason::MalformedIpv4);
    }
    let fragment = header.be16(6);
    Ok(Ipv4 {
        source: header.raw32(12),
        destination: header.raw32(16),
        protocol: header.u8(9),
        traffic_class: header.u8(1),
        ttl: header.u8(8),
        header_length,
        length,
        identification: header.be16(4),
        later_fragment: fragment & FRAGMENT_OFFSET != 0,
        fragment: fragment & (FRAGMENT_OFFSET | MORE_FRAGMENTS) != 0,
    })
}

/// True if the octets are a header whose options are within `room`, and the packet is at least as long. If it must `fit`, the
/// packet is also no longer than `room`. A length of 0 is valid.
#[inline(always)]
pub(super) fn can_be<W: Window>(header: W, room: u32, fit: bool) -> bool {
    let first = header.u8(0);
    let header_length = u32::from(first & 0x0f) * 4;
    let claimed = u32::from(header.be16(2));
    first >> 4 == 4
        && header_length >= LENGTH as u32
        && header_length <= room
        && (claimed == 0 || (claimed >= header_length && !(fit && claimed > room)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{protocol, testing::with};

    /// A ping's header, of a packet of 84 octets.
    const HEADER: [u8; LENGTH] = [
        0x45, 0xb8, 0x00, 0x54, // version 4, 20 octets; expedited forwarding; 84 octets
        0x12, 0x34, 0x40, 0x00, // identification; do not fragment
        0x40, 0x01, 0x00, 0x00, // 64 hops, ICMP
        0xc0, 0x00, 0x02, 0x01, // 192.0.2.1
        0xc6, 0x33, 0x64, 0x02, // 198.51.100.2
    ];

    const PING: Ipv4 = Ipv4 {
        source: u32::from_ne_bytes([192, 0, 2, 1]),
        destination: u32::from_ne_bytes([198, 51, 100, 2]),
        protocol: protocol::ICMP,
        traffic_class: 0xb8,
        ttl: 64,
        header_length: 20,
        length: 84,
        identification: 0x1234,
        later_fragment: false,
        fragment: false,
    };

    fn changed(at: usize, octets: &[u8], frame_length: u32) -> Result<Ipv4, Reason> {
        parse(
            &with(HEADER.to_vec(), at, octets)[..],
            0,
            frame_length,
            false,
        )
    }

    #[test]
    fn header_fields_are_read() {
        assert_eq!(parse(&HEADER[..], 0, 84, false), Ok(PING));
    }

    #[test]
    fn padding_is_no_part_of_the_packet() {
        assert_eq!(parse(&HEADER[..], 0, 84 + 6, false), Ok(PING));
    }

    #[test]
    fn length_of_0_is_the_frames() {
        let packet = changed(2, &[0, 0], 70_020).map(|packet| packet.length);
        assert_eq!(packet, Ok(70_020));
    }

    #[test]
    fn options_belong_to_the_header() {
        let packet = changed(0, &[0x4f], 84).map(|packet| packet.header_length);
        assert_eq!(packet, Ok(60));
    }

    #[test]
    fn fragments_have_their_part() {
        let fragment = |field: u16| {
            changed(6, &field.to_be_bytes(), 84)
                .map(|packet| (packet.fragment, packet.later_fragment))
        };
        assert_eq!(fragment(0x0000), Ok((false, false)));
        assert_eq!(fragment(0x4000), Ok((false, false)), "do not fragment");
        assert_eq!(fragment(0x2000), Ok((true, false)), "first");
        assert_eq!(fragment(0x2001), Ok((true, true)), "middle");
        assert_eq!(fragment(0x1fff), Ok((true, true)), "last");
    }

    #[test]
    fn invalid_headers_are_malformed() {
        let malformed = Err(Reason::MalformedIpv4);
        assert_eq!(changed(0, &[0x65], 84), malformed, "version 6");
        assert_eq!(changed(0, &[0x44], 84), malformed, "16 octets of header");
        assert_eq!(
            changed(2, &[0, 19], 84),
            malformed,
            "shorter than its header"
        );
        assert_eq!(
            changed(0, &[0x46, 0, 0, 20], 84),
            malformed,
            "nor its options"
        );
        assert_eq!(changed(2, &[0, 85], 84), malformed, "longer than its frame");
        assert_eq!(
            parse(&HEADER[..], 0, 83, false),
            malformed,
            "in a shorter frame"
        );
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = parse(&HEADER[..length], 0, 84, false);
            assert_eq!(cut, Err(Reason::MalformedIpv4), "{length} octets");
        }
    }

    #[test]
    fn packet_that_goes_on_elsewhere_has_the_octets_that_are_here() {
        let length = |end| parse(&HEADER[..], 0, end, true).map(|packet| packet.length);
        assert_eq!(length(50), Ok(50));
        assert_eq!(length(2000), Ok(84));
        assert_eq!(length(LENGTH as u32 - 1), Err(Reason::MalformedIpv4));
    }
}
