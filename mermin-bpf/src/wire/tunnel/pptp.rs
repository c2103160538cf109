//! PPTP's user data: PPP in enhanced GRE (RFC 2637 section 4.1).

use super::{Bytes, Carrier, Window, kind};
use crate::{abi::ledger::Reason, wire::ppp};

/// Octets of the header with its key.
pub const LENGTH: usize = 8;
const FIELD: usize = 4;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;

/// Reads the header at `at`, whose GRE `flags` have a key, where `available` octets of the IP packet remain. With `whole`, its
/// length is compared with them.
///
/// The upper half of the key is the payload's length, the lower the call's id, which its receiver chose. An acknowledgment
/// alone has no payload.
///
/// # Errors
/// [`Reason::MalformedTunnel`] when a header is truncated or longer than the packet.
#[inline(always)]
pub fn parse<B: Bytes>(
    bytes: B,
    at: usize,
    flags: u16,
    available: u32,
    whole: bool,
) -> Result<Carrier, Reason> {
    let header = bytes.window::<LENGTH>(at).ok_or(Reason::MalformedTunnel)?;
    let field = |flag: u16| if flags & flag == 0 { 0 } else { FIELD };
    let mut length = LENGTH + field(SEQUENCE) + field(ACKNOWLEDGMENT);
    let payload = u32::from(header.be16(4));
    let claimed = length as u32 + payload;
    let end = if whole { claimed } else { available };
    if available < length as u32 || end > available {
        return Err(Reason::MalformedTunnel);
    }
    let mut kind = 0;
    if payload != 0 {
        let ppp =
            ppp::parse(bytes, bytes.barrier_var(at + length)).ok_or(Reason::MalformedTunnel)?;
        length += ppp.length;
        kind = ppp.kind;
        if end < length as u32 {
            return Err(Reason::MalformedTunnel);
        }
    }
    Ok(Carrier {
        tunnel: kind::PPTP,
        id: header.be16(6).into(),
        has_id: true,
        kind,
        length,
        end,
        truncated: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ethertype, testing::with};

    /// Sequence number and acknowledgment; six octets of payload for call 7: address, control, IPv4 and two more.
    const HEADER: [u8; 22] = [
        0x30, 0x81, 0x88, 0x0b, 0, 6, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0x03, 0x00, 0x21, 0x45, 0,
    ];

    fn parsed(bytes: &[u8], available: u32, whole: bool) -> Result<Carrier, Reason> {
        let flags = u16::from_be_bytes([bytes[0], bytes[1]]);
        parse(bytes, 0, flags, available, whole)
    }

    #[test]
    fn every_set_of_fields_is_read() {
        let carrier = parsed(&HEADER, 22, true).unwrap();
        assert_eq!((carrier.id, carrier.kind), (7, ethertype::IPV4));
        assert_eq!((carrier.length, carrier.end), (20, 22));
        let padded = parsed(&HEADER, 30, true).unwrap();
        assert_eq!(padded.end, 22, "the header says where it ends");
        // No acknowledgment: its place is PPP's.
        let bytes = with(with(HEADER.to_vec(), 1, &[0x01]), 12, &[0x57, 0x60]);
        let carrier = parsed(&bytes, 22, true).unwrap();
        assert_eq!((carrier.length, carrier.end), (13, 18));
        assert_eq!(carrier.kind, ethertype::IPV6);
    }

    #[test]
    fn acknowledgment_alone_carries_nothing() {
        let bytes = [0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 7, 0, 0, 0, 2];
        let carrier = parsed(&bytes, 12, true).unwrap();
        assert_eq!((carrier.length, carrier.end), (12, 12));
    }

    #[test]
    fn invalid_lengths_are_malformed() {
        let malformed = Err(Reason::MalformedTunnel);
        let longer = with(HEADER.to_vec(), 4, &[0, 7]);
        assert_eq!(parsed(&longer, 22, true), malformed);
        assert_eq!(parsed(&longer, 22, false).unwrap().end, 22, "a part");
        let shorter = with(HEADER.to_vec(), 4, &[0, 3]);
        assert_eq!(parsed(&shorter, 22, true), malformed, "than PPP's header");
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 2..21 {
            let cut = parsed(&HEADER[..length], 22, true);
            // PPP asks for two octets where its protocol field may be one.
            let expected = length < 20;
            assert_eq!(cut.is_err(), expected, "{length} octets");
            let short = parsed(&HEADER, length as u32, true);
            assert_eq!(short, Err(Reason::MalformedTunnel), "{length} octets");
        }
    }
}
