//! The filter's decision about a flow. It is made once, when the flow is first read, and stored beside its slot.
//!
//! The kernel also counts packets of a rejected flow. Its records are suppressed: their packets go to the reason
//! `filtered` of the hook that they crossed.

use mermin_bpf::abi::{
    ledger::{HookDirection, Ignored},
    slot::DIRECTIONS,
};

use super::record::RecordContext;
use crate::{
    bpf::ledger::{Ledger, Sum, Suppressed},
    error::Error,
    filter::{Filter, FilterDecision, Filters},
    flow::Flow,
    source::capture::slots::SlotTable,
    table::{
        record::{flow_fields, unexported},
        snapshot::FlowSnapshot,
    },
};

/// The filters and their decisions.
#[derive(Debug)]
pub(super) struct Suppression {
    filters: Filters,
}

impl Suppression {
    pub(super) fn new(filter: Filter) -> Self {
        Self {
            filters: Filters::new(filter),
        }
    }

    /// Returns the decision about the flow in a slot; makes it if there is none yet.
    pub(super) fn decision(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        flow: &FlowSnapshot,
    ) -> FilterDecision {
        self.known(slots, slot).unwrap_or_else(|| {
            let decided = self.decide(records, flow);
            slots.decide(slot, decided);
            decided
        })
    }

    /// Returns the decision about the flow in a slot, if there is one or none is needed.
    fn known(&self, slots: &SlotTable, slot: u32) -> Option<FilterDecision> {
        let known = slots.decision(slot);
        (known != FilterDecision::UNDECIDED || self.filters.want_all()).then_some(known)
    }

    /// Decides about a flow.
    fn decide(&mut self, records: &RecordContext<'_>, flow: &FlowSnapshot) -> FilterDecision {
        self.filters.decide(&flow_fields(flow, &records.name(flow)))
    }

    /// Returns true if the flow in a slot will have no record.
    pub(super) fn is_suppressed(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
    ) -> bool {
        let decision = self.known(slots, slot).unwrap_or_else(|| {
            let flow = records.snapshot(slots, slot);
            self.decision(slots, records, slot, &flow)
        });
        decision == FilterDecision::UNWANTED
    }

    /// Returns true if the filter admits a record of a flow with this decision.
    pub(super) fn admits(
        &self,
        decision: FilterDecision,
        is_exported: bool,
        record: &Flow,
    ) -> bool {
        self.filters.admit(decision, is_exported, record)
    }

    /// Forgets a flow with this decision, because it has ended.
    pub(super) fn forget(&mut self, decision: FilterDecision) {
        self.filters.ended(decision);
    }

    /// Uses another filter for flows that begin from now on. The old filter first decides all flows without a
    /// decision.
    ///
    /// # Errors
    /// Those of [`Filters::replace`].
    pub(super) fn replace(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        filter: Filter,
    ) -> Result<(), Error> {
        for slot in slots.used() {
            if slots.decision(slot) != FilterDecision::UNDECIDED || slots.is_free(slot) {
                continue;
            }
            if self.filters.want_all() {
                slots.decide(slot, FilterDecision::WANTED);
            } else {
                let flow = records.snapshot(slots, slot);
                self.decision(slots, records, slot, &flow);
            }
        }
        self.filters.replace(filter)
    }
}

/// Returns the counts under a reason after the next record of a flow is suppressed.
pub(super) fn sums_with(
    slots: &SlotTable,
    records: &RecordContext<'_>,
    slot: u32,
    flow: &FlowSnapshot,
    ledger: &Ledger,
    why: Suppressed,
) -> [Sum; DIRECTIONS] {
    let exported = &slots.exported(slot).exported;
    let mut moved = [Ignored::default(); DIRECTIONS];
    for (side, exported) in flow.sides.iter().zip(exported) {
        // A direction with packets has a sample.
        let hook = side.hook.unwrap_or(HookDirection::Ingress);
        let unexported = unexported(side, exported, flow.link_length);
        let moved = &mut moved[hook as usize];
        moved.packets = moved.packets.wrapping_add(unexported.packets);
        moved.octets = moved.octets.wrapping_add(unexported.octets);
    }
    let index = flow.tail().ifindex;
    // The ledger of a removed interface is closed, and the ledger of a new one must not count its packets.
    let index = (!records.names.is_former(index, flow.first_seen)).then_some(index);
    [HookDirection::Ingress, HookDirection::Egress]
        .map(|hook| ledger.suppressed_with(why, index, hook, moved[hook as usize]))
}
