//! Conversations on several interfaces: passes the contents of slots to the decisions in `join`.

use std::sync::atomic::Ordering;

use super::{Exporter, record::RecordContext};
use crate::{
    bpf::ledger::Suppressed,
    flow::Flow,
    join::{Beginning, Decision, Sight, part_of_another},
    source::capture::slots::SlotTable,
    table::{export_state::Watermark, snapshot::FlowSnapshot},
};

impl Exporter {
    /// Adds the flows of all slots to their conversations, if conversations are joined. This happens before any of
    /// the flows ends. They are added in the order in which they began: the counts of a conversation when a flow began are those of
    /// older flows, and slots are in no order.
    pub(in crate::source::capture) fn enrol_all(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
    ) {
        let Some(conversations) = &self.conversations else {
            return;
        };
        let new = slots
            .used()
            .filter(|&slot| slots.is_open(slot) && !conversations.knows(slot));
        let mut flows: Vec<(u64, u32)> = new
            .map(|slot| (slots.slab().first_seen(slot), slot))
            .collect();
        flows.sort_unstable();
        for (_, slot) in flows {
            self.enrol_if_admitted(slots, records, slot);
        }
    }

    /// Adds a flow that the filter admits to its conversation, if conversations are joined and it is new.
    pub(super) fn enrol(&mut self, slots: &SlotTable, records: &RecordContext<'_>, slot: u32) {
        let Some(conversations) = &mut self.conversations else {
            return;
        };
        if conversations.knows(slot) {
            return;
        }
        let unacked = self.unacked.as_ref();
        let is_exported =
            unacked.is_some_and(|noted| noted.is_exported(slot) || noted.is_unacked(slot));
        let flow = records.snapshot(slots, slot);
        let beginning = Beginning {
            slot,
            flow: &flow,
            is_exported,
        };
        let read = |other| sight(slots, records, other);
        if !conversations.begin(&beginning, read) {
            self.shared.counts.unjoined.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Decides if a flow's next record is made. Returns `None` if another flow reports the conversation, otherwise the
    /// counts of all its flows. If this flow takes over, the part that another flow has reported is suppressed at once.
    pub(super) fn join(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        flow: &FlowSnapshot,
    ) -> Option<Vec<Sight>> {
        // A record that is delivered again is the same as before.
        if self.conversations.is_none() || self.is_unacked(slot) {
            return Some(self.sights(slots, records, slot, flow));
        }
        let conversations = self.conversations.as_mut()?;
        let own = Sight::of(flow, records.name(flow));
        let exported = &slots.exported(slot).exported;
        let read = |other| sight(slots, records, other);
        match conversations.decide(slot, &own, exported, read) {
            Decision::Suppressed => None,
            Decision::Reports { covered, sights } => {
                if let Some(part) = part_of_another(flow, slots.exported(slot), &covered) {
                    self.suppress_part(slots, records, slot, &part);
                }
                Some(sights)
            }
        }
    }

    /// Returns the counts of all flows of a conversation; empty if conversations are not joined.
    fn sights(
        &self,
        slots: &SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        flow: &FlowSnapshot,
    ) -> Vec<Sight> {
        let Some(conversations) = &self.conversations else {
            return Vec::new();
        };
        let own = Sight::of(flow, records.name(flow));
        let read = |other| sight(slots, records, other);
        conversations.sights(slot, &own, read)
    }

    /// Adds the counts of all flows of the conversation to a record.
    pub(super) fn add_sights(&self, record: &mut Flow, flow: &FlowSnapshot, sights: &[Sight]) {
        if let Some(conversations) = &self.conversations {
            conversations.describe(record, flow, sights);
        }
    }

    /// Adds the same counts to a record that is delivered again.
    pub(super) fn add_sights_again(
        &self,
        slots: &SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        flow: &FlowSnapshot,
        record: &mut Flow,
    ) {
        let sights = self.sights(slots, records, slot, flow);
        self.add_sights(record, flow, &sights);
    }

    fn suppress_part(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        part: &FlowSnapshot,
    ) {
        let mut then = Watermark {
            state: *slots.exported(slot),
            tcp: slots.slab().analyses().map(|_| slots.tcp_exported(slot)),
            drops: slots.slab().drops().map(|_| slots.drops_exported(slot)),
        };
        let start = then.state.interval_start.nanoseconds();
        then.state.mark_exported(part, start);
        self.suppress(slots, records, slot, part, Some(&then), Suppressed::Joined);
        slots.mark_exported(slot, then.state);
    }

    /// Removes an ended flow from its conversation.
    pub(super) fn leave_conversation(
        &mut self,
        records: &RecordContext<'_>,
        slot: u32,
        flow: &FlowSnapshot,
    ) {
        if let Some(conversations) = &mut self.conversations {
            let own = Sight::of(flow, records.name(flow));
            conversations.end(slot, own);
        }
    }
}

/// Returns the current counts of the flow in a slot.
fn sight(slots: &SlotTable, records: &RecordContext<'_>, slot: u32) -> Sight {
    let flow = records.snapshot(slots, slot);
    let name = records.name(&flow);
    Sight::of(&flow, name)
}
