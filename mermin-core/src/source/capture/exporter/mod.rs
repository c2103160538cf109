//! The exporter side: makes records, suppresses those that the filter rejects, puts the others into the queue, and
//! tracks acknowledgements.

mod joining;
mod lookup;
mod open;
pub(super) mod record;
mod suppression;
pub(super) mod unacked;

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use mermin_bpf::abi::slot::state;

use self::{record::RecordContext, suppression::Suppression, unacked::Unacked};
use super::{shared::SharedCounters, slots::SlotTable};
use crate::{
    bpf::ledger::Suppressed,
    error::Error,
    failpoint::{FailPoint, fail_point},
    filter::{Filter, FilterDecision},
    flow::{EndReason, Flow},
    join::{Conversations, Join},
    process::Lookup,
    source::queue::Queue,
    table::{export_state::ExportState, limits::is_over, snapshot::FlowSnapshot},
};

/// Makes records and hands them over.
#[derive(Debug)]
pub(super) struct Exporter {
    queue: Arc<Queue>,
    shared: Arc<SharedCounters>,
    suppression: Suppression,
    /// Conversations that several interfaces see; used with `join`.
    conversations: Option<Conversations>,
    /// Where sockets are looked up.
    lookup: Option<Lookup>,
    /// Records that are not in the queue yet.
    out: VecDeque<Flow>,
    /// Number of records promised to flows that are being closed.
    promised: usize,
    /// The journal of a pinned source.
    unacked: Option<Unacked>,
}

impl Exporter {
    pub(super) fn new(
        queue: Arc<Queue>,
        shared: Arc<SharedCounters>,
        filter: Filter,
        join: Join,
        lookup: Option<Lookup>,
        unacked: Option<Unacked>,
    ) -> Self {
        Self {
            queue,
            shared,
            suppression: Suppression::new(filter),
            conversations: Conversations::new(join),
            lookup,
            out: VecDeque::new(),
            promised: 0,
            unacked,
        }
    }

    /// Notes for the next process, of a pinned source.
    pub(super) fn unacked(&self) -> Option<&Unacked> {
        self.unacked.as_ref()
    }

    /// Records that still fit into the queue once all flows that are being closed have theirs.
    pub(super) fn room_in_queue(&self) -> usize {
        self.queue
            .room()
            .saturating_sub(self.promised + self.out.len())
    }

    /// Records that may be made now, with this many slots. In a pinned source, at most half of the table may wait for
    /// last records to be acknowledged. Otherwise, repeated kills would fill the whole table with unacknowledged flows
    /// and leave no slot for new ones.
    pub(super) fn room(&self, slots: u32) -> usize {
        let room = self.room_in_queue();
        match &self.unacked {
            Some(unacked) => {
                let half = (slots / 2).max(1) as usize;
                room.min(half.saturating_sub(self.promised + unacked.last_records()))
            }
            None => room,
        }
    }

    /// Asks to be woken when the queue has room. False where it has.
    pub(super) fn want_room(&self) -> bool {
        self.queue.want_room()
    }

    /// A flow that is handed to the closer will have a record, unless it is suppressed.
    pub(super) fn promise(&mut self, suppressed: bool) {
        self.promised += usize::from(!suppressed);
    }

    /// That record is about to be made.
    pub(super) fn keep_promise(&mut self, suppressed: bool) {
        self.promised = self.promised.saturating_sub(usize::from(!suppressed));
    }

    /// True if a record of this flow has not been acknowledged: the next waits, because the journal can hold only one
    /// record per flow.
    pub(super) fn is_unacked(&self, slot: u32) -> bool {
        let unacked = self.unacked.as_ref();
        unacked.is_some_and(|unacked| unacked.is_unacked(slot))
    }

    /// True if every last record that was made was acknowledged.
    pub(super) fn all_acked(&self) -> bool {
        let unacked = self.unacked.as_ref();
        unacked.is_none_or(|unacked| unacked.last_records() == 0)
    }

    /// True if keys of flows that ended must be deleted before their last records are made.
    pub(super) fn outlives_the_process(&self) -> bool {
        self.unacked.is_some()
    }

    /// True if the flow in a slot will have no record: its end needs no room in the queue.
    pub(super) fn is_suppressed(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
    ) -> bool {
        let suppressed = self.suppression.is_suppressed(slots, records, slot);
        if !suppressed {
            self.enrol(slots, records, slot);
            self.look_up(slots, records, slot);
        }
        suppressed
    }

    /// Filters flows that begin from now on by another filter.
    ///
    /// # Errors
    /// As [`Filters::replace`](crate::filter::Filters::replace).
    pub(super) fn replace_filter(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        filter: Filter,
    ) -> Result<(), Error> {
        self.suppression.replace(slots, records, filter)
    }

    /// Makes a record at `now` (monotonic ns) of a flow that stays open, if there is anything to export and the queue
    /// has room. A `suppressed` record needs no room.
    pub(super) fn export_interval(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        now: u64,
        suppressed: bool,
        room: &mut usize,
    ) {
        let flow = records.snapshot(slots, slot);
        if slots.exported(slot).unexported(&flow) == 0 {
            slots.begin_interval(slot, now);
            return;
        }
        if self.is_unacked(slot) || *room == 0 && !suppressed {
            return;
        }
        *room -= usize::from(!suppressed);
        slots.slab().want_samples(slot);
        let exported = self.export(slots, records, slot, &flow, EndReason::ActiveTimeout);
        let mut then = *slots.exported(slot);
        then.mark_exported(&flow, now);
        match exported {
            Err(why) => self.suppress(slots, records, slot, &flow, Some(&then), why),
            Ok(()) => {
                if let Some(unacked) = &self.unacked {
                    unacked.begin_delivery(slot, &then, flow.last_seen());
                }
            }
        }
        slots.mark_exported(slot, then);
    }

    /// Makes a flow's last record and empties its slot, unless the record has to be acknowledged first. True when the slot is
    /// empty.
    pub(super) fn end(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        reason: EndReason,
    ) -> bool {
        let flow = records.snapshot(slots, slot);
        // Since the decision, packets may have arrived, or the next connection on the same ports.
        let is_replaced = slots.slab().state(slot) == state::REPLACED;
        let reason = if is_replaced || is_over(&flow.expiry_state()) {
            EndReason::EndOfFlow
        } else {
            reason
        };
        match self.export(slots, records, slot, &flow, reason) {
            Err(why) => self.suppress(slots, records, slot, &flow, None, why),
            Ok(()) => {
                if let Some(unacked) = &mut self.unacked {
                    unacked.begin_last_delivery(slot, reason);
                }
            }
        }
        self.leave_conversation(records, slot, &flow);
        self.forget_lookup(slot, &flow);
        self.shared.counts.ended.fetch_add(1, Ordering::Relaxed);
        if self.unacked.is_some() {
            slots.begin_close(slot);
            return false;
        }
        self.empty(slots, slot);
        true
    }

    /// Queues the record if the filter admits it and no other interface reports the conversation. Otherwise returns the
    /// reason to [suppress](Self::suppress) it.
    fn export(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        flow: &FlowSnapshot,
        reason: EndReason,
    ) -> Result<(), Suppressed> {
        let decision = self.suppression.decision(slots, records, slot, flow);
        if decision == FilterDecision::UNWANTED {
            return Err(Suppressed::Filtered);
        }
        let Some(sights) = self.join(slots, records, slot, flow) else {
            return Err(Suppressed::Joined);
        };
        let known = self.looked_up(slot, flow);
        let record = records.record(slots, slot, flow, reason, known.listening);
        let record = known.name(self.with_sights(record, flow, &sights));
        let unacked = self.unacked.as_ref();
        let is_exported =
            decision.is_exported() || unacked.is_some_and(|unacked| unacked.is_exported(slot));
        if !self.suppression.admits(decision, is_exported, &record) {
            return Err(Suppressed::Filtered);
        }
        slots.decide(slot, decision.and_exported());
        self.out.push_back(record);
        Ok(())
    }

    /// Moves the packets of a record to the ledger, under the reason `why`. `then` is the new export state, or `None`
    /// if the flow has ended.
    fn suppress(
        &mut self,
        slots: &SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        flow: &FlowSnapshot,
        then: Option<&ExportState>,
        why: Suppressed,
    ) {
        let ledger = &self.shared.ledger;
        let sums = suppression::sums_with(slots, records, slot, flow, ledger, why);
        match &mut self.unacked {
            Some(unacked) => {
                unacked.suppress(slot, then.zip(Some(flow.last_seen())), sums, ledger);
            }
            None => sums.iter().for_each(|sum| ledger.set_suppressed(sum)),
        }
        let count = match why {
            Suppressed::Filtered => &self.shared.counts.filtered,
            Suppressed::Joined => &self.shared.counts.joined,
        };
        // Whoever reads that it was suppressed finds its packets in the ledger.
        count.fetch_add(1, Ordering::Release);
    }

    /// Delivers a record again that may not have arrived, with the same counters, whatever was counted since and
    /// whatever the filter rejects now: its packets must not be under `filtered` as well if the receiver already has
    /// it.
    pub(super) fn redeliver(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        then: ExportState,
        last_seen: u64,
    ) {
        let mut flow = records.snapshot(slots, slot);
        for (side, exported) in flow.sides.iter_mut().zip(&then.exported) {
            side.packets = side.packets.min(exported.packets);
            side.octets = side.octets.min(exported.octets);
            side.extra = exported.extra;
            side.last_seen = side.last_seen.min(last_seen);
        }
        let known = self.looked_up(slot, &flow);
        let reason = EndReason::ActiveTimeout;
        let record = records.record(slots, slot, &flow, reason, known.listening);
        let record = known.name(self.with_sights_again(slots, records, slot, &flow, record));
        self.out.push_back(record);
        slots.mark_exported(slot, then);
    }

    /// Makes a slot one that nothing is known of.
    fn empty(&mut self, slots: &mut SlotTable, slot: u32) {
        let decision = slots.empty(slot);
        self.suppression.forget(decision);
    }

    /// Empties one slot whose records were all exported and acknowledged, if there is one. It may then be given back.
    pub(super) fn empty_acked(&mut self, slots: &mut SlotTable) -> Option<u32> {
        let slot = self.unacked.as_mut()?.next_acked()?;
        fail_point(FailPoint::Acknowledged);
        self.empty(slots, slot);
        fail_point(FailPoint::Scrubbed);
        self.unacked.as_ref()?.clear(slot);
        fail_point(FailPoint::Nobodys);
        Some(slot)
    }

    /// Hands the records made so far to the consumer.
    pub(super) fn deliver(&mut self) {
        self.count_missed_lookups();
        let made = self.out.len() as u64;
        if made != 0 {
            self.shared
                .counts
                .records
                .fetch_add(made, Ordering::Relaxed);
            self.queue.put(&mut self.out);
        }
    }
}
