//! Teredo (RFC 4380): IPv6 in datagrams, behind indications between client and server.
//!
//! Few bits distinguish an IPv6 header from other bytes, so a datagram counts as Teredo only if one inner address is a
//! client's (`2001::/32`) or the sender's is link-local.

use super::{Bytes, Carrier, Window, kind};
use crate::{
    abi::ledger::Reason,
    wire::{ipv6, walk_start::WalkStart},
};

/// The first indication: lengths of an identifier and an authentication value, these two, a nonce, and a confirmation.
const AUTHENTICATION: u16 = 1;
const AUTHENTICATION_LENGTH: usize = 13;
/// The second indication: a client's port and address as its server saw them.
const ORIGIN: u16 = 0;
const ORIGIN_LENGTH: usize = 8;
/// Octets of the packet's addresses in its header.
const SOURCE_AT: usize = 8;
const DESTINATION_AT: usize = 24;
/// `2001::/32`: the prefix of clients.
const CLIENTS: u32 = 0x2001_0000;
/// `fe80::/10`: the prefix of a client that asks its server.
const LINK_LOCAL: u32 = 0xfe80_0000;
const LINK_LOCAL_MASK: u32 = 0xffc0_0000;

/// Steps over the indications at `at` of a datagram, where `available` octets of it remain; `None` unless a packet of IPv6
/// follows whose addresses are those of a client, its server or a relay.
///
/// # Errors
/// [`Reason::MalformedTunnel`] if the header is within the datagram and out of reach.
#[inline(always)]
pub fn parse<B: Bytes>(bytes: B, at: usize, available: u32) -> Result<Option<Carrier>, Reason> {
    const HEADER: u32 = ipv6::LENGTH as u32;
    if available < HEADER {
        return Ok(None);
    }
    let first = bytes.window::<4>(at).ok_or(Reason::MalformedTunnel)?;
    let mut length = 0;
    if first.be16(0) == AUTHENTICATION {
        length = AUTHENTICATION_LENGTH + usize::from(first.u8(2)) + usize::from(first.u8(3));
    }
    if available < length as u32 + HEADER {
        return Ok(None);
    }
    let second = bytes.window::<2>(bytes.barrier_var(at + length));
    if second.ok_or(Reason::MalformedTunnel)?.be16(0) == ORIGIN {
        length += ORIGIN_LENGTH;
    }
    if available < length as u32 + HEADER {
        return Ok(None);
    }
    let length = bytes.barrier_var(length);
    let header = bytes
        .window::<{ ipv6::LENGTH }>(bytes.barrier_var(at + length))
        .ok_or(Reason::MalformedTunnel)?;
    let (source, destination) = (header.be32(SOURCE_AT), header.be32(DESTINATION_AT));
    let is_theirs =
        source == CLIENTS || destination == CLIENTS || source & LINK_LOCAL_MASK == LINK_LOCAL;
    Ok((header.u8(0) >> 4 == 6 && is_theirs).then_some(Carrier {
        tunnel: kind::TEREDO,
        id: 0,
        has_id: false,
        // Its length has to agree as well.
        kind: WalkStart::BARE_IP,
        length,
        end: available,
        truncated: false,
    }))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::testing::{ipv6, join, teredo, with};

    fn length(bytes: &[u8]) -> Result<Option<usize>, Reason> {
        parse(bytes, 0, bytes.len() as u32).map(|found| found.map(|found| found.length))
    }

    fn packet() -> Vec<u8> {
        with(ipv6(59, &[]), DESTINATION_AT, &[0x20, 1, 0, 0])
    }

    #[test]
    fn packet_behind_any_indications_is_found() {
        for (authentication, origin, expected) in [
            (None, false, 0),
            (None, true, 8),
            (Some([0, 0]), false, 13),
            (Some([3, 20]), true, 44),
            (Some([100, 255]), true, 376),
        ] {
            let found = length(&teredo(authentication, origin, &packet()));
            assert_eq!(found, Ok(Some(expected)));
        }
    }

    #[test]
    fn teredo_is_recognised_by_its_addresses() {
        let other = ipv6(59, &[]);
        assert_eq!(length(&other), Ok(None));
        for (at, prefix) in [
            (8, [0x20, 1, 0, 0]),
            (8, [0xfe, 0x80, 0, 0]),
            (24, [0x20, 1, 0, 0]),
        ] {
            assert_eq!(length(&with(other.clone(), at, &prefix)), Ok(Some(0)));
        }
        let to_a_neighbour = with(other, 24, &[0xfe, 0x80]);
        assert_eq!(length(&to_a_neighbour), Ok(None));
    }

    #[test]
    fn other_payloads_are_no_tunnel() {
        assert_eq!(length(&with(packet(), 0, &[0x45])), Ok(None));
        let long = teredo(Some([255, 255]), false, &[]);
        assert_eq!(length(&with(long, 2, &[255, 255])[..100]), Ok(None));
        let twice = join(&[&[0; 8], &teredo(None, true, &packet())]);
        assert_eq!(length(&twice), Ok(None));
        for length in 0..40 {
            assert_eq!(self::length(&packet()[..length]), Ok(None));
        }
    }

    #[test]
    fn cut_header_is_malformed() {
        let bytes = teredo(Some([1, 1]), true, &packet());
        for length in 0..bytes.len() {
            let cut = parse(&bytes[..length], 0, bytes.len() as u32);
            assert_eq!(cut, Err(Reason::MalformedTunnel), "{length} octets");
        }
    }
}
