//! UDP-Lite (RFC 3828): UDP with a checksum coverage in the place of the length.

use super::{
    bytes::{Bytes, Window},
    udp::LENGTH,
};
use crate::abi::ledger::Reason;

/// Reads both ports at `at`, where `available` octets of the IP packet remain. `whole` as for [`udp::parse`](super::udp::parse).
///
/// # Errors
/// [`Reason::MalformedTransport`] when the header is truncated, or the checksum coverage is within it or beyond the packet. A
/// coverage of 0 is all.
#[inline(always)]
pub fn parse<B: Bytes>(
    frame: B,
    at: usize,
    available: u32,
    whole: bool,
) -> Result<[u16; 2], Reason> {
    let header = frame
        .window::<LENGTH>(at)
        .ok_or(Reason::MalformedTransport)?;
    let covered = u32::from(header.be16(4));
    let part = covered != 0 && covered < LENGTH as u32;
    if available < LENGTH as u32 || part || (whole && covered > available) {
        return Err(Reason::MalformedTransport);
    }
    Ok([header.be16(0), header.be16(2)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::with;

    /// From port 5004 to port 5006, the header covered, 12 octets in all.
    const DATAGRAM: [u8; 12] = [0x13, 0x8c, 0x13, 0x8e, 0x00, 0x08, 0xab, 0xcd, 1, 2, 3, 4];

    fn covering(octets: u16, available: u32, whole: bool) -> Result<[u16; 2], Reason> {
        let bytes = with(DATAGRAM.to_vec(), 4, &octets.to_be_bytes());
        parse(&bytes[..], 0, available, whole)
    }

    #[test]
    fn header_fields_are_read() {
        assert_eq!(parse(&DATAGRAM[..], 0, 12, true), Ok([5004, 5006]));
    }

    #[test]
    fn coverage_is_between_header_and_packet() {
        let (ports, malformed) = (Ok([5004, 5006]), Err(Reason::MalformedTransport));
        assert_eq!(covering(0, 12, true), ports, "all");
        assert_eq!(covering(12, 12, true), ports);
        for part in 1..8 {
            assert_eq!(covering(part, 12, true), malformed, "{part}");
        }
        assert_eq!(covering(13, 12, true), malformed);
        assert_eq!(covering(13, 12, false), ports, "first fragment");
        assert_eq!(covering(8, 7, false), malformed);
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = parse(&DATAGRAM[..length], 0, 12, true);
            assert_eq!(cut, Err(Reason::MalformedTransport), "{length} octets");
        }
    }
}
