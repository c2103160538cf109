//! Properties that hold for any octets whatever.

use std::vec::Vec;

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{tests::with_ports, *};
use crate::{
    abi::ledger::link,
    track::{
        measure::measure,
        parsed_frame::{Decapsulation, Fragmentation, ParseOptions, ParsedFrame, parse_frame},
    },
    wire::{
        ethertype, plain,
        protocol::{self, Kind},
        testing::ETHERNET,
        tunnel::tests::tunnelled,
    },
};

/// A packet's lengths must fit the frame it came from, and must be measurable.
fn check(bytes: &[u8], frame: &Frame) -> Result<(), TestCaseError> {
    check_arrival(bytes, frame)?;
    let walked = walk(bytes, frame);
    if let Some(plain) = plain::walk(bytes, frame, |packet| *packet).transpose() {
        prop_assert_eq!(plain, walked, "the short walk and the long one");
    }
    let Ok(packet) = walked else {
        return Ok(());
    };
    prop_assert_eq!(packet.kind, Kind::of(packet.protocol));
    let at_hand = bytes.len() as u32;
    let headers_end = packet.link_length + packet.header_length;
    prop_assert!(packet.link_length + packet.ip_length <= frame.length);
    prop_assert!(packet.header_length <= packet.ip_length);
    prop_assert!(packet.unsent_length <= packet.header_length);
    prop_assert!(packet.link_length < at_hand);
    match packet.protocol {
        // Options may be missing from a snapped frame.
        protocol::TCP => prop_assert!(headers_end.min(packet.link_length + 40) <= at_hand),
        protocol::UDP => prop_assert!(headers_end <= at_hand),
        protocol::ICMP | protocol::ICMPV6 => prop_assert!(headers_end + 8 <= at_hand),
        protocol::SCTP | protocol::DCCP | protocol::UDP_LITE => {
            prop_assert!(packet.link_length + 20 + 8 <= at_hand);
        }
        protocol::ESP | protocol::AH => prop_assert!(headers_end + 8 <= at_hand),
        _ => prop_assert_eq!(packet.ports, [0, 0]),
    }
    if !protocol::has_connections(packet.protocol) {
        prop_assert_eq!(packet.tcp_flags, 0);
    }
    for (segments, size) in [(0, 0), (0, 1), (3, 1448)] {
        let measured = measure(&packet, frame.length, segments, size);
        prop_assert!(measured.packets >= 1);
        prop_assert!(measured.octets <= measured.frame_octets);
    }
    Ok(())
}

/// The same of what is inside of tunnels.
fn check_arrival(bytes: &[u8], frame: &Frame) -> Result<(), TestCaseError> {
    let layer = WalkStart::outermost(frame);
    let options = ParseOptions {
        counted: Decapsulation::None,
        ..ParseOptions::default()
    };
    let outer = parse_frame(bytes, frame, &layer, &options, 1);
    let parsed = parse_frame(bytes, frame, &layer, &ParseOptions::default(), 1);
    let (at, length) = match &parsed {
        Err(_) => return Ok(()),
        Ok(ParsedFrame {
            part: Fragmentation::Later(ip, _),
            ..
        }) => (ip.at as u32, ip.length),
        Ok(ParsedFrame {
            part: Fragmentation::None(packet) | Fragmentation::First(packet, _),
            ..
        }) => {
            prop_assert!(packet.header_length <= packet.ip_length);
            for size in [0, 1, 1448] {
                let measured = measure(packet, frame.length, 0, size);
                prop_assert!(measured.octets <= measured.frame_octets);
            }
            (packet.link_length, packet.ip_length)
        }
    };
    prop_assert!(at + length <= frame.length);
    // Whatever is inside, the carrier is a packet.
    prop_assert!(outer.is_ok(), "{:?} in {:?}", parsed, outer);
    Ok(())
}

/// Facts that may be known of a frame of the given octets.
fn known(octets: usize) -> impl Strategy<Value = Frame> {
    let link = prop_oneof![Just(link::ETHERNET), Just(link::IP)];
    let missing = prop_oneof![3 => Just(0), 1 => 0..200_000_u32];
    (link, missing, any::<Option<u16>>(), any::<bool>()).prop_map(
        move |(link, missing, stripped_vlan, segmented)| Frame {
            length: octets as u32 + missing,
            link,
            stripped_vlan,
            segmented,
        },
    )
}

/// A good frame, cut somewhere or not, with some octets overwritten.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), any::<u8>());
    let change = (any::<Index>(), vec(change, 0..6), any::<Option<Index>>());
    change.prop_map(|(which, changes, cut)| {
        let mut bytes = which.get(&[with_ports(), tunnelled()].concat()).clone();
        for (at, octet) in changes {
            let at = at.index(bytes.len());
            bytes[at] = octet;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn random_octets_give_a_packet_that_fits_or_a_reason(
        (bytes, frame) in vec(any::<u8>(), 0..700)
            .prop_flat_map(|bytes| { let frame = known(bytes.len()); (Just(bytes), frame) })
    ) {
        check(&bytes, &frame)?;
    }

    #[test]
    fn random_ip_packets_give_a_packet_that_fits_or_a_reason(
        (bytes, frame) in (vec(any::<u8>(), 60..700), any::<bool>())
            .prop_flat_map(|(mut bytes, newer)| {
                let (kind, first) = if newer { (ethertype::IPV6, 0x60) } else { (ethertype::IPV4, 0x45) };
                bytes[12..ETHERNET].copy_from_slice(&kind.to_be_bytes());
                bytes[ETHERNET] = first;
                // Most random lengths are invalid, and 0 is not.
                let length = if newer { ETHERNET + 4 } else { ETHERNET + 2 };
                bytes[length..length + 2].fill(0);
                if newer {
                    bytes[ETHERNET + 6] = protocol::HOP_BY_HOP;
                }
                let frame = known(bytes.len()).prop_map(|frame| Frame { link: link::ETHERNET, ..frame });
                (Just(bytes), frame)
            })
    ) {
        check(&bytes, &frame)?;
    }

    #[test]
    fn mutated_frames_agree(
        (bytes, frame) in mutated()
            .prop_flat_map(|bytes| { let frame = known(bytes.len()); (Just(bytes), frame) })
    ) {
        check(&bytes, &frame)?;
    }
}
