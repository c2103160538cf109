//! First fragments leave word of their flow, later ones count by it.

use aya_ebpf::{
    bindings::BPF_ANY,
    helpers::{bpf_ktime_get_coarse_ns, bpf_map_lookup_elem, bpf_map_update_elem},
};
use mermin_bpf::{
    abi::{
        fragment::{FragmentKey, Owner},
        key::{KeyV4, KeyV6, KeyWords},
        ledger::{Direction, Reason},
        slot::{DIRECTIONS, STRIPES, crossed},
    },
    track::{fragment, measure::Measure},
    wire::{ip::Ip, packet::Packet, tunnel::DEPTH},
};

use super::{
    count::{self, Facts},
    index::{Found, Key, digest, find_known},
    maps::FRAGMENTS,
    workspace::Workspace,
};

#[inline(always)]
fn now() -> u64 {
    // SAFETY: takes nothing.
    unsafe { bpf_ktime_get_coarse_ns() }
}

/// Leaves word of a first fragment's flow, for the fragments of its own and of those around it.
///
/// # Safety
/// `workspace` is this CPU's own; where the packet is a fragment itself, its key is there.
#[inline(always)]
pub(super) unsafe fn leave_word(
    workspace: *mut Workspace,
    is_fragment: bool,
    packet: &Packet,
    key: &KeyWords,
    direction: u8,
) {
    // SAFETY: by the contract above.
    unsafe {
        if !is_fragment && (*workspace).carriers == 0 {
            return;
        }
        (*workspace).owner = fragment::owner(packet, key, direction, now());
        if is_fragment {
            enter(
                &raw const (*workspace).fragment,
                &raw const (*workspace).owner,
            );
        }
        carriers(workspace);
    }
}

/// The same for the packets around, whose later fragments carry the flow's packets.
///
/// # Safety
/// `workspace` is this CPU's own, and has the flow.
#[inline(always)]
unsafe fn carriers(workspace: *mut Workspace) {
    // SAFETY: by the contract above.
    unsafe {
        (*workspace).owner.carries = 1;
        for level in 0..DEPTH as usize {
            if (*workspace).carriers & 1 << level != 0 {
                let key = &raw const (*workspace).around[level];
                enter(key, &raw const (*workspace).owner);
            }
        }
    }
}

/// A map that is too crowded to take it leaves later fragments without a flow, which is counted.
///
/// # Safety
/// Both are valid for reads.
#[inline(always)]
unsafe fn enter(key: *const FragmentKey, owner: *const Owner) {
    // SAFETY: by the contract above.
    unsafe {
        bpf_map_update_elem(
            (&raw const FRAGMENTS).cast_mut().cast(),
            key.cast(),
            owner.cast(),
            BPF_ANY.into(),
        );
    }
}

/// Counts a later fragment, whose key is in the workspace, into the flow that the first one named.
///
/// # Safety
/// `workspace` is this CPU's own.
#[inline(always)]
pub(super) unsafe fn count(
    workspace: *mut Workspace,
    ip: &Ip,
    cpu: u32,
    hook: Direction,
    frame_length: u32,
) -> Result<Measure, Reason> {
    // SAFETY: key and map are valid; an element of the map that is used again while it is copied gives a key that leads
    // nowhere, or to the flow of another packet of the same host and number.
    let owner = unsafe {
        let found = bpf_map_lookup_elem(
            (&raw const FRAGMENTS).cast_mut().cast(),
            (&raw const (*workspace).fragment).cast(),
        );
        if found.is_null() {
            return Err(Reason::Fragment);
        }
        let owner = found.cast::<Owner>().read_volatile();
        (&raw mut (*workspace).owner).write_volatile(owner);
        &(*workspace).owner
    };
    if !fragment::is_fresh(owner, now()) {
        return Err(Reason::Fragment);
    }
    let measure = fragment::measure(ip, owner, frame_length);
    let direction = owner.direction & (DIRECTIONS as u8 - 1);
    let facts = Facts {
        measure,
        sample: owner.sample | crossed::by(hook),
        // After an "or" Linux 6.1 knows no bounds, and the compiler does: the masks behind it must survive.
        lane: core::hint::black_box(
            cpu % STRIPES as u32 * DIRECTIONS as u32 + u32::from(direction),
        ),
        direction,
        link_length: 0,
        // A later fragment has nothing of its protocol's header.
        tcp_flags: 0,
        encapsulated: false,
        mac_at: 0,
    };
    if owner.ipv6 == 0 {
        add(&KeyV4::from_words(&owner.key), &facts)?;
    } else {
        add(&KeyV6::from_words(&owner.key), &facts)?;
    }
    // SAFETY: the flow is there.
    unsafe { carriers(workspace) };
    Ok(measure)
}

#[inline(always)]
fn add<K: Key>(key: &K, facts: &Facts) -> Result<(), Reason> {
    let Found::Flow(slot) = find_known(key, digest(key), facts.lane) else {
        return Err(Reason::Fragment);
    };
    count::add(slot, facts);
    Ok(())
}
