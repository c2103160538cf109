//! Counts packets: each in a flow, or under a reason.

use mermin_bpf::{
    abi::{fragment::FragmentKey, ledger::Reason},
    track::{
        arrival::{Fragmentation, ParsedFrame},
        fragment,
        key::HIGH_TO_LOW,
        measure,
        origin::decide,
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
    pcap::{Interface, Packet},
    table::{record::flow_fields, verdict::due},
};

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
        let index = ifindex(packet.interface);
        let Some(layer) = interface.layer else {
            let hook = hook(counts, packet.interface, interface);
            hook.total(packet.length);
            hook.ignored(Reason::OtherLink, one(packet.length));
            return;
        };
        let read = layer.read(octets, packet.length, index, &self.options);
        hook(counts, packet.interface, interface).total(read.length);
        let outcome = match &read.outcome {
            Ok(arrival) => match &arrival.part {
                Fragmentation::None(found) | Fragmentation::First(found, _) => {
                    let captured = CapturedPacket {
                        arrival,
                        read: &read,
                        octets,
                    };
                    self.count(counts, index, found, at, &captured)
                }
                Fragmentation::Later(ip, key) => {
                    let counted = self.count_later(counts, ip, key, arrival, read.length, at);
                    if counted.is_err() {
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
                .remember_first(captured.arrival, packet, &key, direction, at.clock);
        take_back(counts, ifindex, &before);
        let mut known = self.table.find(&key);
        if let Some(number) = known
            && self
                .table
                .get(number)
                .is_some_and(|slot| slot.restarts(packet, direction, captured.arrival.number))
        {
            self.end(counts, number, EndReason::EndOfFlow);
            known = None;
        }
        let number = if let Some(number) = known {
            number
        } else {
            self.serial += 1;
            let mac = captured.mac(packet);
            let bits = decide(captured.arrival.is_answer, packet.tcp_flags, direction);
            let mut slot = Slot::begin(key.words(), packet, bits, mac, at, self.serial);
            slot.flow.outer = captured.outer(direction);
            slot.decision = self.filters.decide(&flow_fields(
                &slot.flow,
                &name_of(counts, (ifindex as usize).wrapping_sub(1)),
            ));
            let number = self.table.insert(&key, slot).inspect_err(|&reason| {
                // The fragments that came before the first one are counted under its reason.
                counted_under(counts, ifindex, reason, &before);
            })?;
            counts.open = self.table.open();
            self.join_conversation(counts, number);
            number
        };
        let measured = measure::measure(packet, captured.read.length, 0, 0).plus(&before);
        if let Some(slot) = self.table.get(number) {
            slot.compare(&key.words(), packet);
            slot.open(direction, captured.arrival.number);
            if self.analyses
                && let Some(segment) = &captured.arrival.segment
            {
                slot.analyse(segment, direction, at);
            }
            if captured.arrival.is_answer
                && let Some(listening) = &mut self.listening
            {
                listening.answered(&slot.flow, direction == HIGH_TO_LOW);
            }
            if let Some(limit) = self.named_by
                && Payloads::are_of(packet)
            {
                slot.payloads.get_or_insert_default().read(
                    &mut counts.payloads,
                    limit,
                    captured.read.frame(captured.octets),
                    packet,
                    direction,
                    slot.flow.higher_started,
                    at,
                );
            }
        }
        if let Some(slot) = self.table.get(number)
            && (slot.add(&CountedFields::of(packet), &measured, direction, at) || known.is_none())
        {
            self.timers.schedule(
                slot,
                number,
                due(&slot.flow.expiry_state(), &slot.entry, &self.limits, 0),
            );
        }
        Ok(())
    }

    /// Adds a later fragment to the flow of its first fragment.
    fn count_later(
        &mut self,
        counts: &mut Counts,
        ip: &Ip,
        key: &FragmentKey,
        arrival: &ParsedFrame,
        length: u32,
        at: PacketTime,
    ) -> Result<(), Reason> {
        let owner = self.fragments.find(key, at.clock).ok_or(Reason::Fragment)?;
        let number = self.table.find(&Key::of_fragment(&owner));
        let number = number.ok_or(Reason::Fragment)?;
        let before = self.fragments.remember_outer(arrival, owner, at.clock);
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
