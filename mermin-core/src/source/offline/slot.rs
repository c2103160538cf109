//! One flow as packets of a capture make it: what the kernel program does to its slots, without the other CPUs.

use mermin_bpf::{
    abi::{
        fragment::Owner,
        key::KeyWords,
        slot::{Sample, origin},
    },
    track::{measure::Measure, origin::decide, tcp},
    wire::{packet::Packet, tcp::flag},
};

use crate::{
    filter::Standing,
    table::{entry::Entry, observation::Observation},
};

/// A packet's place in its flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// On the capture's clock, ns.
    pub(super) told: u64,
    /// As captured, ns since 1970.
    pub(super) wall: u64,
}

/// A flow and what was told of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    pub(super) flow: Observation,
    pub(super) entry: Entry,
    /// What the filter decided of it.
    pub(super) standing: Standing,
    /// Number of the flow in this capture; 0 for a free slot.
    pub(super) serial: u64,
    /// When it is to be looked at; other timers of this slot are void.
    pub(super) due: u64,
    /// Time of the first packet, ns since 1970.
    pub(super) started: u64,
    /// Time of the latest packet, ns since 1970.
    pub(super) ended: u64,
}

/// What counting a packet takes of its headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    tcp_flags: u8,
    sample: Sample,
}

impl Facts {
    pub(super) const fn of(packet: &Packet) -> Self {
        Self {
            tcp_flags: packet.tcp_flags,
            sample: packet.sample,
        }
    }

    /// Of a later fragment, which has nothing of its protocol's header.
    pub(super) const fn of_later(owner: &Owner) -> Self {
        Self {
            tcp_flags: 0,
            sample: Sample::unpack(owner.sample),
        }
    }
}

impl Slot {
    /// A flow that its first packet, of which nothing is counted yet, begins.
    pub(super) fn begin(
        key: KeyWords,
        packet: &Packet,
        direction: u8,
        mac: [u8; 6],
        at: Moment,
        serial: u64,
    ) -> Self {
        let bits = decide(packet.tcp_flags, direction);
        Self {
            flow: Observation {
                key,
                ipv6: packet.addresses.is_v6(),
                higher_started: bits & origin::HIGHER_STARTED != 0,
                by_syn: bits & origin::BY_SYN != 0,
                link_length: u8::try_from(packet.link_length).unwrap_or(u8::MAX),
                first_seen: at.told,
                mac,
                ..Observation::default()
            },
            serial,
            started: at.wall,
            ended: at.wall,
            ..Self::default()
        }
    }

    /// Whether a packet begins a new connection where this one has ended.
    pub(super) fn restarts(&self, packet: &Packet) -> bool {
        let [one, other] = &self.flow.sides;
        tcp::restarts(packet.tcp_flags, one.tcp.flags, other.tcp.flags)
    }

    /// Counts a packet. Returns whether the flow may now be due earlier than it was.
    pub(super) fn add(
        &mut self,
        packet: &Facts,
        measure: &Measure,
        direction: u8,
        at: Moment,
    ) -> bool {
        if at.told >= self.flow.last_seen() {
            self.ended = at.wall;
        }
        let link_length = self.flow.link_length;
        let [low, high] = &mut self.flow.sides;
        let (side, other) = if direction == 0 {
            (low, high)
        } else {
            (high, low)
        };
        side.packets += measure.packets;
        side.octets += measure.octets;
        side.extra = side.extra.wrapping_add(measure.extra(link_length));
        side.last_seen = side.last_seen.max(at.told);
        side.sample.get_or_insert(packet.sample);
        if packet.tcp_flags == 0 {
            return false;
        }
        let new = packet.tcp_flags & !side.tcp.flags;
        if new & flag::SYN != 0 {
            side.syn_at = at.told;
        }
        side.tcp.send(packet.tcp_flags, other.tcp.flags);
        new & (flag::FIN | flag::RST) != 0
    }

    /// Asks for a sample of the next packet in each direction.
    pub(super) fn want_samples(&mut self) {
        for side in &mut self.flow.sides {
            side.sample = None;
        }
    }
}
