//! LLC and SNAP behind an IEEE 802.3 length (IEEE 802.2; RFC 1042).

use super::{
    bytes::{Bytes, Window},
    ethertype, ip,
    l3_start::L3Start,
};
use crate::abi::ledger::Reason;

/// Octets of LLC and SNAP.
pub const LENGTH: usize = 8;
/// Octets of LLC alone, for unnumbered information.
const UNNUMBERED: usize = 3;
/// The greatest length. Numbers between it and the least EtherType have no meaning.
const LONGEST: u16 = 1500;
/// Both service access points, and the control octet of unnumbered information.
const SNAP: u32 = 0xaa_aa03;
const IP: u32 = 0x06_0603;
/// The organization whose numbers are EtherTypes, and that of IEEE 802.1H's tunnel between bridges.
const ETHERTYPES: u32 = 0;
const BRIDGE_TUNNEL: u32 = 0xf8;

/// The payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Its EtherType.
    pub kind: u16,
    /// Its offset.
    pub at: usize,
    /// Its end, by the length.
    pub end: u32,
}

/// True if a number in the place of an EtherType is a length that headers may follow.
#[inline(always)]
#[must_use]
pub const fn is_length(kind: u16) -> bool {
    kind <= LONGEST
}

/// Reads the headers at `at` behind a `length`, in a layer that ends at `end`. The length is ignored if it may be that of one
/// `segmented` part.
///
/// IP without SNAP (service access point 6) is recognised if a valid IPv4 header follows.
///
/// # Errors
/// [`Reason::MalformedEthernet`] if headers are truncated, or the length before an EtherType is beyond the layer;
/// [`Reason::Llc`] for a frame without an EtherType.
#[inline(always)]
pub fn parse<B: Bytes>(
    bytes: B,
    length: u16,
    at: usize,
    end: u32,
    segmented: bool,
) -> Result<Carried, Reason> {
    let claimed = at as u32 + u32::from(length);
    let lies = claimed > end;
    let (lies, end) = if segmented {
        (false, end)
    } else {
        (lies, if lies { end } else { claimed })
    };
    if !is_length(length) || (at + LENGTH) as u32 > end {
        return Err(Reason::Llc);
    }
    let header = bytes
        .window::<LENGTH>(at)
        .ok_or(Reason::MalformedEthernet)?;
    match header.be32(0) >> 8 {
        SNAP => {
            let kind = header.be16(6);
            let organization = header.be32(2) & 0xff_ffff;
            if !matches!(organization, ETHERTYPES | BRIDGE_TUNNEL) || kind < ethertype::LOWEST {
                return Err(Reason::Llc);
            }
            if lies {
                return Err(Reason::MalformedEthernet);
            }
            let at = at + LENGTH;
            Ok(Carried { kind, at, end })
        }
        IP => {
            let (kind, at) = (ethertype::IPV4, at + UNNUMBERED);
            let reached = L3Start {
                kind,
                at,
                end,
                mac_at: 0,
            };
            if lies || !ip::can_begin(bytes, &reached, !segmented) {
                return Err(Reason::Llc);
            }
            Ok(Carried { kind, at, end })
        }
        _ => Err(Reason::Llc),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::testing::{ipv4, join, snap, with};

    fn read(bytes: &[u8], length: u16) -> Result<(u16, usize, u32), Reason> {
        parse(bytes, length, 0, bytes.len() as u32, false)
            .map(|carried| (carried.kind, carried.at, carried.end))
    }

    #[test]
    fn length_tells_packet_from_padding() {
        for (organization, kind) in [(0, ethertype::IPV4), (0xf8, 0x8137)] {
            let bytes = snap(organization, kind, &[1; 20]);
            assert_eq!(read(&bytes, 28), Ok((kind, 8, 28)));
            let padded = join(&[&bytes, &[0; 18]]);
            assert_eq!(read(&padded, 28), Ok((kind, 8, 28)));
        }
    }

    #[test]
    fn frames_without_ethertype_have_a_reason() {
        let bytes = snap(0, ethertype::IPV4, &[1; 20]);
        // Cisco's, a tree of bridges, raw IPX, other control octets, a number that is no EtherType.
        for (at, octets) in [
            (3, &[0, 0, 0x0c][..]),
            (3, &[0xf8, 0, 0]),
            (0, &[0x42, 0x42, 3]),
            (0, &[0xff, 0xff]),
            (2, &[0xaf]),
            (6, &[0x05, 0xff]),
        ] {
            let other = with(bytes.clone(), at, octets);
            assert_eq!(read(&other, 28), Err(Reason::Llc), "{octets:x?}");
        }
        // Too short for both headers, and between lengths and EtherTypes.
        assert_eq!(read(&bytes, 7), Err(Reason::Llc));
        assert_eq!(read(&bytes[..7], 28), Err(Reason::Llc));
        assert_eq!(read(&snap(0, 0x0800, &[0; 1493]), 1501), Err(Reason::Llc));
    }

    #[test]
    fn length_beyond_the_frame_is_malformed() {
        let bytes = snap(0, ethertype::IPV4, &[1; 20]);
        assert_eq!(read(&bytes, 29), Err(Reason::MalformedEthernet));
        let part = parse(&bytes[..], 1500, 0, 28, true);
        assert_eq!(part.map(|carried| carried.end), Ok(28));
    }

    #[test]
    fn ip_without_snap_has_to_be_ip() {
        let packet = ipv4(6, &[]);
        let bytes = join(&[&[6, 6, 3], &packet]);
        assert_eq!(read(&bytes, 23), Ok((ethertype::IPV4, 3, 23)));
        for (at, octet) in [(3, 0x65), (3, 0x44), (6, 21), (2, 0xaf)] {
            let other = with(bytes.clone(), at, &[octet]);
            assert_eq!(read(&other, 23), Err(Reason::Llc), "{octet}");
        }
        assert_eq!(read(&bytes, 24), Err(Reason::Llc));
    }

    #[test]
    fn truncated_headers_are_malformed() {
        let bytes = snap(0, ethertype::IPV4, &[]);
        for length in 0..LENGTH {
            let cut = parse(&bytes[..length], 28, 0, 28, false);
            assert_eq!(cut, Err(Reason::MalformedEthernet), "{length} octets");
        }
    }
}
