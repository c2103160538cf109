//! One flow of a capture. Packets change it as the kernel program changes its slots, on one CPU.

use mermin_bpf::{
    abi::{
        fragment::FragmentFlow,
        key::{CARRIED, KeyWords},
        slot::{DIRECTIONS, Sample, origin},
        tcp_analysis::TcpAnalysis,
    },
    track::{measure::Measure, origin::First, tcp, tcp_analysis::Segment},
    wire::{packet::Packet, tcp::flag},
};

use super::payloads::Payloads;
use crate::{
    filter::FilterDecision,
    flow,
    pcap::Time,
    table::{
        export_state::ExportState,
        sampling,
        snapshot::FlowSnapshot,
        tcp_analysis::{self, TcpCounters},
    },
};

/// Time of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct PacketTime {
    /// On the capture's clock, ns.
    pub(super) clock: u64,
    /// The captured time; none for packets without one.
    pub(super) wall: Option<Time>,
}

/// Earliest and latest time of a flow's packets, in any order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// ns since 1970.
    pub(super) start: i64,
    /// ns since 1970.
    pub(super) end: i64,
    /// Resolution of the times, ns.
    pub(super) resolution: u64,
}

impl Span {
    const fn of(time: Time) -> Self {
        Self {
            start: time.at,
            end: time.at,
            resolution: time.resolution,
        }
    }

    fn with(self, time: Time) -> Self {
        Self {
            start: self.start.min(time.at),
            end: self.end.max(time.at),
            resolution: self.resolution.max(time.resolution),
        }
    }
}

/// A flow and its export state.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    pub(super) flow: FlowSnapshot,
    pub(super) entry: ExportState,
    /// The filter's decision on it.
    pub(super) decision: FilterDecision,
    /// Number of the flow in this capture; 0 for a free slot.
    pub(super) serial: u64,
    /// [`Packet::ids`] of the first packet.
    ids: u32,
    /// The [initial number](mermin_bpf::track::initial::number) of each direction.
    numbers: [Option<u32>; DIRECTIONS],
    /// Times of its packets; none if no packet had one.
    pub(super) span: Option<Span>,
    /// First payloads, where names are read.
    pub(super) payloads: Option<Box<Payloads>>,
    /// Analysis of its segments.
    analysed: Option<Box<Analysed>>,
}

/// The analysis of a connection, and its counters in the latest record.
#[derive(Clone, Debug, Default)]
struct Analysed {
    analysis: TcpAnalysis,
    exported: TcpCounters,
}

/// Header fields that counting a packet needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct CountedFields {
    tcp_flags: u8,
    sample: Sample,
}

impl CountedFields {
    pub(super) const fn of(packet: &Packet) -> Self {
        Self {
            tcp_flags: packet.tcp_flags,
            sample: packet.sample,
        }
    }

    /// Fields of a later fragment, which has no transport header.
    pub(super) const fn of_later(owner: &FragmentFlow) -> Self {
        Self {
            tcp_flags: 0,
            sample: Sample::unpack(owner.sample),
        }
    }
}

impl Slot {
    /// Begins a flow with its first packet, which is counted later. `bits` are the bits of [`origin`] that name the
    /// initiator.
    pub(super) fn begin(
        key: KeyWords,
        packet: &Packet,
        bits: u8,
        macs: [[u8; 6]; 2],
        at: PacketTime,
        serial: u64,
    ) -> Self {
        Self {
            flow: FlowSnapshot {
                key,
                ipv6: packet.addresses.is_v6(),
                higher_started: bits & origin::HIGHER_STARTED != 0,
                first: First::of(bits),
                link_length: u8::try_from(packet.link_length).unwrap_or(u8::MAX),
                first_seen: at.clock,
                macs,
                ..FlowSnapshot::default()
            },
            ids: packet.ids,
            serial,
            ..Self::default()
        }
    }

    /// Takes the flow out, and leaves a free slot. Only what marks it as free is overwritten, because a slot is large.
    pub(super) fn take(&mut self) -> Self {
        Self {
            flow: self.flow,
            entry: self.entry,
            decision: self.decision,
            serial: std::mem::take(&mut self.serial),
            ids: self.ids,
            numbers: self.numbers,
            span: self.span,
            payloads: self.payloads.take(),
            analysed: self.analysed.take(),
        }
    }

    /// Notes the fields in which the packet with this `key` differs from the first packet.
    pub(super) fn compare(&mut self, key: &KeyWords, packet: &Packet) {
        let differs = |number: usize| (self.flow.key[number] ^ key[number]) & CARRIED[number] != 0;
        let several = &mut self.flow.several;
        // A complete key was compared already, so nothing differs.
        several.vlan_ids |= differs(0);
        several.tunnels |= differs(1);
        several.vlan_tags |= packet.vlans.more();
        several.tunnel_ids |= packet.ids != 0 && packet.ids != self.ids;
    }

    /// One of 2 to the power of this number was kept.
    pub(super) fn kept_at(&self) -> u8 {
        sampling::shift(self.flow.sampling_interval)
    }

    /// True if a packet begins a new connection on the same ports, by its initial number.
    pub(super) fn restarts(&self, packet: &Packet, direction: u8, number: Option<u32>) -> bool {
        let seen = self.flow.sides.each_ref().map(|side| side.tcp.flags);
        let known = self.numbers[usize::from(direction)];
        tcp::restarts(packet.tcp_flags, seen, known, number)
    }

    /// Notes the initial number of a side of a connection.
    pub(super) fn open(&mut self, direction: u8, number: Option<u32>) {
        let known = &mut self.numbers[usize::from(direction)];
        *known = known.or(number);
    }

    /// Counts a packet. Returns true if the flow may now be due earlier.
    pub(super) fn add(
        &mut self,
        packet: &CountedFields,
        measure: &Measure,
        direction: u8,
        at: PacketTime,
    ) -> bool {
        if let Some(time) = at.wall {
            self.span = Some(match self.span {
                Some(span) => span.with(time),
                None => Span::of(time),
            });
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
        side.last_seen = side.last_seen.max(at.clock);
        side.sample.get_or_insert(packet.sample);
        if packet.tcp_flags == 0 {
            return false;
        }
        let new = packet.tcp_flags & !side.tcp.flags;
        if new & flag::SYN != 0 {
            side.syn_at = at.clock;
        }
        side.tcp.send(packet.tcp_flags, other.tcp.flags);
        new & (flag::FIN | flag::RST) != 0
    }

    /// Analyses a TCP segment.
    pub(super) fn analyse(&mut self, segment: &Segment, direction: u8, at: PacketTime) {
        let now = at.wall.map_or(0, |_| at.clock);
        let analysed = self.analysed.get_or_insert_default();
        analysed.analysis.add(direction, segment, 1, now);
    }

    /// Returns the analysis for a record made now.
    pub(super) fn analysis(&self) -> Option<Box<flow::TcpAnalysis>> {
        let Analysed { analysis, exported } = self.analysed.as_deref()?;
        let counters = TcpCounters::of(analysis);
        let is_higher = self.flow.higher_started;
        Some(Box::new(tcp_analysis::record(
            analysis, &counters, exported, is_higher,
        )))
    }

    /// Requests a sample of the next packet in each direction, after a record.
    pub(super) fn begin_interval(&mut self) {
        if let Some(Analysed { analysis, exported }) = self.analysed.as_deref_mut() {
            *exported = TcpCounters::of(analysis);
            tcp_analysis::begin_interval(analysis);
        }
        for side in &mut self.flow.sides {
            side.sample = None;
        }
    }
}
