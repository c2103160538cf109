//! VXLAN (RFC 7348).

use super::{Bytes, Carrier, Window, kind};
use crate::{abi::ledger::Reason, wire::ethertype};

/// Octets of the header.
pub const LENGTH: usize = 8;
/// The network identifier is valid: without it, this is not VXLAN.
const VALID: u8 = 0x08;

/// Reads the header at `at` of a datagram, where `available` octets of it remain; `None` if it is not VXLAN.
///
/// # Errors
/// [`Reason::MalformedTunnel`] if the header is within the datagram and out of reach.
#[inline(always)]
pub fn parse<B: Bytes>(bytes: B, at: usize, available: u32) -> Result<Option<Carrier>, Reason> {
    if available < LENGTH as u32 {
        return Ok(None);
    }
    let header = bytes.window::<LENGTH>(at).ok_or(Reason::MalformedTunnel)?;
    // A receiver ignores reserved bits, so they may have any value.
    if header.u8(0) & VALID == 0 {
        return Ok(None);
    }
    Ok(Some(Carrier {
        tunnel: kind::VXLAN,
        id: header.be32(4) >> 8,
        has_id: true,
        kind: ethertype::ETHERNET,
        length: LENGTH,
        end: available,
        truncated: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::with;

    /// VNI 42.
    const HEADER: [u8; LENGTH] = [0x08, 0, 0, 0, 0, 0, 0x2a, 0];

    #[test]
    fn header_fields_are_read() {
        let carrier = parse(&HEADER[..], 0, 8).unwrap().unwrap();
        assert_eq!((carrier.id, carrier.length), (42, 8));
        assert_eq!(carrier.kind, ethertype::ETHERNET);
        // Reserved fields are ignored on receipt; the group policy extension uses it.
        let bytes = with(HEADER.to_vec(), 0, &[0xff, 1, 2, 3]);
        assert_eq!(parse(&bytes[..], 0, 8), Ok(Some(carrier)));
    }

    #[test]
    fn without_the_flag_it_is_something_else() {
        let bytes = with(HEADER.to_vec(), 0, &[0xf7]);
        assert_eq!(parse(&bytes[..], 0, 8), Ok(None));
    }

    #[test]
    fn cut_header_is_malformed_and_a_short_datagram_something_else() {
        for length in 0..LENGTH {
            let cut = parse(&HEADER[..length], 0, 8);
            assert_eq!(cut, Err(Reason::MalformedTunnel), "{length} octets");
            let short = parse(&HEADER[..], 0, length as u32);
            assert_eq!(short, Ok(None), "{length} octets");
        }
    }
}
