//! The header that a GRE device without a remote prepends to its packets, like a link header.
//!
//! Such a device looks up a next hop for each packet (`ipgre_header_ops` in `net/ipv4/ip_gre.c`, `ip6gre_header_ops` in
//! `net/ipv6/ip6_gre.c`). At egress the outer header is incomplete: the length of IPv4 is 0, that of IPv6 is arbitrary, and the
//! fields behind GRE's flags are not filled in.

use super::{Bytes, Window, gre};
use crate::{
    abi::ledger::{HookDirection, Reason, link},
    wire::{encap_level::EncapLevel, ipv4, ipv6, packet::Frame, protocol, walk_start::WalkStart},
};

/// Goes to the packet of a frame of such a device.
///
/// # Errors
/// As [`EncapLevel::outermost`]; [`Reason::MalformedTunnel`] if GRE is truncated.
#[inline(always)]
pub fn follow<B: Bytes>(
    bytes: B,
    frame: &Frame,
    direction: HookDirection,
) -> Result<EncapLevel, Reason> {
    let mut layer = WalkStart {
        kind: WalkStart::BARE_IP,
        at: 0,
        end: frame.length,
        goes_on: false,
    };
    if let Some(at) = begins_at(bytes, frame, direction) {
        let available = frame.length.saturating_sub(at as u32);
        if let Some(carrier) = gre::parse_own(bytes, at, available)? {
            layer.kind = bytes.barrier_var(carrier.kind.into()) as u16;
            layer.at = bytes.barrier_var(at + carrier.length);
        }
    }
    EncapLevel::outermost(bytes, frame, &layer)
}

/// Offset of GRE behind the outer header. `None` if the frame begins with its own packet: frames received by IPv6, and frames
/// that were redirected to the device without its header (`bpf_redirect`).
#[inline(always)]
fn begins_at<B: Bytes>(bytes: B, frame: &Frame, direction: HookDirection) -> Option<usize> {
    if frame.link == link::GRE_SENT && matches!(direction, HookDirection::Ingress) {
        return None;
    }
    let first = bytes.window::<{ ipv4::LENGTH }>(0)?;
    let (protocol, at) = match first.u8(0) >> 4 {
        4 => (first.u8(9), usize::from(first.u8(0) & 0x0f) * 4),
        6 => (first.u8(6), ipv6::LENGTH),
        _ => return None,
    };
    (protocol == protocol::GRE && at >= ipv4::LENGTH).then(|| bytes.barrier_var(at))
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::testing::{ipv4, ipv6, join, udp, whole};

    fn frame(bytes: &[u8], link: u8) -> Frame {
        Frame {
            link,
            ..whole(bytes)
        }
    }

    /// Where the packet begins.
    fn packet_at(bytes: &[u8], link: u8, direction: HookDirection) -> Result<usize, Reason> {
        let level = follow(bytes, &frame(bytes, link), direction)?;
        assert_eq!(level.reached.end as usize, bytes.len());
        Ok(level.reached.at)
    }

    /// As Linux begins it: no length, a key whose place holds what was there before.
    fn begun(flags: u16, fields: &[u8], kind: u16, packet: &[u8]) -> Vec<u8> {
        let mut outer = ipv4(protocol::GRE, &[]);
        outer[2..4].copy_from_slice(&[0, 0]);
        join(&[
            &outer,
            &flags.to_be_bytes(),
            &kind.to_be_bytes(),
            fields,
            packet,
        ])
    }

    #[test]
    fn packet_is_behind_the_header_that_the_device_prepended() {
        let packet = ipv4(protocol::UDP, &udp([1, 2], &[3; 9]));
        let six = ipv6(protocol::UDP, &udp([1, 2], &[3; 9]));
        for (bytes, at) in [
            (begun(0, &[], 0x0800, &packet), 24),
            (begun(0x2000, &[0xee; 4], 0x0800, &packet), 28),
            (begun(0xb000, &[0xee; 12], 0x86dd, &six), 36),
        ] {
            for direction in [HookDirection::Ingress, HookDirection::Egress] {
                assert_eq!(packet_at(&bytes, link::GRE, direction), Ok(at));
            }
            let received = packet_at(&bytes, link::GRE_SENT, HookDirection::Ingress);
            assert_eq!(received, Ok(0), "it is a packet that carries GRE");
        }
        let mut outer = ipv6(protocol::GRE, &[]);
        outer[4..6].copy_from_slice(&[0xee; 2]);
        let bytes = join(&[&outer, &[0, 0, 8, 0], &packet]);
        let sent = packet_at(&bytes, link::GRE_SENT, HookDirection::Egress);
        assert_eq!(sent, Ok(44));
    }

    #[test]
    fn truncated_frames_have_their_reason() {
        let resolution = begun(0, &[], 0x2001, &[0; 40]);
        let found = packet_at(&resolution, link::GRE, HookDirection::Egress);
        assert_eq!(found, Err(Reason::OtherEthertype));
        let cut = &begun(0x2000, &[], 0x0800, &[]);
        let found = packet_at(cut, link::GRE, HookDirection::Ingress);
        assert_eq!(found, Err(Reason::MalformedTunnel));
    }

    #[test]
    fn packet_without_the_header_is_itself() {
        let packet = ipv4(protocol::UDP, &udp([1, 2], &[3; 9]));
        for direction in [HookDirection::Ingress, HookDirection::Egress] {
            for link in [link::GRE, link::GRE_SENT] {
                assert_eq!(packet_at(&packet, link, direction), Ok(0));
            }
        }
    }
}
