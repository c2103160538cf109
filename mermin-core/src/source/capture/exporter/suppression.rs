//! The filter's decision about a flow. It is made once, when the flow is first read, and stored beside its slot.
//!
//! The kernel also counts packets of a rejected flow. The flow's records are suppressed: their packets go to the reason
//! `filtered` of a hook (see **Hooks**).
//!
//! * **Lag**: `filtered` lags no further behind than records do: at most by the active timeout.
//! * **Intervals**: a suppressed record still ends its interval. The next record's delta begins there, so a flow whose
//!   records were suppressed for days does not produce one delta of days.
//! * **Sequence numbers**: a suppressed record takes one, so the gap shows it. Totals remain those of the flow.
//! * **Last records**: a last record without packets has no fields of packets to examine. It is made if an earlier record
//!   of the flow was made, unless its TCP state is rejected.
//!
//! **Hooks.** The ledger is kept per hook, and a flow has packets of both hooks. The kernel keeps some header fields of each
//! direction's first packet in an interval: its sample (`abi/slot.rs`). The same word names the hook that this packet crossed, and
//! `filtered` of that hook gets all packets of the direction. Some of them may have crossed the other hook. The sum of both
//! hooks is exact.
//!
//! When the filter changes, open flows keep their decision. Flows without a decision are decided by the old filter
//! first. A flow keeps the rules for records with which it began. Old rules are kept while such a flow is open. At most 125
//! different sets of rules can be in use, including the current one.
//!
//! Two designs with the filter in the kernel were compared. The program could hold the filter (a trie for networks,
//! ranges of ports), or user space could set a flag in the slot.
//!
//! | | kernel decides at creation | a flag in the slot | nothing in the kernel |
//! |---|---|---|---|
//! | a packet of a rejected flow | the look-up, then the hook's counters of `filtered` | the look-up, then the hook's counters of `filtered` | as any other |
//! | the counters that it adds to | a hook has at most four sets of counters, shared by all CPUs: two CPUs on one line take three times as long | the same sets of counters | the flow's own two lines for each direction |
//! | a new flow | slower by the filter, for everybody | as before | as before |
//! | names of interfaces, globs, fields of records | impossible: user space needs a second filter | possible | possible |
//! | a slot for a rejected flow | needed: otherwise each packet is decided again | needed | needed |
//! | packets counted before the decision | none | moved at the end | moved at each active timeout and at the end |
//!
//! A key in the index that leads to no slot would take less memory, but it has no time of the last packet. Nothing
//! would say when to delete it, and an index that evicts its oldest entry evicts flows that are alive. So neither design
//! with the filter in the kernel would save slots or time per packet, and a decision at creation would slow every new flow.
//! Either design would save the sweep of rejected flows, whose cost is in docs/PERFORMANCE.md.

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
        drops::DropSums,
        export_state::Watermark,
        record::{flow_fields, unexported},
        snapshot::FlowSnapshot,
    },
};

/// The filters.
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

    /// Returns the decision about the flow in a slot. If one is needed and there is none yet, makes and stores it.
    pub(super) fn decision(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
        flow: &FlowSnapshot,
    ) -> FilterDecision {
        self.known(slots, slot).unwrap_or_else(|| {
            let decided = self.decide(records, flow);
            slots.set_decision(slot, decided);
            decided
        })
    }

    /// Returns the stored decision about the flow in a slot: `UNDECIDED` if the filter has no rules, so that no decision is needed.
    /// `None` if a decision is still to be made.
    fn known(&self, slots: &SlotTable, slot: u32) -> Option<FilterDecision> {
        let known = slots.decision(slot);
        (known != FilterDecision::UNDECIDED || self.filters.want_all()).then_some(known)
    }

    /// Decides about a flow.
    fn decide(&mut self, records: &RecordContext<'_>, flow: &FlowSnapshot) -> FilterDecision {
        self.filters.decide(&flow_fields(flow, &records.name(flow)))
    }

    /// Returns true if the filter rejects the flow in a slot.
    pub(super) fn rejects_flow(
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
                slots.set_decision(slot, FilterDecision::WANTED);
            } else {
                let flow = records.snapshot(slots, slot);
                self.decision(slots, records, slot, &flow);
            }
        }
        self.filters.replace(filter)
    }
}

/// Returns the counts under a reason, for each hook, after the next record of a flow is suppressed.
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
        // A direction that has packets has a sample, and the sample names a hook.
        let hook = side.hook.unwrap_or(HookDirection::Ingress);
        let unexported = unexported(side, exported, flow.link_length);
        let moved = &mut moved[hook as usize];
        moved.packets = moved.packets.wrapping_add(unexported.packets);
        moved.octets = moved.octets.wrapping_add(unexported.octets);
    }
    let index = flow.tail().ifindex;
    // Another interface may have the index by now, and its ledger must not count packets of the former interface. Without an
    // index, they are counted at the place for unknown interfaces.
    let index = (!records.names.is_former(index, flow.first_seen)).then_some(index);
    [HookDirection::Ingress, HookDirection::Egress]
        .map(|hook| ledger.suppressed_with(why, index, hook, moved[hook as usize]))
}

/// Returns the number of packets that the kernel dropped since the flow's previous record. `then` has the sums at the new record.
/// `None` means that the flow has ended: its sums no longer grow, so they are read from memory.
pub(super) fn unexported_drops(slots: &SlotTable, slot: u32, then: Option<&Watermark>) -> u64 {
    let sums = match (then, slots.slab().drops()) {
        (_, None) => None,
        (Some(then), _) => then.drops,
        (None, Some(drops)) => Some(DropSums::of(&drops.snapshot(slot))),
    };
    sums.map_or(0, |sums| sums.since(&slots.drops_exported(slot)))
}
