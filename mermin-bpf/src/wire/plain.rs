//! Parses plain packets, which most packets are: IP behind the link header and at most two VLAN tags, no fragment, at
//! most one extension header. SCTP and DCCP packets that open or end a connection are not plain.
//!
//! The result is that of [`packet::walk`](super::packet::walk), or nothing. The kernel program tries it first, on the
//! packet in place. Frames that are not plain go to a second program, so that neither the verifier nor a plain packet
//! pays for rare headers.

use super::{
    bytes::Bytes,
    encap_level::EncapLevel,
    ethernet, ethertype,
    extension::{self, Chain},
    ip::{self, Ip},
    ipv4, ipv6,
    l3_start::L3Start,
    link,
    packet::{Frame, Packet},
    protocol,
    vlan::{self, Vlans},
};
use crate::abi::ledger::{self, Reason};

/// Parses a plain frame, and returns the result of `then` for its packet; `None` if the frame is not plain. `then` also
/// gets packets that carry another one: a caller that decapsulates tunnels asks
/// [`may_carry`](super::tunnel::may_carry).
///
/// For each IP version, `then` is compiled once for TCP, once for UDP and once for all other protocols. One more copy
/// is for packets with an extension header. So each copy knows the kind of its packets. That saved a sixth of a
/// packet's instructions, and two thirds of the verifier's.
///
/// # Errors
/// The reason why the frame has no IP packet.
#[inline(always)]
pub fn walk<B: Bytes, T>(
    bytes: B,
    frame: &Frame,
    then: impl Fn(&Packet) -> T,
) -> Result<Option<T>, Reason> {
    let Some(level) = outermost(bytes, frame) else {
        return Ok(None);
    };
    let kind = level.reached.kind;
    match kind {
        ethertype::IPV4 => Ok(v4(bytes, frame, &level, then)),
        ethertype::IPV6 => Ok(v6(bytes, frame, &level, then)),
        _ if link::leads_on(kind) => Ok(None),
        _ => Err(link::refused(kind)),
    }
}

/// Returns the level behind the link header of a plain frame, IP or not; `None` if the frame is not plain.
#[inline(always)]
pub fn outermost<B: Bytes>(bytes: B, frame: &Frame) -> Option<EncapLevel> {
    let mut vlans = Vlans::default();
    let (kind, at) = follow(bytes, frame, &mut vlans)?;
    Some(EncapLevel {
        reached: L3Start {
            kind,
            at,
            end: frame.length,
            mac_at: if frame.link == ledger::link::ETHERNET {
                ethernet::SOURCE_AT as u32
            } else {
                0
            },
        },
        vlans,
        digest: 0,
        ids: 0,
        goes_on: false,
        depth: 0,
    })
}

/// Returns the EtherType behind the link header and VLAN tags, and the position of its payload.
#[inline(always)]
fn follow<B: Bytes>(bytes: B, frame: &Frame, vlans: &mut Vlans) -> Option<(u16, usize)> {
    if frame.link != ledger::link::ETHERNET {
        if frame.link != ledger::link::IP {
            return None;
        }
        return Some((ip::version(bytes, 0).ok()?, 0));
    }
    if let Some(control) = frame.stripped_vlan {
        vlans.push(control);
    }
    let kind = ethernet::ethertype(bytes, 0, frame.length).ok()?;
    if vlan::is_tag(kind) {
        vlan::skip_at_most_two(bytes, ethernet::LENGTH, vlans)
    } else {
        Some((kind, ethernet::LENGTH))
    }
}

/// Returns the result of `then` for an IPv4 packet; `None` for a fragment.
#[inline(always)]
fn v4<B: Bytes, T>(
    bytes: B,
    frame: &Frame,
    level: &EncapLevel,
    then: impl Fn(&Packet) -> T,
) -> Option<T> {
    let at = level.reached.at;
    let ip = ipv4::parse(bytes, at, frame.length, false).ok()?;
    if ip.fragment {
        return None;
    }
    packet(bytes, frame, level, &Ip::v4(&ip, at), then)
}

/// Returns the result of `then` for an IPv6 packet; `None` if it has more than one extension header.
#[inline(always)]
fn v6<B: Bytes, T>(
    bytes: B,
    frame: &Frame,
    level: &EncapLevel,
    then: impl Fn(&Packet) -> T,
) -> Option<T> {
    let at = level.reached.at;
    let header = ipv6::parse(bytes, at, frame.length, false).ok()?;
    let ip = |chain| Ip::v6(&header, at, chain, frame.segmented).ok();
    let begin = at + ipv6::LENGTH;
    if extension::is_followed(header.next_header) {
        // Such packets are rare, so one copy of `then` serves all protocols.
        let chain = extension::one(bytes, header.next_header, begin)?;
        // Handling BIG TCP here would double the paths that the verifier walks.
        if header.jumbo {
            return None;
        }
        Some(then(&level.packet(bytes, frame, &ip(&chain)?).ok()?))
    } else {
        let chain = Chain::of_whole(header.next_header, begin);
        packet(bytes, frame, level, &ip(&chain)?, then)
    }
}

/// Returns the result of `then` for the packet behind an IP header.
#[inline(always)]
fn packet<B: Bytes, T>(
    bytes: B,
    frame: &Frame,
    level: &EncapLevel,
    ip: &Ip,
    then: impl Fn(&Packet) -> T,
) -> Option<T> {
    // The protocol is passed as a constant, so the compiler specialises each copy of `then`.
    let by = |protocol| level.packet(bytes, frame, &Ip { protocol, ..*ip }).ok();
    match ip.protocol {
        protocol::TCP => Some(then(&by(protocol::TCP)?)),
        protocol::UDP => Some(then(&by(protocol::UDP)?)),
        _ => {
            let packet = level.packet(bytes, frame, ip).ok()?;
            // Here `tcp_flags` is set only for SCTP and DCCP packets that open or end a connection. They are rare, so
            // they go to the general program.
            if packet.tcp_flags != 0 {
                return None;
            }
            Some(then(&Packet {
                tcp_flags: 0,
                ..packet
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        packet,
        testing::{self, ethernet_v6, fragment, options, whole},
    };

    /// A UDP datagram from 10.0.0.1:1 to 10.0.0.2:2, behind these octets. The payload of the IP packet also parses as the
    /// header of most other protocols.
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
        walk(bytes, &whole(bytes), |packet| *packet).unwrap()
    }

    #[test]
    fn fast_path_takes_plain_frames_only() {
        let tag = [0x81, 0, 0, 9];
        let stack = |tags| [tag].repeat(tags).concat();
        for (before, known) in [
            (stack(0), true),
            (stack(1), true),
            (stack(2), true),
            (stack(3), false),
        ] {
            let bytes = udp(&before, ethertype::IPV4);
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
            // An extension header only in IPv6.
            protocol::ROUTING,
            253,
        ] {
            let mut bytes = udp(&[], ethertype::IPV4);
            bytes[23] = number;
            if number == protocol::DCCP {
                // DCCP's data offset is where UDP has its length. Byte 42 is the packet type: Data.
                bytes[38] = 3;
                bytes[42] = 2 << 1;
            }
            if number == protocol::SCTP {
                // SCTP needs room for the header of a chunk.
                bytes[17] += 4;
                bytes.extend([0; 4]);
            }
            let walked = packet::walk(&bytes[..], &whole(&bytes)).unwrap();
            assert_eq!(walked_plainly(&bytes), Some(walked), "{number}");
            // The type of an SCTP INIT, and of a DCCP Reset.
            let opens = match number {
                protocol::SCTP => Some((46, 1)),
                protocol::DCCP => Some((42, 7 << 1)),
                _ => None,
            };
            if let Some((at, kind)) = opens {
                bytes[at] = kind;
                assert_eq!(walked_plainly(&bytes), None, "{number}");
            }
        }
        let mut fragment = udp(&[], ethertype::IPV4);
        fragment[20] = 0x20;
        assert_eq!(walked_plainly(&fragment), None);
    }

    #[test]
    fn one_extension_header_is_plain() {
        let datagram = testing::udp([1, 2], &[]);
        let chain = |headers| {
            let mut chain = datagram.clone();
            let mut next = protocol::UDP;
            for words in 0..headers {
                chain = options(next, words, &chain);
                next = protocol::DESTINATION_OPTIONS;
            }
            ethernet_v6(next, &chain)
        };
        for (headers, known) in [(0, true), (1, true), (2, false)] {
            let bytes = chain(headers);
            let walked = packet::walk(&bytes[..], &whole(&bytes)).unwrap();
            let expected = known.then_some(walked);
            assert_eq!(walked_plainly(&bytes), expected, "{headers}");
        }
        let atomic = ethernet_v6(protocol::FRAGMENT, &fragment(protocol::UDP, 0, &datagram));
        assert_eq!(walked_plainly(&atomic), None);
        // The first packet ends within its options. The second's frame ends behind the options, within the UDP header.
        let cut = ethernet_v6(protocol::ROUTING, &options(protocol::UDP, 3, &[])[..31]);
        assert_eq!(walked_plainly(&cut), None);
        assert!(walked_plainly(&chain(1)[..14 + 40 + 8 + 7]).is_none());
    }

    #[test]
    fn two_tags_behind_a_stripped_tag_are_not_plain() {
        let bytes = udp(&[0x81, 0, 0, 9, 0x81, 0, 0, 8], ethertype::IPV4);
        let frame = Frame {
            stripped_vlan: Some(7),
            ..whole(&bytes)
        };
        assert_eq!(walk(&bytes[..], &frame, |packet| *packet), Ok(None));
    }

    #[test]
    fn non_ip_is_recognised_at_once() {
        for (kind, leads_on) in [
            (ethertype::ARP, false),
            (ethertype::RARP, false),
            (0x88cc, false),
            (1501, false),
            (60, true),
            (ethertype::ETHERNET, true),
            (ethertype::CMD, true),
            (ethertype::PBB, true),
            (ethertype::MPLS, true),
            (ethertype::MPLS_UPSTREAM, true),
            (ethertype::PPPOE_SESSION, true),
        ] {
            let bytes = udp(&[], kind);
            let walked = walk(&bytes[..], &whole(&bytes), |packet| *packet);
            if leads_on {
                assert_eq!(walked, Ok(None), "{kind:#06x}");
            } else {
                assert_eq!(walked, packet::walk(&bytes[..], &whole(&bytes)).map(Some));
                assert!(walked.is_err(), "{kind:#06x}");
            }
        }
    }
}
