//! Conversations that several interfaces of a capture observed.

use std::sync::Arc;

use mermin_bpf::abi::ledger::Reason;

use super::{
    ledgers::{hook_of, name_of},
    shared::Counts,
    table::Table,
};
use crate::{
    join::{Beginning, Conversations, Decision, Sight, part_of_another},
    table::{export_state::ExportState, record::unexported, snapshot::FlowSnapshot},
};

/// Adds a new flow.
pub(super) fn begin(
    conversations: &mut Conversations,
    table: &Table,
    counts: &mut Counts,
    slot: u32,
    flow: &FlowSnapshot,
) {
    let beginning = Beginning {
        slot,
        flow,
        is_exported: false,
    };
    let read = |other| sight_in(table, counts, other);
    if !conversations.begin(&beginning, read) {
        counts.unjoined += 1;
    }
}

/// Decides which flow reports the counts of a flow's next record. None if another flow does; otherwise the counts of
/// all interfaces. The part that another flow has reported goes to the ledger, and is in no later record.
pub(super) fn decide(
    conversations: &mut Conversations,
    table: &Table,
    counts: &mut Counts,
    slot: u32,
    flow: &FlowSnapshot,
    entry: &mut ExportState,
) -> Option<Vec<Sight>> {
    let own = sight(counts, flow);
    let read = |other| sight_in(table, counts, other);
    match conversations.decide(slot, &own, &entry.exported, read) {
        Decision::Suppressed => None,
        Decision::Reports { covered, sights } => {
            if let Some(part) = part_of_another(flow, entry, &covered) {
                suppress(counts, &part, entry);
                entry.mark_exported(&part, entry.interval_start.nanoseconds());
            }
            Some(sights)
        }
    }
}

/// Removes an ended flow.
pub(super) fn end(
    conversations: &mut Conversations,
    counts: &Counts,
    slot: u32,
    flow: &FlowSnapshot,
) {
    conversations.end(slot, sight(counts, flow));
}

/// Moves unexported counts to the ledger, because another interface reports them.
pub(super) fn suppress(counts: &mut Counts, flow: &FlowSnapshot, entry: &ExportState) {
    counts.joined += 1;
    if let Some(hook) = hook_of(counts, flow.tail().ifindex) {
        for (side, exported) in flow.sides.iter().zip(&entry.exported) {
            hook.ignored(Reason::Joined, unexported(side, exported, flow.link_length));
        }
    }
}

fn sight(counts: &Counts, flow: &FlowSnapshot) -> Sight {
    let name = name_of(counts, (flow.tail().ifindex as usize).wrapping_sub(1));
    Sight::of(flow, name)
}

/// Current counts of the flow in a slot.
fn sight_in(table: &Table, counts: &Counts, slot: u32) -> Sight {
    match table.flow(slot) {
        Some(flow) => sight(counts, flow),
        // Slots of a conversation are in use.
        None => Sight::of(&FlowSnapshot::default(), Arc::from("")),
    }
}
