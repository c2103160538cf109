//! Detaches from interfaces that were deleted or moved to another network namespace while no process ran.
//!
//! Another interface may have the index now, and a key identifies its interface only by the index. So before anything
//! is attached, no program may count under the index, no key may lead to one of its flows, and its ledger is closed.

use std::collections::BTreeSet;

use super::degradations;
use crate::{
    attach::pinned_hooks::FormerInterfaces,
    error::{Error, ErrorKind},
    failpoint::{FailPoint, fail_point},
    source::capture::{
        closer::Closer, interfaces::InterfaceSet, shared::SharedCounters, slots::SlotTable,
    },
};

/// Removes interfaces that disappeared from the set of unchanged ones. Call it before anything is attached.
pub(in crate::source::capture) fn part(
    interfaces: &mut InterfaceSet,
    slots: &SlotTable,
    closer: &Closer,
    shared: &SharedCounters,
) -> Result<(), Error> {
    let list = interfaces.list();
    let FormerInterfaces { same, renumbered } = interfaces
        .hooks()
        .remove_lost_links(&list)
        .map_err(|error| {
            let message = "cannot look at what a former process left at hooks";
            Error::new(ErrorKind::System, message).with_source(error)
        })?;
    for (before, index) in renumbered {
        let other = list.iter().find(|interface| interface.index == index);
        if let Some(other) = other.filter(|_| same.contains(&index)) {
            let name = interfaces.names().of(before, u64::MAX);
            let renumbered = degradations::renumbered(name.map_or("", |name| name), &other.name);
            shared.registry.degraded([renumbered]);
        }
    }
    let counted = shared.ledger.all_but(|index| same.contains(&index)).next();
    if counted.is_some() || others(slots, &same).next().is_some() {
        closer.wait_for_grace()?;
        // Flows may have begun until now.
        unlist(slots, closer, others(slots, &same));
        shared.registry.depart_all_but(&same, &shared.ledger);
    }
    interfaces.set_taken_over(same);
    Ok(())
}

/// Returns slots with flows of other interfaces.
fn others(slots: &SlotTable, same: &BTreeSet<u32>) -> impl Iterator<Item = u32> {
    let is_other =
        |slot: &u32| !slots.is_free(*slot) && !same.contains(&slots.slab().ifindex(*slot));
    slots.used().filter(is_other)
}

/// Marks flows as closing and removes them from the index. The later pass over all slots exports them.
fn unlist(slots: &SlotTable, closer: &Closer, others: impl Iterator<Item = u32>) {
    for slot in others {
        slots.slab().begin_close(slot);
        fail_point(FailPoint::Parting);
        closer.remove_key(slot);
    }
}
