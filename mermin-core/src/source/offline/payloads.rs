//! The first payloads of a flow in a capture, chosen by the rules of the kernel program.

use mermin_bpf::{
    abi::section::watch::FRESH,
    track::{
        key::HIGH_TO_LOW,
        section::{LAST, LOOKED_AT, Payload, step},
    },
    wire::{packet::Packet, protocol, tcp, udp},
};

use super::slot::PacketTime;
use crate::{
    payload::{End, FlowPayloads, Section},
    report::PayloadStats,
};

/// Payloads of one flow.
#[derive(Clone, Debug)]
pub(super) struct Payloads {
    /// Sections that may still be read of each direction.
    left: [u8; 2],
    pub(super) found: FlowPayloads,
}

impl Default for Payloads {
    fn default() -> Self {
        Self {
            left: [FRESH; 2],
            found: FlowPayloads::default(),
        }
    }
}

impl Payloads {
    /// True for packets whose payloads may be read.
    pub(super) const fn are_of(packet: &Packet) -> bool {
        matches!(packet.protocol, protocol::TCP | protocol::UDP)
    }

    /// Reads at most `limit` octets of the payload of a packet, of which `frame` has the octets that were captured.
    #[expect(
        clippy::too_many_arguments,
        reason = "a packet, its flow, and where it is counted"
    )]
    pub(super) fn read(
        &mut self,
        counts: &mut PayloadStats,
        limit: usize,
        frame: &[u8],
        packet: &Packet,
        direction: u8,
        higher_started: bool,
        at: PacketTime,
    ) {
        let left = &mut self.left[usize::from(direction & 1)];
        if *left == 0 {
            return;
        }
        let Some((sequence, length, octets)) = payload(frame, packet, limit) else {
            return;
        };
        let mut first = [0; LOOKED_AT];
        for (place, octet) in first.iter_mut().zip(octets) {
            *place = *octet;
        }
        let decided = step(
            *left,
            &Payload {
                protocol: packet.protocol,
                ports: packet.ports,
                length,
                first,
                last: last(length, octets),
                is_opening: packet.tcp_flags & tcp::flag::SYN != 0,
                is_cut: length as usize > octets.len(),
                is_from_initiator: (direction == HIGH_TO_LOW) == higher_started,
            },
        );
        *left = decided.left;
        if decided.is_taken {
            let section = Section {
                direction,
                time: at.wall.map(|time| time.at.cast_unsigned()),
                sequence,
                payload: length,
                octets,
            };
            let end = self.found.add(packet.protocol, packet.ports, &section);
            count(counts, end);
        }
    }
}

/// The last octets of a payload, if the section has all of it; else zeros.
fn last(length: u32, octets: &[u8]) -> [u8; LAST] {
    let is_whole = length as usize == octets.len();
    let last = octets.last_chunk().filter(|_| is_whole);
    last.copied().unwrap_or_default()
}

/// Counts a section that was read.
fn count(counts: &mut PayloadStats, end: Option<End>) {
    counts.read += 1;
    match end {
        Some(End::Cut) => counts.cut += 1,
        Some(End::Malformed) => counts.malformed += 1,
        Some(End::Whole) | None => {}
    }
}

/// Sequence number, length and first octets of a packet's payload. `None` where its transport header was not captured.
fn payload<'a>(frame: &'a [u8], packet: &Packet, limit: usize) -> Option<(u32, u32, &'a [u8])> {
    let header = frame.get(packet.transport_at as usize..)?;
    let (sequence, header_length) = if packet.protocol == protocol::TCP {
        let sequence = header.get(tcp::SEQUENCE_AT..)?.first_chunk()?;
        let offset = header.get(12)?;
        // A SYN takes a number of its own before the octets that it carries (RFC 7413).
        let syn = u32::from(packet.tcp_flags & tcp::flag::SYN != 0);
        let sequence = u32::from_be_bytes(*sequence).wrapping_add(syn);
        (sequence, u32::from(offset >> 4) * 4)
    } else {
        (0, u32::try_from(udp::LENGTH).ok()?)
    };
    let end = packet.link_length.checked_add(packet.ip_length)?;
    let begin = packet.transport_at.checked_add(header_length)?;
    let length = end.checked_sub(begin)?;
    let captured = header.get(header_length as usize..).unwrap_or_default();
    let most = (length as usize).min(limit).min(captured.len());
    Some((sequence, length, captured.get(..most)?))
}
