//! `MikroTik`'s Ethernet over IP: GRE of version 1 with a payload type and a key of its own.

use super::{Bytes, Carrier, Window, kind};
use crate::{abi::ledger::Reason, wire::ethertype};

/// Octets of the header.
pub const LENGTH: usize = 8;
/// The GRE flags it always has: a key, version 1.
pub const FLAGS: u16 = 0x2001;

/// Reads the header at `at`, where `available` octets of the IP packet remain. With `whole`, its length is compared
/// with them. A keepalive has no payload.
///
/// The tunnel's id is the lower half of the key, and the only number here in little-endian order.
///
/// # Errors
/// [`Reason::MalformedTunnel`] when the header is truncated or longer than the packet.
#[inline(always)]
pub fn parse<B: Bytes>(
    bytes: B,
    at: usize,
    available: u32,
    whole: bool,
) -> Result<Carrier, Reason> {
    let header = bytes.window::<LENGTH>(at).ok_or(Reason::MalformedTunnel)?;
    let claimed = LENGTH as u32 + u32::from(header.be16(4));
    let end = if whole { claimed } else { available };
    if available < LENGTH as u32 || end > available {
        return Err(Reason::MalformedTunnel);
    }
    Ok(Carrier {
        tunnel: kind::EOIP,
        id: header.be16(6).swap_bytes().into(),
        has_id: true,
        kind: ethertype::ETHERNET,
        length: LENGTH,
        end,
        truncated: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::with;

    /// Two octets for tunnel 10.
    const HEADER: [u8; 10] = [0x20, 0x01, 0x64, 0x00, 0, 2, 10, 0, 1, 2];

    #[test]
    fn header_fields_are_read() {
        let carrier = parse(&HEADER[..], 0, 10, true).unwrap();
        assert_eq!((carrier.id, carrier.length, carrier.end), (10, 8, 10));
        assert_eq!(carrier.kind, ethertype::ETHERNET);
        let bytes = with(HEADER.to_vec(), 6, &[1, 2]);
        assert_eq!(parse(&bytes[..], 0, 10, true).unwrap().id, 0x201);
        let keepalive = with(HEADER.to_vec(), 5, &[0]);
        assert_eq!(parse(&keepalive[..], 0, 10, true).unwrap().end, 8);
    }

    #[test]
    fn invalid_lengths_are_malformed() {
        let longer = with(HEADER.to_vec(), 5, &[3]);
        let malformed = Err(Reason::MalformedTunnel);
        assert_eq!(parse(&longer[..], 0, 10, true), malformed);
        assert_eq!(parse(&longer[..], 0, 10, false).unwrap().end, 10, "a part");
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..LENGTH {
            let cut = parse(&HEADER[..length], 0, 10, true);
            assert_eq!(cut, Err(Reason::MalformedTunnel), "{length} octets");
            let short = parse(&HEADER[..], 0, length as u32, true);
            assert_eq!(short, Err(Reason::MalformedTunnel), "{length} octets");
        }
    }
}
