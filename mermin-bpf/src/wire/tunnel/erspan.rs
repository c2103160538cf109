//! ERSPAN: mirrored frames in GRE (draft-foschiano-erspan). Type I is GRE alone; II and III have a header behind it.

use super::{Bytes, Carrier, Window, kind};
use crate::{
    abi::ledger::Reason,
    wire::{ethertype, walk_start::WalkStart},
};

/// Octets of the header of type II.
pub const LENGTH_2: usize = 8;
/// Octets of the header of type III without the part for one platform.
pub const LENGTH_3: usize = 12;
/// Octets of that part.
const PLATFORM: usize = 8;
/// Versions in the header.
const TYPE_2: u16 = 1;
const TYPE_3: u16 = 2;
const VERSION_AT: u32 = 12;
const SESSION: u16 = 0x03ff;
/// The mirror truncated the frame for the path to the collector.
const TRUNCATED: u16 = 0x0400;
/// Type of the mirrored frame.
const FRAME_TYPE: u16 = 0x7c00;
const FRAME_ETHERNET: u16 = 0;
const FRAME_IP: u16 = 2 << 10;
const HAS_PLATFORM: u16 = 1;

/// A mirrored frame of type I, right behind the GRE header of `length` octets.
#[inline(always)]
#[must_use]
pub const fn bare(length: usize, available: u32) -> Carrier {
    Carrier {
        tunnel: kind::ERSPAN,
        id: 0,
        has_id: false,
        kind: ethertype::ETHERNET,
        length,
        end: available,
        truncated: false,
    }
}

/// Reads the header behind the GRE header of `length` octets at `at`, whose version means type II or III; `None`
/// for another version, and for mirrored frames that are neither Ethernet nor IP.
///
/// # Errors
/// [`Reason::MalformedTunnel`] when the header is truncated.
#[inline(always)]
pub fn parse<B: Bytes>(
    bytes: B,
    at: usize,
    length: usize,
    available: u32,
) -> Result<Option<Carrier>, Reason> {
    let at = bytes.barrier_var(at + length);
    let header = bytes
        .window::<LENGTH_2>(at)
        .ok_or(Reason::MalformedTunnel)?;
    let (kind, own) = match header.be16(0) >> VERSION_AT {
        TYPE_2 => (Some(ethertype::ETHERNET), LENGTH_2),
        TYPE_3 => third(bytes, at)?,
        _ => return Ok(None),
    };
    let length = length + own;
    if available < length as u32 {
        return Err(Reason::MalformedTunnel);
    }
    let word = header.be16(2);
    Ok(kind.map(|kind| Carrier {
        kind,
        id: (word & SESSION).into(),
        has_id: true,
        truncated: word & TRUNCATED != 0,
        ..bare(length, available)
    }))
}

/// Content of a mirrored frame and length of the header, of type III.
#[inline(always)]
fn third<B: Bytes>(bytes: B, at: usize) -> Result<(Option<u16>, usize), Reason> {
    let header = bytes
        .window::<LENGTH_3>(at)
        .ok_or(Reason::MalformedTunnel)?;
    let flags = header.be16(10);
    let platform = if flags & HAS_PLATFORM == 0 {
        0
    } else {
        PLATFORM
    };
    let kind = match flags & FRAME_TYPE {
        FRAME_ETHERNET => Some(ethertype::ETHERNET),
        FRAME_IP => Some(WalkStart::BARE_IP),
        _ => None,
    };
    Ok((kind, LENGTH_3 + platform))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::with;

    /// Version 1, VLAN 100; class 0, session 33; port 3.
    const SECOND: [u8; LENGTH_2] = [0x10, 0x64, 0x00, 0x21, 0, 0, 0, 3];
    /// Version 2, VLAN 100; session 0x321; a timestamp; no group; an Ethernet frame; the part for one platform.
    const THIRD: [u8; LENGTH_3 + PLATFORM] = [
        0x20, 0x64, 0x03, 0x21, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8,
    ];

    fn of_third(at: usize, octets: &[u8]) -> Result<Option<Carrier>, Reason> {
        parse(&with(THIRD.to_vec(), at, octets)[..], 0, 0, 20)
    }

    #[test]
    fn headers_of_each_version_are_read() {
        let carrier = parse(&SECOND[..], 0, 0, 8).unwrap().unwrap();
        assert_eq!((carrier.id, carrier.length), (33, 8));
        assert_eq!(carrier.kind, ethertype::ETHERNET);
        assert!(!carrier.truncated);
        let carrier = of_third(0, &[]).unwrap().unwrap();
        assert_eq!((carrier.id, carrier.length), (0x321, 20));
        assert_eq!(carrier.kind, ethertype::ETHERNET);
        let carrier = of_third(11, &[0]).unwrap().unwrap();
        assert_eq!(carrier.length, 12);
    }

    #[test]
    fn mirror_may_truncate_a_frame() {
        let bytes = with(SECOND.to_vec(), 2, &[0x04]);
        let carrier = parse(&bytes[..], 0, 0, 8).unwrap().unwrap();
        assert_eq!((carrier.truncated, carrier.id), (true, 33));
        assert!(of_third(2, &[0x07]).unwrap().unwrap().truncated);
    }

    #[test]
    fn mirrored_frame_may_be_ip_or_not() {
        let carrier = of_third(10, &[0x08]).unwrap().unwrap();
        assert_eq!(carrier.kind, WalkStart::BARE_IP);
        assert_eq!(of_third(10, &[0x04]), Ok(None));
    }

    #[test]
    fn another_version_is_something_else() {
        for version in [0x00, 0x30, 0xf0] {
            let bytes = with(SECOND.to_vec(), 0, &[version]);
            assert_eq!(parse(&bytes[..], 0, 0, 8), Ok(None));
        }
    }

    #[test]
    fn cut_header_is_malformed() {
        let malformed = Err(Reason::MalformedTunnel);
        for length in 0..LENGTH_2 {
            assert_eq!(parse(&SECOND[..length], 0, 0, 8), malformed, "{length}");
            let short = parse(&SECOND[..], 0, 0, length as u32);
            assert_eq!(short, malformed, "{length}");
        }
        for length in 0..LENGTH_3 {
            assert_eq!(parse(&THIRD[..length], 0, 0, 20), malformed, "{length}");
        }
        for length in 0..THIRD.len() {
            let short = parse(&THIRD[..], 0, 0, length as u32);
            assert_eq!(short, malformed, "{length}");
        }
    }
}
