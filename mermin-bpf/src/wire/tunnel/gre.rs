//! GRE (RFC 2784, RFC 2890), and NVGRE (RFC 7637), which on the wire is GRE with a key around Ethernet.

use super::{Bytes, Carrier, Window, kind};
use crate::abi::ledger::Reason;

/// Octets of the header without optional fields.
pub const LENGTH: usize = 4;
const FIELD: usize = 4;
const CHECKSUM: u16 = 0x8000;
/// Source routes (RFC 1701), which nobody sends any more.
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const VERSION: u16 = 0x0007;

/// Reads the header at `at`, of which the IP packet holds `available` octets; `None` for another version (PPTP) and for
/// source routes.
///
/// The whole key is the id. Of NVGRE its upper 24 bits are the virtual subnet; nothing tells it from other users of GRE.
///
/// # Errors
/// [`Reason::MalformedTunnel`] when the header is cut.
#[inline(always)]
pub fn parse<B: Bytes>(bytes: B, at: usize, available: u32) -> Result<Option<Carrier>, Reason> {
    let header = bytes.window::<LENGTH>(at).ok_or(Reason::MalformedTunnel)?;
    if available < LENGTH as u32 {
        return Err(Reason::MalformedTunnel);
    }
    let flags = header.be16(0);
    if flags & (VERSION | ROUTING) != 0 {
        return Ok(None);
    }
    let field = |flag: u16| if flags & flag == 0 { 0 } else { FIELD };
    let before_key = LENGTH + field(CHECKSUM);
    let has_key = flags & KEY != 0;
    let length = before_key + field(KEY) + field(SEQUENCE);
    if available < length as u32 {
        return Err(Reason::MalformedTunnel);
    }
    let id = if has_key {
        let key = bytes.window::<FIELD>(bytes.blur(at + before_key));
        key.ok_or(Reason::MalformedTunnel)?.be32(0)
    } else {
        0
    };
    Ok(Some(Carrier {
        tunnel: kind::GRE,
        id,
        has_id: has_key,
        kind: header.be16(2),
        length,
        end: available,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ethertype, testing::with};

    /// Checksum, key 0x0a0b0c0d, sequence number; IPv4.
    const HEADER: [u8; 16] = [
        0xb0, 0, 0x08, 0x00, 0xff, 0xff, 0, 0, 0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 1,
    ];

    fn flags(flags: u8) -> (usize, Option<u32>) {
        let bytes = with(HEADER.to_vec(), 0, &[flags]);
        let carrier = parse(&bytes[..], 0, 16).unwrap().unwrap();
        assert_eq!(carrier.kind, ethertype::IPV4);
        (carrier.length, carrier.has_id.then_some(carrier.id))
    }

    #[test]
    fn every_set_of_fields() {
        assert_eq!(flags(0x00), (4, None));
        assert_eq!(flags(0x80), (8, None));
        assert_eq!(flags(0x10), (8, None));
        assert_eq!(flags(0x90), (12, None));
        assert_eq!(flags(0x20), (8, Some(0xffff_0000)), "the key comes first");
        assert_eq!(flags(0x30), (12, Some(0xffff_0000)));
        assert_eq!(flags(0xa0), (12, Some(0x0a0b_0c0d)));
        assert_eq!(flags(0xb0), (16, Some(0x0a0b_0c0d)));
    }

    #[test]
    fn what_is_something_else() {
        for other in [[0x30, 0x01], [0x40, 0], [0, 7]] {
            let bytes = with(HEADER.to_vec(), 0, &other);
            assert_eq!(parse(&bytes[..], 0, 16), Ok(None), "{other:02x?}");
        }
    }

    #[test]
    fn a_cut_header_is_malformed() {
        for length in 0..16 {
            let short = parse(&HEADER[..], 0, length);
            assert_eq!(short, Err(Reason::MalformedTunnel), "{length} octets");
        }
        for length in 0..12 {
            let cut = parse(&HEADER[..length], 0, 16);
            assert_eq!(cut, Err(Reason::MalformedTunnel), "{length} octets");
        }
    }
}
