//! The parser looks at headers and at nothing behind them: every octet it asks for is written down.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::Cell;

use mermin_bpf::{
    abi::ledger::link,
    wire::{
        bytes::{Bytes, HEADER_LIMIT},
        packet::{self, Frame, Packet},
        plain,
    },
};
use proptest::prelude::*;

/// A frame, and where the furthest octet that was asked for ends.
#[derive(Clone, Copy)]
struct Watched<'a> {
    frame: &'a [u8],
    end: &'a Cell<usize>,
}

impl<'a> Bytes for Watched<'a> {
    type Window<const N: usize> = &'a [u8; N];

    fn window<const N: usize>(self, at: usize) -> Option<&'a [u8; N]> {
        let window = self.frame.window::<N>(at)?;
        self.end.set(self.end.get().max(at + N));
        Some(window)
    }
}

/// Walks a frame both ways the kernel program does; gives the packet and where reading ended.
fn walk(frame: &[u8]) -> Option<(Packet, usize)> {
    let facts = Frame {
        length: u32::try_from(frame.len()).ok()?,
        link: link::ETHERNET,
        ..Frame::default()
    };
    let end = Cell::new(0);
    let watched = Watched { frame, end: &end };
    let plain = plain::walk(watched, &facts, |packet| *packet);
    let walked = packet::walk(watched, &facts);
    assert!(plain.transpose().is_none_or(|plain| plain == walked));
    Some((walked.ok()?, end.get()))
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Octets of each transport header; messages of ICMP and IGMP begin with eight.
fn transport(protocol: u8, options: usize) -> Vec<u8> {
    let mut header = vec![0; 8];
    match protocol {
        TCP => {
            header = vec![0; 20 + options * 4];
            header[12] = u8::try_from(5 + options).unwrap() << 4;
        }
        // ICMP, IGMP, ESP, UDP-Lite: of the last the checksum covers all.
        1 | 2 | 50 | 58 | 136 | UDP => {}
        // With the header of a chunk.
        132 => header = vec![0; 16],
        // DCCP with an offset of three words, AH with as many.
        33 | 51 => {
            header = vec![0; 12];
            header[4] = 3 * u8::from(protocol == 33);
            header[1] = u8::from(protocol == 51);
        }
        _ => header.clear(),
    }
    header
}

/// An Ethernet frame around what is given, and where its headers end.
fn frame(tags: usize, protocol: u8, options: usize, v6: bool, payload: &[u8]) -> (Vec<u8>, usize) {
    let mut frame = vec![2; 12];
    for _ in 0..tags {
        frame.extend([0x81, 0, 0, 7]);
    }
    let mut header = transport(protocol, options);
    let length = u16::try_from(header.len() + payload.len()).unwrap();
    if protocol == UDP {
        header[4..6].copy_from_slice(&length.to_be_bytes());
    }
    if v6 {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend((length + 8).to_be_bytes());
        // Behind a header of destination options.
        frame.extend([60, 64]);
        frame.extend([0xfd; 32]);
        frame.extend([protocol, 0, 1, 4, 0, 0, 0, 0]);
    } else {
        frame.extend([8, 0, 0x46, 0]);
        frame.extend((length + 24).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
        frame.extend([10; 8]);
        // Options.
        frame.extend([1; 4]);
    }
    frame.extend(header);
    let end = frame.len();
    frame.extend(payload);
    (frame, end)
}

proptest! {
    #[test]
    fn nothing_behind_the_headers_is_read(
        tags in 0_usize..3,
        protocol in prop_oneof![Just(TCP), Just(UDP), Just(1_u8), Just(58_u8), Just(33_u8), Just(51_u8), Just(132_u8), any::<u8>()],
        options in 0_usize..=10,
        v6 in any::<bool>(),
        payload in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        // Numbers of extension headers make the payload a header.
        prop_assume!(!matches!(protocol, 0 | 43 | 44 | 60 | 135 | 139 | 140));
        let (frame, headers) = frame(tags, protocol, options, v6, &payload);
        let Some((found, end)) = walk(&frame) else {
            panic!("no packet: {frame:?}");
        };
        prop_assert_eq!(found.protocol, protocol);
        prop_assert!(end <= headers, "headers end at {}, reading at {}", headers, end);
        prop_assert!(end <= HEADER_LIMIT);
    }

    #[test]
    fn payload_does_not_change_the_result(
        protocol in prop_oneof![Just(TCP), Just(UDP), Just(1_u8), Just(58_u8), Just(33_u8), Just(51_u8), Just(132_u8)],
        v6 in any::<bool>(),
        payload in proptest::collection::vec(any::<u8>(), 1..600),
    ) {
        let other: Vec<u8> = payload.iter().map(|octet| !octet).collect();
        let [one, other] = [payload, other].map(|payload| {
            let (frame, _) = frame(0, protocol, 0, v6, &payload);
            walk(&frame).map(|(packet, _)| packet)
        });
        prop_assert!(one.is_some());
        prop_assert_eq!(one, other);
    }
}
