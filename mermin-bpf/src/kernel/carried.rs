//! Notes differences in VLANs or tunnel ids between packets of a flow, if these are not part of the key.
//!
//! A slot has the VLANs and tunnels of its flow's first packet. Notes are bytes that are only ever set, each stored
//! whole.

use core::hint::black_box;

use mermin_bpf::abi::{
    key::{CARRIED, KeyWords},
    slot::{LANES, Slot, first, origin},
};

use super::{count::Facts, options::Options};

/// Keeps the ids of the first packet's tunnels, and whether it has more VLAN tags than a key; called after
/// [`outer::keep`](super::outer::keep), in a slot that no other CPU uses yet.
#[inline(always)]
pub(super) fn begin(slot: *mut Slot, facts: &Facts) {
    if facts.ids != 0 {
        // SAFETY: within the slot.
        unsafe { ids(slot).write_volatile(facts.ids) };
    }
    if facts.more_vlans {
        note(slot, first::OUTER_FLAGS, first::VLAN_TAGS);
    }
}

/// Compares the VLANs and tunnels of a packet with those of its flow's first packet.
#[inline(always)]
pub(super) fn compare<O: Options>(slot: *mut Slot, words: &KeyWords, facts: &Facts) {
    // SAFETY: within the slot.
    if facts.ids != 0 && unsafe { ids(slot).read_volatile() } != facts.ids {
        note(slot, first::OUTER_IDS, first::TUNNEL_IDS);
    }
    if !O::is_bare() {
        return;
    }
    // SAFETY: as above.
    let differs = |number: usize| unsafe { (*slot).key[number] } ^ words[number];
    if differs(0) & CARRIED[0] != 0 {
        note(slot, first::OUTER_FLAGS, first::VLAN_IDS);
    }
    if differs(1) & CARRIED[1] != 0 {
        note(slot, first::OUTER_IDS, first::TUNNELS);
    }
    if facts.more_vlans {
        note(slot, first::OUTER_FLAGS, first::VLAN_TAGS);
    }
}

/// Sets an octet to 1, once: a line that two CPUs write goes back and forth between them.
#[inline(always)]
fn note(slot: *mut Slot, what: usize, octet: usize) {
    // SAFETY: one of the six octets.
    unsafe {
        let place = place(slot, what).add(octet);
        if place.read_volatile() == 0 {
            place.write_volatile(1);
        }
    }
}

#[inline(always)]
fn ids(slot: *mut Slot) -> *mut u32 {
    place(slot, first::OUTER_IDS).cast()
}

#[inline(always)]
fn place(slot: *mut Slot, what: usize) -> *mut u8 {
    // SAFETY: the lane exists.
    unsafe {
        // As in `fragment`: the mask behind the "exclusive or" must survive.
        let lane = black_box(first::lane(origin::lane_of_first((*slot).origin), what));
        (&raw mut (*slot).lanes[lane & (LANES - 1)].first).cast()
    }
}
