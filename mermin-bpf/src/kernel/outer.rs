//! The outer header of a flow's first packet, beside its slot.

use mermin_bpf::{
    abi::{
        slot::{Slot, first, origin},
        tunnel::OuterHeader,
    },
    track::key::HIGH_TO_LOW,
};

use super::{count::Facts, maps::TUNNELS, workspace::WORKSPACE};

/// Stores the workspace's outer header for a slot that no other CPU uses yet; returns the bit of [`origin`] for it.
#[inline(always)]
pub(super) fn keep(slot: *mut Slot, number: u32, facts: &Facts) -> u8 {
    if facts.encapsulated
        && let Some(workspace) = WORKSPACE.get_ptr_mut(0)
        && let Some(kept) = TUNNELS.get_ptr_mut(number)
    {
        // SAFETY: this CPU's own workspace; the slot is this program's until it is live, and so is what is beside it.
        unsafe {
            let outer: OuterHeader = (&raw const (*workspace).outer).read_volatile();
            let outer = if facts.direction == HIGH_TO_LOW {
                outer.reversed()
            } else {
                outer
            };
            *kept = outer.ends;
            let lane = |what| first::lane(facts.lane as usize, what);
            (*slot).lanes[lane(first::OUTER_MAC)].first = outer.mac;
            (*slot).lanes[lane(first::OUTER_FLAGS)].first =
                [outer.flags, outer.link_length, 0, 0, 0, 0];
        }
        origin::ENCAPSULATED
    } else {
        0
    }
}
