//! The exporter: makes records, suppresses those that the filter rejects, or whose conversation another interface
//! reports, puts the others into the queue, and tracks acknowledgements.

mod ahead;
mod joining;
mod last_records;
mod lookup;
pub(super) mod names;
mod open;
pub(super) mod record;
mod room;
mod suppression;
pub(super) mod unacked;

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use mermin_bpf::abi::slot::state;

pub(super) use self::room::Room;
use self::{
    ahead::Ahead,
    lookup::Unasked,
    names::Names,
    record::{Beside, RecordContext, mark_beside},
    suppression::Suppression,
    unacked::Unacked,
};
use super::{shared::SharedCounters, slots::SlotTable};
use crate::{
    bpf::ledger::{LedgerSums, Suppressed},
    error::Error,
    failpoint::{FailPoint, fail_point},
    filter::{Filter, FilterDecision},
    flow::{Drops, EndReason, Flow},
    join::{Conversations, Join},
    process::Lookup,
    source::queue::Queue,
    table::{export_state::Watermark, limits::is_over, snapshot::FlowSnapshot},
};

/// Makes records and puts them into the queue.
#[derive(Debug)]
pub(super) struct Exporter {
    queue: Arc<Queue>,
    shared: Arc<SharedCounters>,
    suppression: Suppression,
    /// Conversations that several interfaces see; used with `join`.
    conversations: Option<Conversations>,
    /// The look-up of sockets and translations, if it is on.
    lookup: Option<Lookup>,
    unasked: Unasked,
    /// Names from payloads, where they are read.
    names: Option<Names>,
    /// Records that are not in the queue yet.
    out: VecDeque<Flow>,
    /// Number of flows that are being closed and may have a record: all but those that the filter rejects.
    promised: usize,
    ahead: Ahead,
    /// The unacknowledged records of a pinned source, with its journal.
    unacked: Option<Unacked>,
}

impl Exporter {
    pub(super) fn new(
        queue: Arc<Queue>,
        shared: Arc<SharedCounters>,
        filter: Filter,
        join: Join,
        lookup: Option<Lookup>,
        names: Option<Names>,
        unacked: Option<Unacked>,
    ) -> Self {
        Self {
            queue,
            shared,
            suppression: Suppression::new(filter),
            conversations: Conversations::new(join),
            lookup,
            unasked: Unasked::default(),
            names,
            out: VecDeque::new(),
            promised: 0,
            ahead: Ahead::default(),
            unacked,
        }
    }

    /// Returns the unacknowledged records of a pinned source, with its journal.
    pub(super) fn unacked(&self) -> Option<&Unacked> {
        self.unacked.as_ref()
    }

    /// Returns the number of records that the queue has room for.
    pub(super) fn room_in_queue(&self) -> usize {
        self.queue.room().saturating_sub(self.out.len())
    }

    /// Returns the room for a sweep of this many slots at `now` (monotonic ns). Flows are also closed while the queue is
    /// full, if the consumer takes records: the grace period then passes while earlier records are made. In a pinned source,
    /// at most half of the table may wait for last records to be acknowledged. Otherwise, repeated kills would fill the whole
    /// table with unacknowledged flows and leave no slot for new ones.
    pub(super) fn room(&mut self, slots: u32, now: u64) -> Room {
        let records = self.room_in_queue();
        let made = self.shared.counts.records.load(Ordering::Relaxed);
        let taken = made.saturating_sub(self.queue.len() as u64);
        let ahead = self.ahead.at(taken, now);
        let mut room = Room::of(slots, records, ahead, self.promised);
        if let Some(unacked) = &self.unacked {
            let half = (slots / 2).max(1) as usize;
            let acked = half.saturating_sub(self.promised + unacked.last_records());
            room.endings = room.endings.min(acked);
        }
        room
    }

    /// Asks to be woken when the consumer takes records. Returns false, without asking, if more than half of the queue is
    /// free.
    pub(super) fn want_room(&self) -> bool {
        self.queue.want_room()
    }

    /// Counts a flow that is handed to the closer, unless the filter rejects it.
    pub(super) fn promise(&mut self, rejected: bool) {
        self.promised += usize::from(!rejected);
    }

    /// Counts one [`promise`](Self::promise) less, because the flow's record is made or suppressed now.
    pub(super) fn fulfil_promise(&mut self, rejected: bool) {
        self.promised = self.promised.saturating_sub(usize::from(!rejected));
    }

    /// Returns true if a record of this flow is not acknowledged. The next record then waits, because the journal
    /// holds only one record per flow.
    pub(super) fn is_unacked(&self, slot: u32) -> bool {
        let unacked = self.unacked.as_ref();
        unacked.is_some_and(|unacked| unacked.is_unacked(slot))
    }

    /// Returns true if no slot of an ended flow waits: every last record was acknowledged or suppressed, and its slot is
    /// cleared.
    pub(super) fn all_acked(&self) -> bool {
        let unacked = self.unacked.as_ref();
        unacked.is_none_or(|unacked| unacked.last_records() == 0)
    }

    /// Returns true if the source is pinned. Draining then deletes keys before it makes last records.
    pub(super) fn is_pinned(&self) -> bool {
        self.unacked.is_some()
    }

    /// Enrols a flow if the filter admits it: in its conversation, and for its look-ups. Returns false if the
    /// filter rejects the flow. Its end then needs no room in the queue.
    pub(super) fn enrol_if_admitted(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
    ) -> bool {
        let admitted = !self.suppression.rejects_flow(slots, records, slot);
        if admitted {
            self.enrol(slots, records, slot);
            self.look_up(slots, records, slot);
        }
        admitted
    }

    /// Uses another filter for flows that begin from now on.
    ///
    /// # Errors
    /// Those of [`Filters::replace`](crate::filter::Filters::replace).
    pub(super) fn replace_filter(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        filter: Filter,
    ) -> Result<(), Error> {
        self.suppression.replace(slots, records, filter)
    }

    /// Makes a record at `now` (monotonic ns) of a flow that stays open, if it has new packets and the queue has
    /// room. A `rejected` flow's record needs no room.
    pub(super) fn export_interval(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        now: u64,
        rejected: bool,
        room: &mut usize,
    ) {
        let flow = records.snapshot(slots, slot);
        if slots.exported(slot).unexported(&flow) == 0 {
            slots.begin_interval(slot, now);
            return;
        }
        if self.is_unacked(slot) || *room == 0 && !rejected {
            return;
        }
        *room -= usize::from(!rejected);
        slots.slab().want_samples(slot);
        let beside = Beside::read(slots, slot, &flow);
        let reason = EndReason::ActiveTimeout;
        let exported = self.export(slots, records, slot, &flow, &beside, reason);
        let mut then = beside.watermark(*slots.exported(slot));
        then.state.mark_exported(&flow, now);
        match exported {
            Err(why) => self.suppress(slots, records, slot, &flow, Some(&then), why),
            Ok(()) => {
                if let Some(unacked) = &self.unacked {
                    unacked.begin_delivery(slot, &then, flow.last_seen());
                }
            }
        }
        slots.mark_exported(slot, then.state);
        mark_beside(slots, slot, &then);
        if then.tcp.is_some()
            && let Some(analyses) = slots.slab().analyses()
        {
            analyses.begin_interval(slot);
        }
    }

    /// Makes or suppresses a flow's last record, and clears its slot. In a pinned source,
    /// [`clear_acked`](Self::clear_acked) clears the slot later. Returns true if the slot is clear now.
    pub(super) fn end(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        reason: EndReason,
    ) -> bool {
        let flow = records.snapshot(slots, slot);
        // Since the decision, packets may have arrived, or a new connection with the same ports.
        let reason = match slots.slab().state(slot) {
            state::RESAMPLED => EndReason::LackOfResources,
            state::REPLACED => EndReason::EndOfFlow,
            _ if is_over(&flow.expiry_state()) => EndReason::EndOfFlow,
            _ => reason,
        };
        let beside = Beside::read(slots, slot, &flow);
        match self.export(slots, records, slot, &flow, &beside, reason) {
            Err(why) => self.suppress(slots, records, slot, &flow, None, why),
            Ok(()) => {
                if let Some(unacked) = &mut self.unacked {
                    unacked.begin_last_delivery(slot, reason);
                }
            }
        }
        self.leave_conversation(records, slot, &flow);
        self.forget_lookup(slot, &flow);
        self.forget_names(slot);
        self.shared.counts.ended.fetch_add(1, Ordering::Relaxed);
        if self.unacked.is_some() {
            slots.begin_close(slot);
            return false;
        }
        self.clear(slots, slot);
        true
    }

    /// Makes the record and keeps it for [`enqueue`](Self::enqueue), if the filter admits it and no other interface
    /// reports the conversation. Otherwise returns the reason to [suppress](Self::suppress) it.
    fn export(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        flow: &FlowSnapshot,
        beside: &Beside,
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
        let mut record = records.record(slots, slot, flow, beside, reason, known.listening);
        self.add_sights(&mut record, flow, &sights);
        known.add_to(&mut record);
        record.application = self.application(slot, flow.first_seen);
        record.drops = self.dropped(slots, slot, flow, beside);
        let unacked = self.unacked.as_ref();
        let is_exported =
            decision.is_exported() || unacked.is_some_and(|unacked| unacked.is_exported(slot));
        if !self.suppression.admits(decision, is_exported, &record) {
            return Err(Suppressed::Filtered);
        }
        slots.set_decision(slot, decision.and_exported());
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
        then: Option<&Watermark>,
        why: Suppressed,
    ) {
        let ledger = &self.shared.ledger;
        let sums = LedgerSums {
            hooks: suppression::sums_with(slots, records, slot, flow, ledger, why),
            drops: ledger.suppressed_drops_with(suppression::unexported_drops(slots, slot, then)),
        };
        if let Some(unacked) = &mut self.unacked {
            unacked.suppress(slot, then.zip(Some(flow.last_seen())), sums, ledger);
        } else {
            sums.hooks.iter().for_each(|sum| ledger.set_suppressed(sum));
            ledger.set_suppressed_drops(sums.drops);
        }
        let count = match why {
            Suppressed::Filtered => &self.shared.counts.filtered,
            Suppressed::Joined => &self.shared.counts.joined,
        };
        // The order guarantees that a reader of this count finds the packets in the ledger.
        count.fetch_add(1, Ordering::Release);
    }

    /// Delivers a record again that may not have arrived, with the same counters, even if the current filter rejects
    /// it. If the receiver already has the record, its packets must not be under `filtered` as well.
    pub(super) fn redeliver(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        then: &Watermark,
        last_seen: u64,
    ) {
        let mut flow = records.snapshot(slots, slot);
        for (side, exported) in flow.sides.iter_mut().zip(&then.state.exported) {
            side.packets = side.packets.min(exported.packets);
            side.octets = side.octets.min(exported.octets);
            side.extra = exported.extra;
            side.last_seen = side.last_seen.min(last_seen);
        }
        let known = self.looked_up(slot, &flow);
        let reason = EndReason::ActiveTimeout;
        let mut beside = Beside::read(slots, slot, &flow);
        beside.replace(then);
        let mut record = records.record(slots, slot, &flow, &beside, reason, known.listening);
        self.add_sights_again(slots, records, slot, &flow, &mut record);
        known.add_to(&mut record);
        record.application = self.application(slot, flow.first_seen);
        record.drops = self.dropped(slots, slot, &flow, &beside);
        self.out.push_back(record);
        slots.mark_exported(slot, then.state);
        mark_beside(slots, slot, then);
    }

    /// Returns, for a record, the counts of the packets that the kernel dropped.
    fn dropped(
        &self,
        slots: &SlotTable,
        slot: u32,
        flow: &FlowSnapshot,
        beside: &Beside,
    ) -> Option<Box<Drops>> {
        let (sums, counted) = beside.drops.as_ref().zip(self.shared.drops.as_ref())?;
        let exported = slots.drops_exported(slot);
        sums.record(&exported, flow.higher_started, |reason| {
            counted.name(reason)
        })
    }

    /// Clears a slot for reuse.
    fn clear(&mut self, slots: &mut SlotTable, slot: u32) {
        let decision = slots.clear(slot);
        self.suppression.forget(decision);
    }

    /// Clears one slot of an ended flow whose last record was acknowledged or suppressed, if there is one, and returns it.
    /// The caller may give that slot back to the kernel program.
    pub(super) fn clear_acked(&mut self, slots: &mut SlotTable) -> Option<u32> {
        let slot = self.unacked.as_mut()?.next_acked()?;
        fail_point(FailPoint::Acknowledged);
        self.clear(slots, slot);
        fail_point(FailPoint::Scrubbed);
        self.unacked.as_ref()?.clear(slot);
        fail_point(FailPoint::Unowned);
        Some(slot)
    }

    /// Puts the records made so far into the queue.
    pub(super) fn enqueue(&mut self) {
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
