//! GRE (RFC 2784, RFC 2890), and NVGRE (RFC 7637), which on the wire is GRE with a key around Ethernet. Other protocols on
//! it have files of their own: [`erspan`], [`pptp`], [`eoip`].

use super::{Bytes, Carrier, Window, eoip, erspan, kind, pptp};
use crate::{
    abi::ledger::Reason,
    wire::{ethertype, ppp},
};

/// Octets of the header without optional fields.
pub const LENGTH: usize = 4;
const FIELD: usize = 4;
const CHECKSUM: u16 = 0x8000;
/// Source routes (RFC 1701), which are obsolete.
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const VERSION: u16 = 0x0007;
/// Enhanced GRE (RFC 2637).
const VERSION_1: u16 = 1;

/// Reads the header at `at`, where `available` octets of the IP packet remain, and the protocol built on GRE behind it; `None` for
/// source routes, for an unknown version, and for contents of version 1 that are unknown. With `whole`, the lengths of payloads in it
/// must fit into these octets.
///
/// # Errors
/// [`Reason::MalformedTunnel`] when a header is truncated or longer than the packet.
#[inline(always)]
pub fn parse<B: Bytes>(
    bytes: B,
    at: usize,
    available: u32,
    whole: bool,
) -> Result<Option<Carrier>, Reason> {
    let header = bytes.window::<LENGTH>(at).ok_or(Reason::MalformedTunnel)?;
    if available < LENGTH as u32 {
        return Err(Reason::MalformedTunnel);
    }
    let (flags, content) = (header.be16(0), header.be16(2));
    if flags & ROUTING != 0 {
        return Ok(None);
    }
    match flags & VERSION {
        0 => {}
        VERSION_1 if content == ethertype::PPP && flags & KEY != 0 => {
            return Ok(Some(pptp::parse(bytes, at, flags, available, whole)?));
        }
        VERSION_1 if content == ethertype::EOIP && flags == eoip::FLAGS => {
            return Ok(Some(eoip::parse(bytes, at, available, whole)?));
        }
        _ => return Ok(None),
    }
    let carrier = plain(bytes, at, flags, content, available)?;
    match content {
        ethertype::ERSPAN if flags & SEQUENCE == 0 => {
            Ok(Some(erspan::bare(carrier.length, available)))
        }
        ethertype::ERSPAN | ethertype::ERSPAN_3 => {
            erspan::parse(bytes, at, carrier.length, available)
        }
        ethertype::PPP => over_ppp(bytes, at, carrier).map(Some),
        ethertype::WCCP => redirected(bytes, at, carrier).map(Some),
        _ => Ok(Some(carrier)),
    }
}

/// The same for the content that Linux passes to a GRE device (`gre_parse_header` in `net/ipv4/gre_demux.c`): version 0 alone,
/// and WCCP as the only protocol built on GRE. `None` for other versions and source routes.
///
/// # Errors
/// As [`parse`].
#[inline(always)]
pub fn parse_own<B: Bytes>(bytes: B, at: usize, available: u32) -> Result<Option<Carrier>, Reason> {
    let header = bytes.window::<LENGTH>(at).ok_or(Reason::MalformedTunnel)?;
    let (flags, content) = (header.be16(0), header.be16(2));
    if flags & (ROUTING | VERSION) != 0 {
        return Ok(None);
    }
    let carrier = plain(bytes, at, flags, content, available)?;
    match content {
        ethertype::WCCP => redirected(bytes, at, carrier).map(Some),
        _ => Ok(Some(carrier)),
    }
}

/// Reads the optional fields behind a header of version 0.
///
/// The whole key is the id. For NVGRE its upper 24 bits are the virtual subnet; nothing distinguishes NVGRE from other uses of
/// GRE.
#[inline(always)]
fn plain<B: Bytes>(
    bytes: B,
    at: usize,
    flags: u16,
    content: u16,
    available: u32,
) -> Result<Carrier, Reason> {
    let field = |flag: u16| if flags & flag == 0 { 0 } else { FIELD };
    let before_key = LENGTH + field(CHECKSUM);
    let has_key = flags & KEY != 0;
    let length = before_key + field(KEY) + field(SEQUENCE);
    if available < length as u32 {
        return Err(Reason::MalformedTunnel);
    }
    let id = if has_key {
        let key = bytes.window::<FIELD>(bytes.barrier_var(at + before_key));
        key.ok_or(Reason::MalformedTunnel)?.be32(0)
    } else {
        0
    };
    Ok(Carrier {
        tunnel: kind::GRE,
        id,
        has_id: has_key,
        kind: content,
        length,
        end: available,
        truncated: false,
    })
}

/// PPP in GRE without PPTP.
#[inline(always)]
fn over_ppp<B: Bytes>(bytes: B, at: usize, carrier: Carrier) -> Result<Carrier, Reason> {
    let begin = bytes.barrier_var(at + carrier.length);
    let ppp = ppp::parse(bytes, begin).ok_or(Reason::MalformedTunnel)?;
    let length = carrier.length + ppp.length;
    if carrier.end < length as u32 {
        return Err(Reason::MalformedTunnel);
    }
    Ok(Carrier {
        kind: ppp.kind,
        length,
        ..carrier
    })
}

/// An IPv4 packet that a router redirects to a cache. Version 2 of WCCP puts four octets before it. They are there if
/// the first octet behind GRE is not that of an IPv4 header.
#[inline(always)]
fn redirected<B: Bytes>(bytes: B, at: usize, carrier: Carrier) -> Result<Carrier, Reason> {
    let first = bytes.window::<1>(bytes.barrier_var(at + carrier.length));
    let is_packet = first.ok_or(Reason::MalformedTunnel)?.u8(0) >> 4 == 4;
    Ok(Carrier {
        kind: ethertype::IPV4,
        length: carrier.length + if is_packet { 0 } else { FIELD },
        ..carrier
    })
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
        let carrier = parse(&bytes[..], 0, 16, true).unwrap().unwrap();
        assert_eq!(carrier.kind, ethertype::IPV4);
        (carrier.length, carrier.has_id.then_some(carrier.id))
    }

    #[test]
    fn every_set_of_fields_is_read() {
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
    fn other_payloads_are_no_tunnel() {
        for other in [[0x30, 0x01], [0x40, 0], [0, 7]] {
            let bytes = with(HEADER.to_vec(), 0, &other);
            assert_eq!(parse(&bytes[..], 0, 16, true), Ok(None), "{other:02x?}");
        }
    }

    #[test]
    fn cut_header_is_malformed() {
        for length in 0..16 {
            let short = parse(&HEADER[..], 0, length, true);
            assert_eq!(short, Err(Reason::MalformedTunnel), "{length} octets");
        }
        for length in 0..12 {
            let cut = parse(&HEADER[..length], 0, 16, true);
            assert_eq!(cut, Err(Reason::MalformedTunnel), "{length} octets");
        }
    }
}
