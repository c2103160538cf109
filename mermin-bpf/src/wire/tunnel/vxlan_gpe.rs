//! VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe): VXLAN with a next protocol.

use super::{Bytes, Carrier, Window, kind};
use crate::{abi::ledger::Reason, wire::nsh};

/// Octets of the header.
pub const LENGTH: usize = 8;
const VERSION: u8 = 0x30;
/// The network identifier is valid.
const INSTANCE: u8 = 0x08;
/// The next protocol is present: without it, this is not VXLAN-GPE.
const NEXT_PROTOCOL: u8 = 0x04;

/// Reads the header at `at` of a datagram, where `available` octets of it remain; `None` for another version, and
/// without a known next protocol. Flags for broadcast and maintenance are ignored.
///
/// # Errors
/// [`Reason::MalformedTunnel`] if the header is within the datagram and out of reach.
#[inline(always)]
pub fn parse<B: Bytes>(bytes: B, at: usize, available: u32) -> Result<Option<Carrier>, Reason> {
    if available < LENGTH as u32 {
        return Ok(None);
    }
    let header = bytes.window::<LENGTH>(at).ok_or(Reason::MalformedTunnel)?;
    let flags = header.u8(0);
    if flags & (VERSION | NEXT_PROTOCOL) != NEXT_PROTOCOL {
        return Ok(None);
    }
    let has_id = flags & INSTANCE != 0;
    Ok(nsh::ethertype(header.u8(3)).map(|content| Carrier {
        tunnel: kind::VXLAN_GPE,
        id: if has_id { header.be32(4) >> 8 } else { 0 },
        has_id,
        kind: content,
        length: LENGTH,
        end: available,
        truncated: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ethertype, testing::with};

    /// IPv6, VNI 42.
    const HEADER: [u8; LENGTH] = [0x0c, 0, 0, 2, 0, 0, 0x2a, 0];

    fn read(at: usize, octet: u8) -> Option<Carrier> {
        parse(&with(HEADER.to_vec(), at, &[octet])[..], 0, 8).unwrap()
    }

    #[test]
    fn header_fields_are_read() {
        let carrier = read(0, 0x0c).unwrap();
        assert_eq!((carrier.id, carrier.has_id, carrier.length), (42, true, 8));
        assert_eq!(carrier.kind, ethertype::IPV6);
        // Broadcast, maintenance, and what is reserved.
        assert_eq!(read(0, 0xcf), Some(carrier));
        let unnamed = read(0, 0x04).unwrap();
        assert_eq!((unnamed.id, unnamed.has_id), (0, false));
    }

    #[test]
    fn payload_protocol_is_read() {
        for (next, expected) in [
            (1, ethertype::IPV4),
            (2, ethertype::IPV6),
            (3, ethertype::ETHERNET),
            (4, ethertype::NSH),
            (5, ethertype::MPLS),
        ] {
            assert_eq!(read(3, next).unwrap().kind, expected, "{next}");
        }
        assert_eq!(read(0, 0x08), None, "VXLAN");
        for next in [0, 6, 0x80, 0xff] {
            assert_eq!(read(3, next), None, "{next}");
        }
    }

    #[test]
    fn another_version_is_something_else() {
        for version in [0x10, 0x20, 0x30] {
            assert_eq!(read(0, 0x0c | version), None);
        }
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
