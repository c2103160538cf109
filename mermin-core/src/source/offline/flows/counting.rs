//! Counts packets: each in a flow, or under a reason.

use mermin_bpf::{
    abi::{fragment::FragmentKey, ledger::Reason},
    track::{
        fragment,
        key::HIGH_TO_LOW,
        measure,
        origin::decide,
        parsed_frame::{Fragmentation, ParsedFrame},
    },
    wire::{ip::Ip, packet},
};

use super::{
    super::{
        captured_packet::CapturedPacket,
        ledgers::{counted_under, hook, name_of, one, take_back},
        payloads::Payloads,
        shared::{Counts, ifindex},
        slot::{CountedFields, PacketTime, Slot},
        table::Key,
    },
    Flows,
};
use crate::{
    flow::EndReason,
    pcap::{Interface, Packet, link::ParsedPacket},
    table::{record::flow_fields, sampling, snapshot::FlowSnapshot, verdict::due},
};

/// A packet, and the key of its flow.
struct KeyedPacket<'a> {
    packet: &'a packet::Packet,
    captured: &'a CapturedPacket<'a>,
    ifindex: u32,
    key: Key,
    direction: u8,
    at: PacketTime,
}

impl Flows {
    /// Counts a packet in the ledger, and in a flow or under a reason. The caller first expires the flows that were
    /// due before the packet.
    pub(in crate::source::offline) fn packet(
        &mut self,
        counts: &mut Counts,
        interface: &Interface,
        packet: &Packet,
        at: PacketTime,
        octets: &[u8],
    ) {
        if let Some(sampler) = &mut self.sampler {
            sampler.pass(at.clock, self.table.open());
        }
        counts.sampling = self.sampling_shift();
        let index = ifindex(packet.interface);
        let Some(layer) = interface.layer else {
            let hook = hook(counts, packet.interface, interface);
            hook.total(packet.length);
            hook.ignored(Reason::OtherLink, one(packet.length));
            return;
        };
        let mut read = ParsedPacket::default();
        let headers = layer.read(octets, packet.length, index, &self.options, &mut read);
        hook(counts, packet.interface, interface).total(read.length);
        let outcome = match &headers {
            Ok(parsed) => match &parsed.part {
                Fragmentation::None(found) | Fragmentation::First(found, _) => {
                    let captured = CapturedPacket {
                        parsed,
                        read: &read,
                        octets,
                    };
                    self.count(counts, index, found, at, &captured)
                }
                Fragmentation::Later(ip, key) => {
                    let counted = self.count_later(counts, ip, key, parsed, read.length, at);
                    if counted == Err(Reason::Fragment) {
                        self.fragments.keep(*key, ip, read.length, at.clock);
                    }
                    counted
                }
            },
            Err(reason) => Err(*reason),
        };
        if let Err(reason) = outcome {
            hook(counts, packet.interface, interface).ignored(reason, one(read.length));
        }
    }

    /// Finds or begins the packet's flow, and adds the packet to it.
    fn count(
        &mut self,
        counts: &mut Counts,
        ifindex: u32,
        packet: &packet::Packet,
        at: PacketTime,
        captured: &CapturedPacket<'_>,
    ) -> Result<(), Reason> {
        let (key, direction) = Key::of(packet, ifindex);
        let before =
            self.fragments
                .remember_first(captured.parsed, packet, &key, direction, at.clock);
        if before.packets != 0 {
            take_back(counts, ifindex, &before);
        }
        let it = KeyedPacket {
            packet,
            captured,
            ifindex,
            key,
            direction,
            at,
        };
        let found = self.table.find(&it.key);
        let ended = found.and_then(|number| self.end_former(counts, number, &it));
        let known = found.filter(|_| ended.is_none());
        let number = if let Some(number) = known {
            number
        } else {
            let begun = self.begin(counts, &it, ended.as_ref());
            begun.inspect_err(|&reason| {
                // The fragments that came before the first one are counted under its reason.
                counted_under(counts, ifindex, reason, &before);
            })?
        };
        self.look_into(counts, number, &it);
        let measured = measure::measure(packet, captured.read.length, 0, 0).plus(&before);
        if let Some(slot) = self.table.get(number)
            && (slot.add(&CountedFields::of(packet), &measured, direction, at) || known.is_none())
        {
            let due = due(&slot.flow.expiry_state(), &slot.entry, &self.limits, 0);
            self.timers.schedule(number, due);
        }
        Ok(())
    }

    /// Ends the flow with the packet's key, if the packet begins another one. Returns it, and why.
    fn end_former(
        &mut self,
        counts: &mut Counts,
        number: u32,
        it: &KeyedPacket<'_>,
    ) -> Option<(FlowSnapshot, EndReason)> {
        let slot = self.table.get(number)?;
        let reason = if slot.restarts(it.packet, it.direction, it.captured.parsed.number) {
            EndReason::EndOfFlow
        } else if let Some(sampler) = &self.sampler
            && slot.kept_at() > sampler.shift()
        {
            EndReason::LackOfResources
        } else {
            return None;
        };
        let former = slot.flow;
        self.end(counts, number, reason);
        Some((former, reason))
    }

    /// Begins the packet's flow. `ended` is the one with the same key that has just ended. Returns its number.
    fn begin(
        &mut self,
        counts: &mut Counts,
        it: &KeyedPacket<'_>,
        ended: Option<&(FlowSnapshot, EndReason)>,
    ) -> Result<u32, Reason> {
        let kept_at = self.admit(&it.key, ended.map(|(flow, _)| flow));
        counts.sampling = self.sampling_shift();
        let kept_at = kept_at?;
        self.serial += 1;
        let macs = it.captured.macs(it.packet);
        let parsed = it.captured.parsed;
        let bits = decide(parsed.is_answer, it.packet.tcp_flags, it.direction);
        let mut slot = Slot::begin(it.key.words(), it.packet, bits, macs, it.at, self.serial);
        slot.flow.outer = it.captured.outer(it.direction);
        slot.flow.sampling_interval = kept_at.map(sampling::interval);
        let continued = ended.filter(|(_, reason)| *reason == EndReason::LackOfResources);
        if let Some((former, _)) = continued {
            // The same conversation: its first packet has decided who began it.
            slot.flow.higher_started = former.higher_started;
            slot.flow.first = former.first;
        }
        slot.decision = self.filters.decide(&flow_fields(
            &slot.flow,
            &name_of(counts, (it.ifindex as usize).wrapping_sub(1)),
        ));
        let number = self.table.insert(&it.key, slot)?;
        counts.open = self.table.open();
        if let Some(sampler) = self.sampler.as_mut().filter(|_| continued.is_none()) {
            sampler.began();
        }
        self.join_conversation(counts, number);
        Ok(number)
    }

    /// Notes what the packet's headers and payload say about its flow.
    fn look_into(&mut self, counts: &mut Counts, number: u32, it: &KeyedPacket<'_>) {
        let Some(slot) = self.table.get(number) else {
            return;
        };
        let parsed = it.captured.parsed;
        slot.compare(&it.key.words(), it.packet);
        slot.open(it.direction, parsed.number);
        if self.analyses
            && let Some(segment) = &parsed.segment
        {
            slot.analyse(segment, it.direction, it.at);
        }
        if parsed.is_answer
            && let Some(listening) = &mut self.listening
        {
            listening.answered(&slot.flow, it.direction == HIGH_TO_LOW);
        }
        if let Some(limit) = self.named_by
            && Payloads::are_of(it.packet)
        {
            slot.payloads.get_or_insert_default().read(
                &mut counts.payloads,
                limit,
                it.captured.read.frame(it.captured.octets),
                it.packet,
                it.direction,
                slot.flow.higher_started,
                it.at,
            );
        }
    }

    /// Decides if a new flow is kept. Returns its shift, where flows are sampled. `before` is the flow of the same key that has just ended.
    fn admit(&mut self, key: &Key, before: Option<&FlowSnapshot>) -> Result<Option<u8>, Reason> {
        let free = u64::from(self.table.capacity()).saturating_sub(self.table.open());
        let free = u32::try_from(free).unwrap_or(u32::MAX);
        let before = before.map(|flow| sampling::shift(flow.sampling_interval));
        let sampler = self.sampler.as_mut();
        sampler
            .map(|sampler| sampler.admit(&key.words(), before, free))
            .transpose()
    }

    /// Adds a later fragment to the flow of its first fragment.
    fn count_later(
        &mut self,
        counts: &mut Counts,
        ip: &Ip,
        key: &FragmentKey,
        parsed: &ParsedFrame,
        length: u32,
        at: PacketTime,
    ) -> Result<(), Reason> {
        let owner = self.fragments.find(key, at.clock).ok_or(Reason::Fragment)?;
        let first = Key::of_fragment(&owner);
        let Some(number) = self.table.find(&first) else {
            let sampler = self.sampler.as_ref();
            let is_left_out = sampler.is_some_and(|it| !it.keeps(&first.words()));
            return Err(if is_left_out {
                Reason::NotSampled
            } else {
                Reason::Fragment
            });
        };
        let before = self.fragments.remember_outer(parsed, owner, at.clock);
        take_back(counts, key.ifindex, &before);
        let measured = fragment::measure(ip, &owner, length).plus(&before);
        if let Some(slot) = self.table.get(number) {
            slot.add(
                &CountedFields::of_later(&owner),
                &measured,
                owner.direction,
                at,
            );
        }
        Ok(())
    }
}
