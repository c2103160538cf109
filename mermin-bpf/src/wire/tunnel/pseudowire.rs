//! Content of a pseudowire of L2TP version 3.
//!
//! The header has neither the length of its cookie nor the type of its content: both are negotiated for the session (RFC
//! 3931 section 4.1). So the parser looks at four places, 0, 4, 8 and 12 bytes after the session id, for a frame of Ethernet or
//! PPP (the cookie has 0, 4 or 8 bytes, the sublayer 0 or 4). It removes the tunnel if an IP packet in the frame fills
//! the rest of the datagram exactly, not counting the padding of a short frame. Otherwise, the flow is the carrier's.
//! In the first fragment of a carrier the lengths cannot agree, so EtherType, version and header length are enough
//! there.

use super::{Bytes, Window};
use crate::{
    abi::ledger::Reason,
    wire::{ethertype, vlan},
};

/// Possible lengths of a cookie (0, 4 or 8) and a sublayer (0 or 4) together.
const BETWEEN: [usize; 4] = [0, 4, 8, 12];
/// The shortest frame with an IP packet: PPP with its whole header. Ethernet frames are longer.
const SHORTEST: usize = 24;
/// Ethernet frames no longer than this may be padded, tag included.
const PADDED: u32 = 64;
const ETHERNET: u32 = 14;
const TAG: u32 = 4;
const PPP: u32 = 4;
/// Address, control and protocol of PPP.
const PPP_IPV4: u32 = 0xff03_0021;
const PPP_IPV6: u32 = 0xff03_0057;

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InnerFrame {
    /// EtherType: Ethernet, or that of PPP's content.
    pub kind: u16,
    /// Octets before its content, with PPP's header.
    pub length: usize,
}

/// Looks for a frame at each possible place, in `room` octets from `at` on. With `whole`, lengths are compared with them. `None`
/// if no place is certain.
///
/// # Errors
/// [`Reason::MalformedTunnel`] if a frame may begin there and is out of reach.
#[inline(always)]
pub fn find<B: Bytes>(
    bytes: B,
    at: usize,
    room: u32,
    whole: bool,
) -> Result<Option<InnerFrame>, Reason> {
    for between in BETWEEN {
        let Some(room) = room.checked_sub(between as u32) else {
            break;
        };
        if room < SHORTEST as u32 {
            break;
        }
        let frame = bytes
            .window::<SHORTEST>(bytes.barrier_var(at + between))
            .ok_or(Reason::MalformedTunnel)?;
        if let Some((kind, header)) = begins(frame, room, whole) {
            return Ok(Some(InnerFrame {
                kind,
                length: between + header,
            }));
        }
    }
    Ok(None)
}

/// The EtherType of a frame that begins here, and octets of PPP's header.
#[inline(always)]
fn begins<W: Window>(frame: W, room: u32, whole: bool) -> Option<(u16, usize)> {
    let ppp = frame.be32(0);
    if ppp == PPP_IPV4 || ppp == PPP_IPV6 {
        let kind = if ppp == PPP_IPV4 {
            ethertype::IPV4
        } else {
            ethertype::IPV6
        };
        let lengths = [frame.be16(6), frame.be16(8)];
        let fits = agrees(kind, frame.u8(4), lengths, room - PPP, whole.then_some(0));
        return fits.then_some((kind, PPP as usize));
    }
    let outer = frame.be16(12);
    let (kind, header, first, lengths) = if vlan::is_tag(outer) {
        let lengths = [frame.be16(20), frame.be16(22)];
        (frame.be16(16), ETHERNET + TAG, frame.u8(18), lengths)
    } else {
        let lengths = [frame.be16(16), frame.be16(18)];
        (outer, ETHERNET, frame.u8(14), lengths)
    };
    let padding = if room <= PADDED { PADDED } else { 0 };
    let fits = agrees(
        kind,
        first,
        lengths,
        room.saturating_sub(header),
        whole.then_some(padding),
    );
    fits.then_some((ethertype::ETHERNET, 0))
}

/// True if an IP header with these fields may begin a packet of `room` octets with at most this padding, or of any
/// length without that number.
#[inline(always)]
fn agrees(
    kind: u16,
    first: u8,
    [total, payload]: [u16; 2],
    room: u32,
    padding: Option<u32>,
) -> bool {
    let (shortest, length) = match (kind, first) {
        (ethertype::IPV4, 0x45..=0x4f) => (20, u32::from(total)),
        (ethertype::IPV6, 0x60..=0x6f) => (40, u32::from(payload) + 40),
        _ => return false,
    };
    let fits = padding.is_none_or(|padding| length <= room && room - length <= padding);
    fits && length >= shortest && room >= shortest
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::testing::{ethernet, ipv4, ipv6, join, tag};

    fn read(bytes: &[u8]) -> Option<(u16, usize)> {
        let found = find(bytes, 0, bytes.len() as u32, true).unwrap();
        found.map(|found| (found.kind, found.length))
    }

    fn frames() -> [(Vec<u8>, u16, usize); 6] {
        let (v4, v6) = (ipv4(17, &[9; 80]), ipv6(17, &[9; 80]));
        [
            (ethernet(ethertype::IPV4, &v4), ethertype::ETHERNET, 0),
            (ethernet(ethertype::IPV6, &v6), ethertype::ETHERNET, 0),
            (
                ethernet(ethertype::VLAN, &tag(7, ethertype::IPV4, &v4)),
                ethertype::ETHERNET,
                0,
            ),
            (
                join(&[&ethernet(ethertype::IPV4, &ipv4(6, &[])), &[0; 26]]),
                ethertype::ETHERNET,
                0,
            ),
            (join(&[&[0xff, 3, 0, 0x21], &v4]), ethertype::IPV4, 4),
            (join(&[&[0xff, 3, 0, 0x57], &v6]), ethertype::IPV6, 4),
        ]
    }

    #[test]
    fn frame_behind_any_cookie_and_sublayer_is_found() {
        for (frame, kind, header) in frames() {
            for between in BETWEEN {
                let bytes = join(&[&[0xa5; 12][..between], &frame]);
                assert_eq!(read(&bytes), Some((kind, between + header)));
                for length in 0..bytes.len() {
                    let cut = find(&bytes[..length], 0, bytes.len() as u32, true);
                    let is_same = cut == Err(Reason::MalformedTunnel)
                        || cut.is_ok_and(|found| {
                            found.is_some_and(|found| found.length == between + header)
                        });
                    assert!(is_same, "{length} octets");
                }
            }
        }
    }

    #[test]
    fn uncertain_payload_is_no_frame() {
        let arp = ethernet(ethertype::ARP, &[0; 46]);
        assert_eq!(read(&arp), None);
        for (frame, ..) in frames() {
            // An octet more or less than the packet says, and places where no frame begins.
            if frame.len() > PADDED as usize {
                let longer = join(&[&frame, &[0]]);
                assert_eq!(read(&longer), None);
            }
            assert_eq!(read(&join(&[&[0xa5; 2], &frame])), None);
            assert_eq!(read(&join(&[&[0xa5; 16], &frame])), None);
            let shorter = &frame[..frame.len() - 27];
            assert_eq!(read(shorter), None);
            let part = find(shorter, 0, shorter.len() as u32, false).unwrap();
            assert_eq!(part.is_some(), shorter.len() > 33, "{shorter:02x?}");
        }
        for length in 0..SHORTEST {
            assert_eq!(read(&[0xff; 24][..length]), None);
        }
    }
}
