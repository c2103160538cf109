//! Ethernet in IP (RFC 3378).

use super::{Bytes, Carrier, Window, kind};
use crate::{abi::ledger::Reason, wire::ethertype};

/// Octets of the header.
pub const LENGTH: usize = 2;
const VERSION: u8 = 0xf0;
const VERSION_3: u8 = 0x30;

/// Reads the header at `at`, where `available` octets of the IP packet remain; `None` for another version. Reserved bits are
/// ignored (RFC 3378 section 3).
///
/// # Errors
/// [`Reason::MalformedTunnel`] when the header is truncated.
#[inline(always)]
pub fn parse<B: Bytes>(bytes: B, at: usize, available: u32) -> Result<Option<Carrier>, Reason> {
    let header = bytes.window::<LENGTH>(at).ok_or(Reason::MalformedTunnel)?;
    if available < LENGTH as u32 {
        return Err(Reason::MalformedTunnel);
    }
    if header.u8(0) & VERSION != VERSION_3 {
        return Ok(None);
    }
    Ok(Some(Carrier {
        tunnel: kind::ETHERIP,
        id: 0,
        has_id: false,
        kind: ethertype::ETHERNET,
        length: LENGTH,
        end: available,
        truncated: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_fields_are_read() {
        for header in [[0x30, 0], [0x3a, 0xbc]] {
            let carrier = parse(&header[..], 0, 2).unwrap().unwrap();
            assert_eq!((carrier.kind, carrier.length), (ethertype::ETHERNET, 2));
            assert!(!carrier.has_id);
        }
    }

    #[test]
    fn another_version_is_something_else() {
        for header in [[0x40, 0], [0x03, 0], [0, 0]] {
            assert_eq!(parse(&header[..], 0, 2), Ok(None));
        }
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let header = [0x30, 0];
            let cut = parse(&header[..length], 0, 2);
            assert_eq!(cut, Err(Reason::MalformedTunnel), "{length} octets");
            let short = parse(&header[..], 0, length as u32);
            assert_eq!(short, Err(Reason::MalformedTunnel), "{length} octets");
        }
    }
}
