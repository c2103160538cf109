//! GTP-U (3GPP TS 29.281): user data in G-PDUs.

use super::{Bytes, Carrier, Window, kind};
use crate::{abi::ledger::Reason, wire::walk_start::WalkStart};

/// Octets of the header without optional fields.
pub const LENGTH: usize = 8;
/// Octets of sequence number, N-PDU number and next extension; all three or none are present.
const OPTIONAL: usize = 4;
/// Extension headers that are followed.
pub const DEPTH: usize = 4;
/// Mask and value of version and protocol type. GTP' has the other type.
const VERSION: u8 = 0xf0;
const GTP_1: u8 = 0x30;
const ANY_OPTIONAL: u8 = 0x07;
const EXTENSION: u8 = 0x04;
/// A packet of a user.
const G_PDU: u8 = 255;

/// Reads the header at `at` of a datagram, where `available` octets of it remain, and steps over its extension headers; `None`
/// for another version, for messages between the endpoints, and for invalid lengths. With `whole`, its length is compared
/// with them.
///
/// # Errors
/// [`Reason::MalformedTunnel`] if the header is within the datagram and out of reach, [`Reason::TooDeep`] for more
/// than [`DEPTH`] extension headers.
#[inline(always)]
pub fn parse<B: Bytes>(
    bytes: B,
    at: usize,
    available: u32,
    whole: bool,
) -> Result<Option<Carrier>, Reason> {
    if available < LENGTH as u32 {
        return Ok(None);
    }
    let header = bytes.window::<LENGTH>(at).ok_or(Reason::MalformedTunnel)?;
    let flags = header.u8(0);
    let claimed = LENGTH as u32 + u32::from(header.be16(2));
    if flags & VERSION != GTP_1 || header.u8(1) != G_PDU || (whole && claimed > available) {
        return Ok(None);
    }
    let end = if whole { claimed } else { available };
    let mut length = LENGTH;
    if flags & ANY_OPTIONAL != 0 {
        let room = at as u32 + end;
        match extensions(bytes, at + LENGTH, room, flags & EXTENSION != 0)? {
            Some(behind) => length = behind.wrapping_sub(at),
            None => return Ok(None),
        }
    }
    Ok(Some(Carrier {
        tunnel: kind::GTPU,
        id: header.be32(4),
        has_id: true,
        kind: WalkStart::BARE_IP,
        length,
        end,
        truncated: false,
    }))
}

/// End of the optional fields at `at` and the extension headers behind them; `None` if that is beyond `room`, or a header has
/// length 0.
#[inline(always)]
fn extensions<B: Bytes>(
    bytes: B,
    at: usize,
    room: u32,
    extended: bool,
) -> Result<Option<usize>, Reason> {
    let mut end = at + OPTIONAL;
    if end as u32 > room {
        return Ok(None);
    }
    let optional = bytes
        .window::<OPTIONAL>(at)
        .ok_or(Reason::MalformedTunnel)?;
    if !extended {
        return Ok(Some(end));
    }
    let mut next = optional.u8(3);
    for _ in 0..DEPTH {
        if next == 0 {
            break;
        }
        if end as u32 >= room {
            return Ok(None);
        }
        // A header has its length in words; its last octet names the next one.
        let length = usize::from(bytes.window::<1>(end).ok_or(Reason::MalformedTunnel)?.u8(0)) * 4;
        end = bytes.barrier_var(end + length);
        if length == 0 || end as u32 > room {
            return Ok(None);
        }
        next = bytes
            .window::<1>(end.wrapping_sub(1))
            .ok_or(Reason::MalformedTunnel)?
            .u8(0);
    }
    if next == 0 {
        Ok(Some(end))
    } else {
        Err(Reason::TooDeep)
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::testing::{join, with};

    /// A G-PDU of four octets, TEID 0x01020304.
    const PLAIN: [u8; 12] = [0x30, 255, 0, 4, 1, 2, 3, 4, 0x45, 0, 0, 0];

    /// The same with so many extension headers (a PDU session container's octets) and 0 behind the last.
    fn extended(count: usize) -> Vec<u8> {
        let mut bytes = join(&[&[0x34, 255, 0, 0, 1, 2, 3, 4, 0, 0, 0]]);
        for _ in 0..count {
            bytes.extend([0x85, 1, 0x10, 9]);
        }
        bytes.extend([0, 0x45, 0, 0, 0]);
        let length = (bytes.len() - LENGTH) as u16;
        with(bytes, 2, &length.to_be_bytes())
    }

    fn length(bytes: &[u8]) -> Result<Option<usize>, Reason> {
        parse(bytes, 0, bytes.len() as u32, true).map(|found| found.map(|found| found.length))
    }

    #[test]
    fn header_fields_are_read() {
        let carrier = parse(&PLAIN[..], 0, 12, true).unwrap().unwrap();
        assert_eq!((carrier.id, carrier.length), (0x0102_0304, 8));
        assert_eq!(carrier.kind, WalkStart::BARE_IP);
    }

    #[test]
    fn optional_fields_and_extension_headers_are_skipped() {
        for flags in [0x31, 0x32, 0x33] {
            let bytes = with(with(extended(0), 0, &[flags]), 11, &[0x85]);
            assert_eq!(length(&bytes), Ok(Some(12)), "{flags:#x}: the type is void");
        }
        for count in 0..=DEPTH {
            assert_eq!(length(&extended(count)), Ok(Some(12 + 4 * count)));
        }
        assert_eq!(length(&extended(DEPTH + 1)), Err(Reason::TooDeep));
        // Two words.
        let mut long = extended(1);
        long.splice(13..13, [0; 4]);
        let long = with(with(long, 12, &[2]), 2, &[0, 16]);
        assert_eq!(length(&long), Ok(Some(20)));
    }

    #[test]
    fn other_payloads_are_no_tunnel() {
        assert_eq!(length(&with(PLAIN.to_vec(), 0, &[0x48])), Ok(None), "GTPv2");
        assert_eq!(length(&with(PLAIN.to_vec(), 0, &[0x20])), Ok(None), "GTP'");
        assert_eq!(length(&with(PLAIN.to_vec(), 1, &[1])), Ok(None), "echo");
        assert_eq!(
            length(&with(PLAIN.to_vec(), 1, &[254])),
            Ok(None),
            "end marker"
        );
    }

    #[test]
    fn invalid_lengths_are_no_tunnel() {
        let longer = with(PLAIN.to_vec(), 2, &[0, 5]);
        assert_eq!(length(&longer), Ok(None));
        assert!(
            parse(&longer[..], 0, 12, false).is_ok_and(|found| found.is_some()),
            "a part"
        );
        // Too short for its own optional fields.
        assert_eq!(length(&with(extended(1), 2, &[0, 3])), Ok(None));
        assert_eq!(length(&with(extended(1), 2, &[0, 7])), Ok(None));
        assert_eq!(length(&with(extended(1), 12, &[0])), Ok(None), "no words");
        assert_eq!(length(&with(extended(1), 12, &[255])), Ok(None));
        for octets in 0..LENGTH {
            assert_eq!(length(&PLAIN[..octets]), Ok(None), "{octets} octets");
        }
    }

    #[test]
    fn cut_header_is_malformed() {
        let bytes = extended(2);
        for length in 0..20 {
            let cut = parse(&bytes[..length], 0, bytes.len() as u32, true);
            assert_eq!(cut, Err(Reason::MalformedTunnel), "{length} octets");
        }
    }
}
