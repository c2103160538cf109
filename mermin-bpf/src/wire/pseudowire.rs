//! The payload of a stack of MPLS labels, which do not name its protocol: IP, or an Ethernet frame (RFC 4448), with or without a
//! control word.
//!
//! IP begins with its version, and a frame's receiver may begin with the same four bits. So three rules apply in order: a payload
//! whose IP length ends with the layer is IP; a payload with a valid IP header directly behind an EtherType is a frame; any other
//! payload with a version is IP. A frame is first looked for without a control word, because an untagged frame behind a control
//! word has IP at the same offset as a tagged frame without one.

use super::{
    bytes::{Bytes, Window},
    ethernet, ethertype, ip,
    l3_start::L3Start,
    vlan,
};
use crate::abi::ledger::Reason;

/// Octets of a control word: zeroes, and a number that may be in use (RFC 4448 section 4.6).
const CONTROL_WORD: usize = 4;
/// Maximum number of VLAN tags that are followed in the frame.
const TAGS: usize = 2;

/// Returns the EtherType of the payload at `at` below a stack, in a layer that ends at `end`, and its offset behind a control word;
/// a frame has the EtherType of an Ethernet header. If lengths may not `fit`, they are ignored.
///
/// # Errors
/// [`Reason::MalformedIpv4`] if there is no room for an IP header, [`Reason::OtherEthertype`] for anything else.
#[inline(always)]
pub fn content<B: Bytes>(
    bytes: B,
    at: usize,
    end: u32,
    fits: bool,
) -> Result<(u16, usize), Reason> {
    let packet = ip::version(bytes, at).unwrap_or(0);
    let room = end.saturating_sub(at as u32);
    let told = length(bytes, packet, at, end, fits);
    if told != 0 && (told == room || !fits) {
        return Ok((packet, at));
    }
    let mut begin = at;
    for _ in 0..2 {
        let (kind, ip) = behind_ethernet(bytes, begin);
        if length(bytes, kind, ip, end, fits) != 0 {
            return Ok((ethertype::ETHERNET, begin));
        }
        let control = bytes.window::<CONTROL_WORD>(at);
        if control.is_none_or(|word| word.be16(0) != 0) {
            break;
        }
        begin = bytes.barrier_var(at + CONTROL_WORD);
    }
    ip::version(bytes, at).map(|kind| (kind, at))
}

/// The EtherType behind an Ethernet header and its tags, and the offset of its payload; 0 if there is none.
#[inline(always)]
fn behind_ethernet<B: Bytes>(bytes: B, begin: usize) -> (u16, usize) {
    let mut at = begin + ethernet::LENGTH;
    let mut kind = 0;
    for _ in 0..=TAGS {
        kind = bytes.window::<2>(at - 2).map_or(0, |kind| kind.be16(0));
        if !vlan::is_tag(kind) {
            break;
        }
        at += vlan::LENGTH;
    }
    (bytes.barrier_var(kind.into()) as u16, bytes.barrier_var(at))
}

/// The length of a valid IP packet that begins there; 0 for none.
#[inline(always)]
fn length<B: Bytes>(bytes: B, kind: u16, at: usize, end: u32, fits: bool) -> u32 {
    let reached = L3Start {
        kind,
        at,
        end,
        mac_at: 0,
    };
    let length = match kind {
        ethertype::IPV4 | ethertype::IPV6 => ip::length(bytes, &reached, fits),
        _ => 0,
    };
    // Many paths lead to 0, and the kernel's verifier would follow each to the end.
    bytes.barrier_var(length as usize) as u32
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::testing::{ethernet, ipv4, ipv6, join, tag, with};

    fn content_of(bytes: &[u8]) -> Result<(u16, usize), Reason> {
        content(bytes, 0, bytes.len() as u32, true)
    }

    /// Frames of either version with up to two tags.
    fn frames() -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for (kind, packet) in [
            (ethertype::IPV4, ipv4(6, &[1; 30])),
            (ethertype::IPV6, ipv6(6, &[1; 30])),
        ] {
            let one = tag(7, kind, &packet);
            let two = tag(8, ethertype::VLAN, &one);
            frames.push(ethernet(kind, &packet));
            frames.push(ethernet(ethertype::VLAN, &one));
            frames.push(ethernet(ethertype::SERVICE_VLAN, &two));
        }
        frames
    }

    #[test]
    fn packet_that_ends_with_its_frame_is_ip() {
        for (kind, packet) in [
            (ethertype::IPV4, ipv4(6, &[])),
            (ethertype::IPV6, ipv6(6, &[])),
        ] {
            assert_eq!(content_of(&packet), Ok((kind, 0)));
            // Padded, or shorter than its length: IP by its version, if there is no frame.
            assert_eq!(content_of(&join(&[&packet, &[0; 9]])), Ok((kind, 0)));
            let longer = with(packet, 4 - usize::from(kind == ethertype::IPV4), &[9]);
            assert_eq!(content_of(&longer), Ok((kind, 0)));
        }
    }

    /// By its payload, whatever its receiver's first octet is.
    #[test]
    fn frame_is_recognised_by_its_content() {
        let ethernet = ethertype::ETHERNET;
        for frame in frames() {
            for first in 0..=255 {
                let frame = with(frame.clone(), 0, &[first]);
                assert_eq!(content_of(&frame), Ok((ethernet, 0)), "{frame:02x?}");
                let padded = join(&[&frame, &[0; 7]]);
                assert_eq!(content_of(&padded), Ok((ethernet, 0)), "{frame:02x?}");
                for number in [0, 1, 0xffff_u16] {
                    let word = [0, number].map(u16::to_be_bytes).concat();
                    let behind = join(&[&word, &frame]);
                    assert_eq!(content_of(&behind), Ok((ethernet, 4)), "{frame:02x?}");
                }
            }
        }
    }

    /// A receiver that begins as IP of a length that is all there: its frame holds together.
    #[test]
    fn receiver_that_looks_like_a_header_is_no_header() {
        for (at, octets) in [(0, [0x45, 0, 0, 40]), (0, [0x60, 0, 0, 0])] {
            for frame in frames() {
                let frame = with(frame, at, &octets);
                assert_eq!(content_of(&frame), Ok((ethertype::ETHERNET, 0)));
            }
        }
    }

    #[test]
    fn uncertain_payload_is_neither_frame_nor_ip() {
        let frame = ethernet(ethertype::IPV4, &ipv4(6, &[1; 30]));
        let word = [0, 0, 0, 1];
        for (at, octets) in [
            // ARP, another version, a header of 16 octets, one beyond the end, a length of 0.
            (12, &[0x08, 0x06][..]),
            (14, &[0x65]),
            (14, &[0x44]),
            (16, &[0x40]),
            (16, &[0, 0]),
        ] {
            let other = with(frame.clone(), at, octets);
            assert_eq!(content_of(&other), Err(Reason::OtherEthertype));
            let behind = join(&[&word, &other]);
            assert_eq!(content_of(&behind), Err(Reason::OtherEthertype));
        }
        // Reserved bits of a control word that are set, and an associated channel (RFC 4385).
        for first in [[0, 1], [0x10, 0]] {
            let behind = join(&[&first, &[0, 1], &frame]);
            assert_eq!(content_of(&behind), Err(Reason::OtherEthertype));
        }
        assert_eq!(content_of(&[0; 19]), Err(Reason::MalformedIpv4));
    }

    #[test]
    fn lengths_that_do_not_fit_are_no_pseudowire() {
        let packet = with(ipv4(6, &[]), 2, &[5, 0xdc]);
        let end = packet.len() as u32;
        let part = content(&packet[..], 0, end, false);
        assert_eq!(part, Ok((ethertype::IPV4, 0)));
        let frame = with(ethernet(ethertype::IPV4, &packet), 0, &[0x41]);
        let part = content(&frame[..], 0, frame.len() as u32, false);
        assert_eq!(part, Ok((ethertype::ETHERNET, 0)));
    }
}
