//! The number that each side of a connection draws for it, which distinguishes connections of the same ports.

use crate::{
    track::answer::Sent,
    wire::{
        bytes::{Bytes, Window},
        dccp, protocol, sctp, tcp,
        tcp::flag,
    },
};

/// The initial sequence number of TCP (RFC 9293 section 3.4.1), the initiate tag of SCTP (RFC 9260 section 3.3.2), the lower half of
/// the initial sequence number of DCCP (RFC 4340 section 7.2): of a packet that opens a connection or answers one that does, and
/// that has it.
#[inline(always)]
pub fn number<B: Bytes>(bytes: B, sent: &Sent) -> Option<u32> {
    if sent.tcp_flags & flag::SYN == 0 {
        return None;
    }
    let at = sent.transport_at as usize
        + match sent.protocol {
            protocol::TCP => tcp::SEQUENCE_AT,
            protocol::SCTP => sctp::INITIATE_TAG_AT,
            protocol::DCCP => dccp::SEQUENCE_AT,
            _ => return None,
        };
    bytes.window::<4>(at).map(|number| number.be32(0))
}

/// A number in a word that is 0 without one.
#[inline(always)]
#[must_use]
pub const fn pack(number: u32) -> u64 {
    1 << 32 | number as u64
}

/// The inverse of [`pack`].
#[inline(always)]
#[must_use]
pub const fn unpack(word: u64) -> Option<u32> {
    if word == 0 { None } else { Some(word as u32) }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::wire::{
        packet::walk,
        testing::{ethernet_v4, ethernet_v6, options, whole, with},
    };

    const NUMBER: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

    fn found(frame: &Vec<u8>) -> Option<u32> {
        let Ok(packet) = walk(&frame[..], &whole(frame)) else {
            panic!("no packet: {frame:02x?}");
        };
        number(&frame[..], &Sent::new(&packet))
    }

    #[test]
    fn each_protocol_has_it_where_a_connection_opens() {
        let tcp = |flags| {
            let segment = crate::wire::testing::tcp([1, 2], flags, &[]);
            with(segment, 4, &NUMBER)
        };
        let sctp = |chunk| with(with(std::vec![0; 32], 12, &[chunk]), 16, &NUMBER);
        let dccp = |kind: u8| {
            let header = with(std::vec![0; 16], 4, &[4, 0, 0, 0, kind << 1 | 1]);
            with(header, 12, &NUMBER)
        };
        for (protocol, header, expected) in [
            (6, tcp(flag::SYN), true),
            (6, tcp(flag::SYN | flag::ACK), true),
            (6, tcp(flag::ACK), false),
            (132, sctp(1), true),
            (132, sctp(2), true),
            (132, sctp(0), false),
            (33, dccp(0), true),
            (33, dccp(1), true),
            (33, dccp(2), false),
        ] {
            let expected = expected.then_some(0x1234_5678);
            assert_eq!(found(&ethernet_v4(protocol, &header)), expected);
            assert_eq!(
                found(&ethernet_v6(60, &options(protocol, 0, &header))),
                expected
            );
        }
        let cut = ethernet_v4(132, &sctp(1)[..19]);
        assert_eq!(found(&cut), None);
    }

    #[test]
    fn initial_number_round_trips() {
        for number in [0, 1, u32::MAX] {
            assert_eq!(unpack(pack(number)), Some(number));
        }
        assert_eq!(unpack(0), None);
    }
}
