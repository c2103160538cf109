//! The flows of a capture. Packets and time change them, and their records are made here.

use std::collections::VecDeque;

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
    captured_packet::CapturedPacket,
    clock::Clock,
    fragments::Fragments,
    joining,
    ledgers::{counted_under, hook, name_of, one, take_back},
    listening::ListeningPorts,
    payloads::Payloads,
    record_maker::RecordMaker,
    shared::{Counts, ifindex},
    slot::{CountedFields, PacketTime, Slot},
    table::{Key, Table},
    timers::Timers,
};
use crate::{
    filter::{Filter, FilterDecision, Filters},
    flow::{EndReason, Flow},
    join::{Conversations, Join, Sight},
    pcap::{Interface, Packet, link::ParseOptions},
    source::pages::PageRequest,
    table::{
        Timeouts, coarse_time,
        limits::{Limits, is_over},
        record::flow_fields,
        timeouts::nanoseconds,
        verdict::{Verdict, due, judge},
    },
};

/// The flows of a capture.
#[derive(Debug)]
pub(super) struct Flows {
    limits: Limits,
    clock: Clock,
    /// Time of the latest packet, ns since 1970. Packets without a time get this one.
    wall: i64,
    table: Table,
    timers: Timers,
    filters: Filters,
    conversations: Option<Conversations>,
    listening: Option<ListeningPorts>,
    /// TCP segments are analysed.
    analyses: bool,
    /// Octets of a payload that names are read from; none where they are not.
    named_by: Option<usize>,
    fragments: Fragments,
    options: ParseOptions,
    epoch: u64,
    serial: u64,
    /// Slots below this one were ended at the end of the capture.
    emptied: u32,
    /// Records that the consumer has not taken.
    pub(super) out: VecDeque<Flow>,
}

impl Flows {
    /// Makes an empty table. `epoch` is random, so that ids of two sources differ.
    pub(super) fn new(
        timeouts: Timeouts,
        filter: Filter,
        most: u32,
        epoch: u64,
        options: ParseOptions,
    ) -> Self {
        let longest = timeouts
            .named()
            .iter()
            .map(|&(_, timeout)| nanoseconds(timeout))
            .fold(0, u64::max);
        Self {
            limits: timeouts.into(),
            clock: Clock::new(longest),
            wall: 0,
            table: Table::new(most, epoch, options.keyed),
            timers: Timers::default(),
            filters: Filters::new(filter),
            conversations: None,
            listening: None,
            analyses: false,
            named_by: None,
            fragments: Fragments::default(),
            options,
            epoch,
            serial: 0,
            emptied: 0,
            out: VecDeque::new(),
        }
    }

    /// Joins conversations that several interfaces see.
    pub(super) fn joined(self, join: Join) -> Self {
        Self {
            conversations: Conversations::new(join),
            ..self
        }
    }

    /// Uses ports that answered a connection to decide directions.
    pub(super) fn listening(self, is_wanted: bool) -> Self {
        Self {
            listening: is_wanted.then(ListeningPorts::default),
            ..self
        }
    }

    /// Analyses TCP segments if `analyses`.
    pub(super) fn analysing(self, analyses: bool) -> Self {
        Self { analyses, ..self }
    }

    /// Has names read from so many octets of the first payloads.
    pub(super) fn named(self, octets: Option<usize>) -> Self {
        Self {
            named_by: octets,
            ..self
        }
    }

    /// Returns the time of a packet, and advances the clock to it. Another call with the same packet returns the same
    /// time.
    pub(super) fn moment(&mut self, packet: &Packet) -> PacketTime {
        self.wall = packet.time.map_or(self.wall, |time| time.at);
        PacketTime {
            clock: self.clock.advance(self.wall),
            wall: packet.time,
        }
    }

    /// Advances the clock to this time (ns since 1970); no earlier packet follows.
    pub(super) fn pass(&mut self, until: i64) {
        if until > self.wall {
            self.clock.advance(until);
        }
    }

    /// Time until the next flow is due, in ns; `None` if there is no flow.
    pub(super) fn idle_for(&self) -> Option<u64> {
        Some(self.timers.next()?.saturating_sub(self.clock.now()))
    }

    /// Counts a packet in the ledger, and in a flow or under a reason. The caller first expires the flows that were
    /// due before the packet.
    pub(super) fn packet(
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

    /// Open flows.
    #[cfg(feature = "__lab")]
    pub(super) fn open(&self) -> impl Iterator<Item = &crate::table::snapshot::FlowSnapshot> {
        self.table.flows()
    }

    /// Fills a page of open flows.
    pub(super) fn fill(&self, counts: &Counts, request: PageRequest) {
        let records = self.records(self.clock.now());
        request.fill(self.table.touched(), |number| {
            let slot = self.table.slot(number)?;
            (slot.decision != FilterDecision::UNWANTED)
                .then(|| records.record(slot, number, EndReason::ActiveTimeout, counts))
        });
    }

    fn records(&self, now: u64) -> RecordMaker<'_> {
        RecordMaker {
            filters: &self.filters,
            listening: self.listening.as_ref(),
            epoch: self.epoch,
            now,
        }
    }

    /// Makes the records that are due, in the order of their times, until this many wait. `true` if no due record is
    /// left.
    pub(super) fn expire(&mut self, counts: &mut Counts, records: usize) -> bool {
        while self.out.len() < records {
            let Some((moment, number)) = self.timers.pop(self.clock.now()) else {
                return true;
            };
            let Some(slot) = self.table.get(number).filter(|slot| slot.due == moment) else {
                continue;
            };
            // Decides as of the due time, so the outcome of a flow does not depend on the packets of other flows.
            let verdict = judge(&slot.flow.expiry_state(), &slot.entry, &self.limits, moment);
            let mut earliest = moment + 1;
            match verdict {
                Verdict::Keep(_) => {}
                Verdict::Report => {
                    // Due times are coarse, so the next record is at least one step later.
                    earliest = moment.saturating_add(coarse_time::STEP);
                    if slot.entry.unexported(&slot.flow) == 0 {
                        slot.entry.since = coarse_time::CoarseTime::at(moment);
                    } else {
                        self.report(counts, number, moment);
                    }
                }
                Verdict::Close(reason) => {
                    self.end(counts, number, reason);
                    continue;
                }
            }
            if let Some(slot) = self.table.get(number) {
                let next = due(
                    &slot.flow.expiry_state(),
                    &slot.entry,
                    &self.limits,
                    earliest,
                );
                self.timers.schedule(slot, number, next);
            }
        }
        false
    }

    /// Adds a flow to its conversation, if conversations are joined and the filter admits it.
    fn join_conversation(&mut self, counts: &mut Counts, number: u32) {
        if let Some(conversations) = &mut self.conversations
            && let Some(slot) = self.table.get(number)
            && slot.decision != FilterDecision::UNWANTED
        {
            let flow = slot.flow;
            joining::begin(conversations, &self.table, counts, number, &flow);
        }
    }

    /// Returns the counts of a flow's conversation at all interfaces. `None` if another flow reports the conversation;
    /// then the counts go to the ledger.
    fn sights(&mut self, counts: &mut Counts, number: u32, slot: &mut Slot) -> Option<Vec<Sight>> {
        match &mut self.conversations {
            Some(conversations) if slot.decision != FilterDecision::UNWANTED => joining::decide(
                conversations,
                &self.table,
                counts,
                number,
                &slot.flow,
                &mut slot.entry,
            ),
            _ => Some(Vec::new()),
        }
    }

    /// Makes a flow's record, unless it is suppressed.
    fn record_or_suppress(
        &mut self,
        counts: &mut Counts,
        number: u32,
        slot: &mut Slot,
        reason: EndReason,
        now: u64,
    ) -> Option<Flow> {
        let Some(sights) = self.sights(counts, number, slot) else {
            joining::suppress(counts, &slot.flow, &slot.entry);
            return None;
        };
        let mut record = self
            .records(now)
            .record_or_suppress(slot, number, reason, counts)?;
        if let Some(conversations) = &self.conversations {
            conversations.describe(&mut record, &slot.flow, &sights);
        }
        Some(record)
    }

    /// Makes an interval record.
    fn report(&mut self, counts: &mut Counts, number: u32, now: u64) {
        let Some(mut copy) = self.table.get(number).cloned() else {
            return;
        };
        let flow =
            self.record_or_suppress(counts, number, &mut copy, EndReason::ActiveTimeout, now);
        let Some(slot) = self.table.get(number) else {
            return;
        };
        slot.entry = copy.entry;
        slot.entry.mark_exported(&slot.flow, now);
        slot.begin_interval();
        if flow.is_some() {
            slot.decision = slot.decision.and_exported();
        }
        self.out.extend(flow);
    }

    /// Makes a flow's last record.
    fn end(&mut self, counts: &mut Counts, number: u32, reason: EndReason) {
        if let Some(mut slot) = self.table.remove(number) {
            let now = self.clock.now();
            if let Some(payloads) = &slot.payloads {
                counts.payloads.cut += payloads.conversation.unfinished();
            }
            let record = self.record_or_suppress(counts, number, &mut slot, reason, now);
            self.out.extend(record);
            if let Some(conversations) = &mut self.conversations {
                joining::end(conversations, counts, number, &slot.flow);
            }
            self.filters.ended(slot.decision);
            counts.ended += 1;
            counts.open = self.table.open();
        }
    }

    /// Ends open flows until this many records wait. `true` if no flow is left.
    pub(super) fn empty(&mut self, counts: &mut Counts, records: usize) -> bool {
        while self.emptied < self.table.touched() {
            if self.out.len() >= records {
                return false;
            }
            let number = self.emptied;
            self.emptied += 1;
            if let Some(slot) = self.table.get(number) {
                let reason = if is_over(&slot.flow.expiry_state()) {
                    EndReason::EndOfFlow
                } else {
                    EndReason::ForcedEnd
                };
                self.end(counts, number, reason);
            }
        }
        true
    }
}
