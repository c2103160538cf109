//! The start of a PPP frame without flags and check sequence (RFC 1661, RFC 1662), as tunnels carry it.

use super::{
    bytes::{Bytes, Window},
    ethertype,
};

/// Address (all stations) and control field (unnumbered frame).
const ALL_STATIONS: u16 = 0xff03;
/// Octets of these two fields.
const ADDRESS_AND_CONTROL: usize = 2;
/// A protocol number is odd in its lower octet and even in its upper one, so an odd first octet is the whole number.
const COMPRESSED: u8 = 1;
/// Protocol numbers (IANA).
const IPV4: u16 = 0x0021;
const IPV6: u16 = 0x0057;
const MPLS: u16 = 0x0281;
const MPLS_UPSTREAM: u16 = 0x0283;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ppp {
    /// EtherType of the payload; 0 for PPP's own protocols, and for compressed or encrypted payload.
    pub kind: u16,
    /// Octets of the header.
    pub length: usize,
}

/// Reads the header at `at`, whose address and control field may be left out and whose protocol field may be one octet;
/// `None` if it is truncated.
///
/// A frame of three octets or fewer is truncated: it has no packet.
#[inline(always)]
pub fn parse<B: Bytes>(bytes: B, at: usize) -> Option<Ppp> {
    let mut length = 0;
    if bytes.window::<2>(at)?.be16(0) == ALL_STATIONS {
        length = ADDRESS_AND_CONTROL;
    }
    let field = bytes.window::<2>(bytes.barrier_var(at + length))?;
    let protocol = if field.u8(0) & COMPRESSED == 0 {
        length += 2;
        field.be16(0)
    } else {
        length += 1;
        u16::from(field.u8(0))
    };
    let kind = match protocol {
        IPV4 => ethertype::IPV4,
        IPV6 => ethertype::IPV6,
        MPLS => ethertype::MPLS,
        MPLS_UPSTREAM => ethertype::MPLS_UPSTREAM,
        _ => 0,
    };
    Some(Ppp { kind, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(octets: &[u8]) -> Option<(u16, usize)> {
        parse(octets, 0).map(|header| (header.kind, header.length))
    }

    #[test]
    fn compressed_fields_may_be_left_out() {
        for (header, octets) in [
            (&[0xff, 0x03, 0x00, 0x21, 0x45][..], 4),
            (&[0x00, 0x21, 0x45], 2),
            (&[0xff, 0x03, 0x21, 0x45], 3),
            (&[0x21, 0x45], 1),
        ] {
            assert_eq!(parsed(header), Some((ethertype::IPV4, octets)));
        }
        assert_eq!(parsed(&[0x57, 0x60]), Some((ethertype::IPV6, 1)));
        assert_eq!(parsed(&[0x02, 0x81]), Some((ethertype::MPLS, 2)));
        assert_eq!(parsed(&[0x02, 0x83]), Some((ethertype::MPLS_UPSTREAM, 2)));
    }

    #[test]
    fn frames_without_a_packet_have_a_reason() {
        // LCP, a compressed datagram (CCP), a part of a multilink packet.
        for (octets, length) in [
            (&[0xff, 0x03, 0xc0, 0x21][..], 4),
            (&[0x00, 0xfd], 2),
            (&[0xfd, 0x90], 1),
            (&[0x3d, 0xc0], 1),
        ] {
            assert_eq!(parsed(octets), Some((0, length)), "{octets:02x?}");
        }
    }

    #[test]
    fn cut_header_is_none() {
        for octets in [
            &[][..],
            &[0x21],
            &[0xff],
            &[0xff, 0x03],
            &[0xff, 0x03, 0x21],
        ] {
            assert_eq!(parsed(octets), None, "{octets:02x?}");
        }
    }
}
