//! SCTP (RFC 9260): the common header.

use super::bytes::{Bytes, Window};
use crate::abi::ledger::Reason;

/// Octets of the common header.
pub const LENGTH: usize = 12;

/// Reads both ports at `at`, of which the IP packet holds `available` octets.
///
/// # Errors
/// [`Reason::MalformedTransport`] when the header is cut.
#[inline(always)]
pub fn parse<B: Bytes>(frame: B, at: usize, available: u32) -> Result<[u16; 2], Reason> {
    let header = frame
        .window::<LENGTH>(at)
        .ok_or(Reason::MalformedTransport)?;
    if available < LENGTH as u32 {
        return Err(Reason::MalformedTransport);
    }
    Ok([header.be16(0), header.be16(2)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From port 2905 to port 38412, verification tag and checksum.
    const HEADER: [u8; LENGTH] = [
        0x0b, 0x59, 0x96, 0x0c, 0xde, 0xad, 0xbe, 0xef, 0x01, 0x02, 0x03, 0x04,
    ];

    #[test]
    fn a_header() {
        assert_eq!(parse(&HEADER[..], 0, 12), Ok([2905, 38_412]));
    }

    #[test]
    fn a_cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = parse(&HEADER[..length], 0, 12);
            assert_eq!(cut, Err(Reason::MalformedTransport), "{length} octets");
            let short = parse(&HEADER[..], 0, length as u32);
            assert_eq!(short, Err(Reason::MalformedTransport), "{length} octets");
        }
    }
}
