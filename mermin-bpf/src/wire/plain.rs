//! The walk that most packets need: IP behind the link header and at most one VLAN tag, no fragment, no extension header.
//!
//! It comes to what [`packet::walk`](super::packet::walk) gives, or to nothing. The kernel program tries it first, where the packet
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
    packet::{Addresses, Frame, Packet, finish},
    protocol,
    vlan::{self, Vlans},
};
use crate::abi::ledger::link;

/// Walks a plain frame, and gives what `then` makes of its packet; `None` for every other. What carries other packets is a
/// packet like any: whoever takes tunnels off asks [`may_carry`](super::tunnel::may_carry).
///
/// `then` is compiled once for each IP version with TCP, UDP and the others, so that in each place it is known what the packet
/// is. That took a sixth off what a packet executes, and two thirds off what the verifier walks through.
#[inline(always)]
pub fn walk<B: Bytes, T>(bytes: B, frame: &Frame, then: impl Fn(&Packet) -> T) -> Option<T> {
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
            packet(bytes, frame, &level, &Ip::v4(&ip, at), then)
        }
        ethertype::IPV6 => {
            let ip = ipv6::parse(bytes, at, frame.length, false).ok()?;
            let chain = Chain {
                protocol: ip.next_header,
                at: at + ipv6::LENGTH,
                later_fragment: false,
                fragment: false,
                identification: 0,
            };
            let ip = Ip::v6(&ip, at, &chain, frame.segmented).ok()?;
            packet(bytes, frame, &level, &ip, then)
        }
        _ => None,
    }
}

/// What `then` makes of the packet that an IP header begins.
#[inline(always)]
fn packet<B: Bytes, T>(
    bytes: B,
    frame: &Frame,
    level: &Level,
    ip: &Ip,
    then: impl Fn(&Packet) -> T,
) -> Option<T> {
    // Written as constants, so that of each it is known what follows.
    let by = |protocol| finish(bytes, frame, level, &Ip { protocol, ..*ip }).ok();
    let is_v6 = matches!(ip.addresses, Addresses::V6(_));
    match ip.protocol {
        protocol::TCP => Some(then(&by(protocol::TCP)?)),
        protocol::UDP => Some(then(&by(protocol::UDP)?)),
        number if is_v6 && extension::is_followed(number) => None,
        _ => Some(then(&finish(bytes, frame, level, ip).ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        packet,
        testing::{ethernet_v6, whole},
    };

    /// 10.0.0.1:1 to 10.0.0.2:2 by UDP, behind these octets. Most protocols can be read from the datagram.
    fn udp(before: &[u8], kind: u16) -> std::vec::Vec<u8> {
        let mut frame = std::vec![0; 12];
        frame.extend(before);
        frame.extend(kind.to_be_bytes());
        frame.extend([0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0]);
        frame.extend([10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 0, 12, 0, 0]);
        frame.extend([0; 4]);
        frame
    }

    fn walked_plainly(bytes: &[u8]) -> Option<Packet> {
        walk(bytes, &whole(bytes), |packet| *packet)
    }

    #[test]
    fn plain_frames_are_known_and_others_are_left() {
        let tag = [0x81, 0, 0, 9];
        for (before, known) in [(&[][..], true), (&tag, true), (&[tag, tag].concat(), false)] {
            let bytes = udp(before, ethertype::IPV4);
            let walked = packet::walk(&bytes[..], &whole(&bytes)).unwrap();
            let expected = known.then_some(walked);
            assert_eq!(walked_plainly(&bytes), expected, "{before:?}");
        }
        for number in [
            protocol::ICMP,
            protocol::IGMP,
            protocol::UDP_LITE,
            protocol::DCCP,
            protocol::SCTP,
            protocol::ESP,
            protocol::AH,
            protocol::IPV4,
            protocol::GRE,
            // An extension header behind IPv6 alone.
            protocol::ROUTING,
            253,
        ] {
            let mut bytes = udp(&[], ethertype::IPV4);
            bytes[23] = number;
            if number == protocol::DCCP {
                // Its data offset, where a datagram has its length.
                bytes[38] = 3;
            }
            let walked = packet::walk(&bytes[..], &whole(&bytes)).unwrap();
            assert_eq!(walked_plainly(&bytes), Some(walked), "{number}");
        }
        let mut fragment = udp(&[], ethertype::IPV4);
        fragment[20] = 0x20;
        assert_eq!(walked_plainly(&fragment), None);
        for (number, known) in [(protocol::ROUTING, false), (253, true)] {
            let extended = ethernet_v6(number, &[0; 8]);
            assert_eq!(walked_plainly(&extended).is_some(), known, "{number}");
        }
        let arp = udp(&[], ethertype::ARP);
        assert_eq!(walked_plainly(&arp), None);
    }
}
