//! L2TP's data messages: of version 2 (RFC 2661), and of version 3 (RFC 3931) over UDP and over IP. Nothing on
//! the wire describes the frames that [`pseudowire`] finds in those of version 3.

use super::{Bytes, Carrier, Window, kind, pseudowire};
use crate::{abi::ledger::Reason, wire::ppp};

const CONTROL: u16 = 0x8000;
const LENGTH: u16 = 0x4000;
const SEQUENCE: u16 = 0x0800;
const OFFSET: u16 = 0x0200;
const VERSION: u16 = 0x000f;
/// Octets of the shortest header, of version 2.
const SHORTEST: usize = 6;
/// Octets of optional fields.
const FIELD: usize = 2;
const SEQUENCE_NUMBERS: usize = 4;
const IDS: usize = 4;
/// Octets of the header of version 3, before a cookie: over UDP, and over IP.
const LENGTH_UDP: usize = 8;
const LENGTH_IP: usize = 4;
/// The shortest PPP frame with a packet in it.
const PPP: usize = 4;

/// The protocol around a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// A datagram: version 2 or 3.
    Udp,
    /// IP: version 3.
    Ip,
}

/// Reads a message at `at`, where `available` octets of the packet around it remain; `None` for control messages, other versions,
/// and invalid lengths. With `whole`, lengths are compared with those octets.
///
/// The id is that of tunnel and session, which the receiver chose; for version 3 it is that of the session.
///
/// # Errors
/// [`Reason::MalformedTunnel`] if the header is within the packet and out of reach.
#[inline(always)]
pub fn parse<B: Bytes>(
    bytes: B,
    over: Over,
    at: usize,
    available: u32,
    whole: bool,
) -> Result<Option<Carrier>, Reason> {
    let own = match over {
        Over::Ip => LENGTH_IP,
        Over::Udp if available < SHORTEST as u32 => return Ok(None),
        Over::Udp => {
            let header = bytes
                .window::<SHORTEST>(at)
                .ok_or(Reason::MalformedTunnel)?;
            let flags = header.be16(0);
            match flags & (CONTROL | VERSION) {
                2 => return second(bytes, at, flags, available, whole),
                3 => LENGTH_UDP,
                _ => return Ok(None),
            }
        }
    };
    // One state for both: the search in version 3 has more paths than all other tunnels.
    third(bytes, at, bytes.barrier_var(own), available, whole)
}

#[inline(always)]
fn second<B: Bytes>(
    bytes: B,
    at: usize,
    flags: u16,
    available: u32,
    whole: bool,
) -> Result<Option<Carrier>, Reason> {
    let field = |flag: u16, octets: usize| if flags & flag == 0 { 0 } else { octets };
    let ids_at = FIELD + field(LENGTH, FIELD);
    let before_offset = ids_at + IDS + field(SEQUENCE, SEQUENCE_NUMBERS);
    let mut length = bytes.barrier_var(before_offset + field(OFFSET, FIELD));
    if available < length as u32 {
        return Ok(None);
    }
    let id = bytes
        .window::<IDS>(bytes.barrier_var(at + ids_at))
        .ok_or(Reason::MalformedTunnel)?
        .be32(0);
    if flags & OFFSET != 0 {
        let padding = bytes.window::<FIELD>(bytes.barrier_var(at + before_offset));
        length += usize::from(padding.ok_or(Reason::MalformedTunnel)?.be16(0));
    }
    let mut end = available;
    if whole && flags & LENGTH != 0 {
        let claimed = bytes.window::<FIELD>(bytes.barrier_var(at + FIELD));
        end = claimed.ok_or(Reason::MalformedTunnel)?.be16(0).into();
    }
    if end > available || end < (length + PPP) as u32 {
        return Ok(None);
    }
    let length = bytes.barrier_var(length);
    let ppp = ppp::parse(bytes, bytes.barrier_var(at + length)).ok_or(Reason::MalformedTunnel)?;
    Ok(Some(Carrier {
        tunnel: kind::L2TP,
        id,
        has_id: true,
        kind: ppp.kind,
        length: length + ppp.length,
        end,
        truncated: false,
    }))
}

/// Version 3: `own` octets end with the session's id, which is 0 in control messages.
#[inline(always)]
fn third<B: Bytes>(
    bytes: B,
    at: usize,
    own: usize,
    available: u32,
    whole: bool,
) -> Result<Option<Carrier>, Reason> {
    if available < own as u32 {
        return Ok(None);
    }
    let session = bytes
        .window::<IDS>(at + own - IDS)
        .ok_or(Reason::MalformedTunnel)?
        .be32(0);
    if session == 0 {
        return Ok(None);
    }
    let room = available - own as u32;
    let found = pseudowire::find(bytes, at + own, room, whole)?;
    Ok(found.map(|found| Carrier {
        tunnel: kind::L2TP,
        id: session,
        has_id: true,
        kind: found.kind,
        length: own + found.length,
        end: available,
        truncated: false,
    }))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::{
        ethertype,
        testing::{ipv4, join, with},
    };

    /// Tunnel 0x0102, session 0x0304, and IPv4 in PPP.
    fn message(flags: u16) -> Vec<u8> {
        let content = join(&[&[0xff, 3, 0, 0x21], &ipv4(6, &[])]);
        let mut bytes = flags.to_be_bytes().to_vec();
        if flags & LENGTH != 0 {
            bytes.extend([0, 0]);
        }
        bytes.extend([1, 2, 3, 4]);
        if flags & SEQUENCE != 0 {
            bytes.extend([0, 7, 0, 8]);
        }
        if flags & OFFSET != 0 {
            bytes.extend([0, 3, 9, 9, 9]);
        }
        bytes.extend(content);
        let length = (bytes.len() as u16).to_be_bytes();
        if flags & LENGTH == 0 {
            bytes
        } else {
            with(bytes, 2, &length)
        }
    }

    fn read(bytes: &[u8]) -> Result<Option<Carrier>, Reason> {
        parse(bytes, Over::Udp, 0, bytes.len() as u32, true)
    }

    #[test]
    fn every_optional_field_is_read() {
        for (flags, length) in [
            (0x0002, 10),
            (0x4002, 12),
            (0x0802, 14),
            (0x4a02, 21),
            (0x0202, 15),
            // Priority, and what is reserved.
            (0x3502, 10),
        ] {
            let bytes = message(flags);
            let found = read(&bytes).unwrap().unwrap();
            assert_eq!(
                (found.id, found.length),
                (0x0102_0304, length),
                "{flags:#x}"
            );
            assert_eq!(found.kind, ethertype::IPV4);
            assert_eq!(found.end as usize, bytes.len());
        }
        let padded = join(&[&message(0x4002), &[0; 6]]);
        assert_eq!(read(&padded).unwrap().unwrap().end, 32);
    }

    #[test]
    fn other_payloads_are_no_tunnel() {
        assert_eq!(read(&message(0xc802)), Ok(None), "a control message");
        for version in [0, 1, 4, 15] {
            let other = with(message(0x0002), 1, &[version]);
            assert_eq!(read(&other), Ok(None), "version {version}");
        }
        for length in [0, 8, 11, 33, 0xffff_u16] {
            let lying = with(message(0x4002), 2, &length.to_be_bytes());
            assert_eq!(read(&lying), Ok(None), "{length}");
            let part = parse(&lying[..], Over::Udp, 0, 32, false);
            assert!(part.is_ok_and(|found| found.is_some()), "a part");
        }
        let far = with(message(0x0202), 6, &[1]);
        assert_eq!(read(&far), Ok(None));
        for octets in 0..SHORTEST + PPP {
            assert_eq!(read(&message(0x0002)[..octets]), Ok(None));
        }
    }

    #[test]
    fn cut_header_is_malformed() {
        let bytes = message(0x4a02);
        for length in 0..21 {
            let cut = parse(&bytes[..length], Over::Udp, 0, bytes.len() as u32, true);
            assert_eq!(cut, Err(Reason::MalformedTunnel), "{length} octets");
        }
    }
}
