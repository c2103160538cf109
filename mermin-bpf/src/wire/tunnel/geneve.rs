//! Geneve (RFC 8926).

use super::{Bytes, Carrier, Window, kind};
use crate::abi::ledger::Reason;

/// Octets of the header without options.
pub const LENGTH: usize = 8;
/// Words of options.
const OPTIONS: u8 = 0x3f;

/// Reads the header at `at` of a datagram, where `available` octets of it remain, and steps over its options; `None` for
/// another version, and for options that are longer than the datagram.
///
/// # Errors
/// [`Reason::MalformedTunnel`] if the header is within the datagram and out of reach.
#[inline(always)]
pub fn parse<B: Bytes>(bytes: B, at: usize, available: u32) -> Result<Option<Carrier>, Reason> {
    if available < LENGTH as u32 {
        return Ok(None);
    }
    let header = bytes.window::<LENGTH>(at).ok_or(Reason::MalformedTunnel)?;
    let first = header.u8(0);
    let length = LENGTH + usize::from(first & OPTIONS) * 4;
    if first & !OPTIONS != 0 || available < length as u32 {
        return Ok(None);
    }
    Ok(Some(Carrier {
        tunnel: kind::GENEVE,
        id: header.be32(4) >> 8,
        has_id: true,
        kind: header.be16(2),
        length,
        end: available,
        truncated: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ethertype, testing::with};

    /// Two words of options, Ethernet, VNI 0x010203.
    const HEADER: [u8; 16] = [
        0x02, 0x40, 0x65, 0x58, 1, 2, 3, 0, 0x01, 0x02, 0x80, 1, 0xde, 0xad, 0xbe, 0xef,
    ];

    #[test]
    fn header_with_options_is_read() {
        let carrier = parse(&HEADER[..], 0, 16).unwrap().unwrap();
        assert_eq!((carrier.id, carrier.length), (0x01_0203, 16));
        assert_eq!(carrier.kind, ethertype::ETHERNET);
        let bytes = with(HEADER.to_vec(), 0, &[0]);
        let carrier = parse(&bytes[..], 0, 16).unwrap().unwrap();
        assert_eq!(carrier.length, 8);
    }

    #[test]
    fn another_version_is_something_else() {
        for version in [0x40, 0x80, 0xc0] {
            let bytes = with(HEADER.to_vec(), 0, &[version]);
            assert_eq!(parse(&bytes[..], 0, 16), Ok(None));
        }
    }

    #[test]
    fn invalid_options_are_malformed() {
        assert_eq!(parse(&HEADER[..], 0, 15), Ok(None));
        let bytes = with(HEADER.to_vec(), 0, &[0x3f]);
        assert_eq!(parse(&bytes[..], 0, 259), Ok(None));
        let most = parse(&bytes[..], 0, 260).unwrap().unwrap();
        assert_eq!(most.length, 260);
    }

    #[test]
    fn cut_header_is_malformed_and_a_short_datagram_something_else() {
        for length in 0..LENGTH {
            let cut = parse(&HEADER[..length], 0, 16);
            assert_eq!(cut, Err(Reason::MalformedTunnel), "{length} octets");
            let short = parse(&HEADER[..], 0, length as u32);
            assert_eq!(short, Ok(None), "{length} octets");
        }
    }
}
