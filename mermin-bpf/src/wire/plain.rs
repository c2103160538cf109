//! The walk that most packets need: IP behind the link header and at most one VLAN tag, no fragment, no extension header.
//!
//! It gives what [`packet::walk`](super::packet::walk) gives, or nothing. The kernel program tries it first, where the packet
//! lies; whatever it does not know goes to a second program, so that neither the verifier nor a plain packet pays for rare
//! headers.

use super::{
    bytes::Bytes,
    ethernet, ethertype,
    extension::{self, Chain},
    ip::{self, Ip},
    ipv4, ipv6,
    level::Level,
    link::Reached,
    packet::{Frame, Packet, finish},
    vlan::{self, Vlans},
};
use crate::abi::ledger::link;

/// Walks a plain frame; `None` for every other.
#[inline(always)]
pub fn walk<B: Bytes>(bytes: B, frame: &Frame) -> Option<Packet> {
    let mut vlans = Vlans::default();
    let (kind, at) = if frame.link == link::ETHERNET {
        if let Some(control) = frame.stripped_vlan {
            vlans.push(control);
        }
        let outer = ethernet::ethertype(bytes, 0, frame.length).ok()?;
        if vlan::is_tag(outer) {
            (
                vlan::one(bytes, &mut vlans)?,
                ethernet::LENGTH + vlan::LENGTH,
            )
        } else {
            (outer, ethernet::LENGTH)
        }
    } else {
        (ip::version(bytes, 0).ok()?, 0)
    };
    let level = Level {
        reached: Reached {
            kind,
            at,
            end: frame.length,
            mac_at: if frame.link == link::ETHERNET {
                ethernet::SOURCE_AT as u32
            } else {
                0
            },
        },
        vlans,
        digest: 0,
        goes_on: false,
        depth: 0,
    };
    match kind {
        ethertype::IPV4 => {
            let ip = ipv4::parse(bytes, at, frame.length, false).ok()?;
            if ip.fragment {
                return None;
            }
            finish(bytes, frame, &level, &Ip::v4(&ip, at)).ok()
        }
        ethertype::IPV6 => {
            let ip = ipv6::parse(bytes, at, frame.length, false).ok()?;
            if extension::is_followed(ip.next_header) {
                return None;
            }
            let chain = Chain {
                protocol: ip.next_header,
                at: at + ipv6::LENGTH,
                later_fragment: false,
                fragment: false,
                identification: 0,
            };
            let ip = Ip::v6(&ip, at, &chain, frame.segmented).ok()?;
            finish(bytes, frame, &level, &ip).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{packet, testing::whole};

    /// 10.0.0.1:1 to 10.0.0.2:2 by UDP, behind these octets.
    fn udp(before: &[u8], kind: u16) -> std::vec::Vec<u8> {
        let mut frame = std::vec![0; 12];
        frame.extend(before);
        frame.extend(kind.to_be_bytes());
        frame.extend([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0]);
        frame.extend([10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 0, 8, 0, 0]);
        frame
    }

    #[test]
    fn plain_frames_are_known_and_others_are_left() {
        let tag = [0x81, 0, 0, 9];
        for (before, known) in [(&[][..], true), (&tag, true), (&[tag, tag].concat(), false)] {
            let bytes = udp(before, ethertype::IPV4);
            let walked = packet::walk(&bytes[..], &whole(&bytes)).unwrap();
            let expected = known.then_some(walked);
            assert_eq!(walk(&bytes[..], &whole(&bytes)), expected, "{before:?}");
        }
        let mut fragment = udp(&[], ethertype::IPV4);
        fragment[20] = 0x20;
        assert_eq!(walk(&fragment[..], &whole(&fragment)), None);
        let arp = udp(&[], ethertype::ARP);
        assert_eq!(walk(&arp[..], &whole(&arp)), None);
    }
}
