//! Makes the records of flows that are due, and of those that end.

use super::{
    super::{joining, record_maker::RecordMaker, shared::Counts, slot::Slot},
    Flows,
};
use crate::{
    filter::FilterDecision,
    flow::EndReason,
    join::Sight,
    table::{
        coarse_time,
        limits::is_over,
        verdict::{Verdict, due, judge},
    },
};

impl Flows {
    /// Makes the records that are due, in the order of their times, until this many wait. `true` if no due record is
    /// left.
    pub(in crate::source::offline) fn expire(
        &mut self,
        counts: &mut Counts,
        records: usize,
    ) -> bool {
        while self.out.len() < records {
            let Some((moment, number)) = self.timers.pop(self.clock.now()) else {
                return true;
            };
            let Some(slot) = self.table.get(number) else {
                continue;
            };
            // Decides as of the due time, so the outcome of a flow does not depend on the packets of other flows.
            let verdict = judge(&slot.flow.expiry_state(), &slot.entry, &self.limits, moment);
            let mut earliest = moment.saturating_add(1);
            match verdict {
                Verdict::Keep(_) => {}
                Verdict::Report => {
                    // Due times are coarse, so the next record is at least one step later.
                    earliest = moment.saturating_add(coarse_time::STEP);
                    if slot.entry.unexported(&slot.flow) == 0 {
                        slot.entry.interval_start = coarse_time::CoarseTime::at(moment);
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
                self.timers.schedule(number, next);
            }
        }
        false
    }

    /// Adds a flow to its conversation, if conversations are joined and the filter admits it.
    pub(super) fn join_conversation(&mut self, counts: &mut Counts, number: u32) {
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

    /// Makes a flow's record, unless it is suppressed. Returns true if it was made.
    fn record_or_suppress(
        &mut self,
        counts: &mut Counts,
        number: u32,
        slot: &mut Slot,
        reason: EndReason,
        now: u64,
    ) -> bool {
        let Some(sights) = self.sights(counts, number, slot) else {
            joining::suppress(counts, &slot.flow, &slot.entry);
            return false;
        };
        let maker = RecordMaker {
            filters: &self.filters,
            listening: self.listening.as_ref(),
            epoch: self.epoch,
            now,
        };
        let out = &mut self.out;
        let Some(record) = maker.record_or_suppress(slot, number, reason, counts, out) else {
            return false;
        };
        if let Some(conversations) = &self.conversations {
            conversations.describe(record, &slot.flow, &sights);
        }
        true
    }

    /// Makes an interval record.
    fn report(&mut self, counts: &mut Counts, number: u32, now: u64) {
        let Some(mut copy) = self.table.get(number).cloned() else {
            return;
        };
        let is_made =
            self.record_or_suppress(counts, number, &mut copy, EndReason::ActiveTimeout, now);
        let Some(slot) = self.table.get(number) else {
            return;
        };
        slot.entry = copy.entry;
        slot.entry.mark_exported(&slot.flow, now);
        slot.begin_interval();
        if is_made {
            slot.decision = slot.decision.and_exported();
        }
    }

    /// Makes a flow's last record.
    pub(super) fn end(&mut self, counts: &mut Counts, number: u32, reason: EndReason) {
        if let Some(mut slot) = self.table.remove(number) {
            let now = self.clock.now();
            if let Some(payloads) = &slot.payloads {
                counts.payloads.cut += payloads.found.unfinished();
            }
            self.record_or_suppress(counts, number, &mut slot, reason, now);
            if let Some(conversations) = &mut self.conversations {
                joining::end(conversations, counts, number, &slot.flow);
            }
            self.filters.ended(slot.decision);
            if let Some(sampler) = &mut self.sampler
                && reason != EndReason::LackOfResources
            {
                sampler.ended();
            }
            counts.ended += 1;
            counts.open = self.table.open();
        }
    }

    /// Ends open flows until this many records wait. `true` if no flow is left.
    pub(in crate::source::offline) fn empty(
        &mut self,
        counts: &mut Counts,
        records: usize,
    ) -> bool {
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
