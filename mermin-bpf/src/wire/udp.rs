//! UDP (RFC 768).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of the header.
pub const LENGTH: usize = 8;

/// Reads both ports at `at`, where `available` octets of the IP packet remain.
///
/// With `whole`, the datagram's own length is compared with `available`. That is wrong for a fragment, and for a
/// super-packet, whose header may have the length of one segment.
///
/// # Errors
/// [`Reason::MalformedUdp`] when the header is truncated or its length is invalid. 0 is valid: RFC 2675 writes it in jumbograms.
#[inline(always)]
pub fn parse<B: Bytes>(
    frame: B,
    at: usize,
    available: u32,
    whole: bool,
) -> Result<[u16; 2], Reason> {
    let header = frame.window::<LENGTH>(at).ok_or(Reason::MalformedUdp)?;
    let length = u32::from(header.be16(4));
    if available < LENGTH as u32 {
        return Err(Reason::MalformedUdp);
    }
    if whole && length != 0 && (length < LENGTH as u32 || length > available) {
        return Err(Reason::MalformedUdp);
    }
    Ok([header.be16(0), header.be16(2)])
}

/// Octets behind the header: by its length if that is of the `whole` datagram, else all that are available.
#[inline(always)]
pub fn content<B: Bytes>(frame: B, at: usize, available: u32, whole: bool) -> u32 {
    let claimed = frame
        .window::<LENGTH>(at)
        .map_or(0, |header| u32::from(header.be16(4)));
    let octets = if whole && claimed != 0 {
        claimed
    } else {
        available
    };
    octets.saturating_sub(LENGTH as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::with;

    /// From port 5353 to port 53, 12 octets in all.
    const DATAGRAM: [u8; 12] = [0x14, 0xe9, 0x00, 0x35, 0x00, 0x0c, 0x00, 0x00, 1, 2, 3, 4];

    fn claiming(length: u16, available: u32, whole: bool) -> Result<[u16; 2], Reason> {
        let bytes = with(DATAGRAM.to_vec(), 4, &length.to_be_bytes());
        parse(&bytes[..], 0, available, whole)
    }

    #[test]
    fn header_fields_are_read() {
        assert_eq!(parse(&DATAGRAM[..], 0, 12, true), Ok([5353, 53]));
    }

    #[test]
    fn valid_length_is_taken() {
        assert_eq!(claiming(8, 12, true), Ok([5353, 53]), "trailing octets");
        assert_eq!(claiming(0, 12, true), Ok([5353, 53]), "jumbogram");
    }

    #[test]
    fn invalid_length_is_malformed() {
        for length in 1..8 {
            assert_eq!(claiming(length, 12, true), Err(Reason::MalformedUdp));
        }
        assert_eq!(claiming(13, 12, true), Err(Reason::MalformedUdp));
        assert_eq!(claiming(8, 7, true), Err(Reason::MalformedUdp));
        assert_eq!(claiming(8, 7, false), Err(Reason::MalformedUdp));
    }

    #[test]
    fn coverage_may_be_the_whole_or_a_part() {
        assert_eq!(claiming(2000, 12, false), Ok([5353, 53]), "first fragment");
        assert_eq!(claiming(3, 12, false), Ok([5353, 53]), "super-packet");
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = parse(&DATAGRAM[..length], 0, 12, true);
            assert_eq!(cut, Err(Reason::MalformedUdp), "{length} octets");
        }
    }
}
