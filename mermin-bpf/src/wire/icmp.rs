//! ICMP (RFC 792) and ICMPv6 (RFC 4443).

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets up to and including the identifier.
pub const LENGTH: usize = 8;

/// The fields that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Message type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// The two octets that are the identifier in a query or its answer.
    pub identifier: u16,
}

/// Reads the header at `at`, where `available` octets of the IP packet remain.
///
/// # Errors
/// [`Reason::MalformedIcmp`] when it is truncated.
#[inline(always)]
pub fn parse<B: Bytes>(frame: B, at: usize, available: u32) -> Result<Icmp, Reason> {
    let header = frame.window::<LENGTH>(at).ok_or(Reason::MalformedIcmp)?;
    if available < LENGTH as u32 {
        return Err(Reason::MalformedIcmp);
    }
    Ok(Icmp {
        kind: header.u8(0),
        code: header.u8(1),
        identifier: header.be16(4),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Echo request, identifier 0x1234, sequence 1.
    const PING: [u8; LENGTH] = [0x08, 0x00, 0x00, 0x00, 0x12, 0x34, 0x00, 0x01];

    #[test]
    fn header_fields_are_read() {
        let expected = Icmp {
            kind: 8,
            code: 0,
            identifier: 0x1234,
        };
        assert_eq!(parse(&PING[..], 0, 8), Ok(expected));
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = parse(&PING[..length], 0, 8);
            assert_eq!(cut, Err(Reason::MalformedIcmp), "{length} octets");
        }
        assert_eq!(parse(&PING[..], 0, 7), Err(Reason::MalformedIcmp));
    }
}
