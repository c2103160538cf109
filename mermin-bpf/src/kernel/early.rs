//! Later fragments that arrive before their first one.
//!
//! Each is counted under the reason `fragment` at once. The first fragment moves the remembered ones from that reason
//! to its flow, so a map that forgets cannot lose a packet.

use core::hint::black_box;

use aya_ebpf::{
    bindings::BPF_ANY,
    helpers::{bpf_map_delete_elem, bpf_map_lookup_elem, bpf_map_update_elem},
};
use mermin_bpf::{
    abi::{
        fragment::{Early, FragmentKey},
        ledger::Reason,
    },
    track::{
        fragment::{early, is_fresh},
        measure::Measure,
    },
    wire::ip::Ip,
};

use super::{atomic, ledger::Account, maps::EARLY, workspace::Workspace};

fn map() -> *mut core::ffi::c_void {
    (&raw const EARLY).cast_mut().cast()
}

/// Remembers a fragment, whose key is in the workspace, that is about to be counted under the reason.
///
/// # Safety
/// `workspace` is this CPU's own.
#[inline(always)]
pub(super) unsafe fn keep(
    workspace: *mut Workspace,
    ip: &Ip,
    account: Account,
    cpu: u32,
    frame_length: u32,
    now: u64,
) {
    let (octets, payload) = (u64::from(ip.length), u64::from(ip.payload_length()));
    let generation = account.generation();
    // SAFETY: keys and values are valid. If the map has meanwhile used the element for another packet, then that packet's
    // first fragment takes this fragment too. It is in the reason, so the sums stay right.
    unsafe {
        let key = &raw const (*workspace).fragment;
        let found = bpf_map_lookup_elem(map(), key.cast()).cast::<Early>();
        if !found.is_null() {
            let known = found.read_volatile();
            if known.taken == 0
                && known.ledger == account.number()
                && known.generation == generation
                && known.cpu == cpu as u16
                && is_fresh(known.seen_at, (*key).ipv6 != 0, now)
            {
                atomic::add(&raw mut (*found).packets, 1);
                atomic::add(&raw mut (*found).octets, octets);
                atomic::add(&raw mut (*found).payload, payload);
                atomic::add(&raw mut (*found).frame_octets, frame_length.into());
                return;
            }
        }
        (*workspace).early = Early {
            packets: 1,
            octets,
            payload,
            frame_octets: frame_length.into(),
            seen_at: now,
            taken: black_box(0),
            ledger: account.number(),
            generation,
            reserved: 0,
            cpu: cpu as u16,
        };
        let value = &raw const (*workspace).early;
        bpf_map_update_elem(map(), key.cast(), value.cast(), BPF_ANY.into());
    }
}

/// Subtracts the remembered fragments of a packet from the reason when its first fragment has arrived, and returns
/// their counts for its flow.
///
/// # Safety
/// `key` is valid for reads.
#[inline(always)]
pub(super) unsafe fn take(
    key: *const FragmentKey,
    account: Account,
    carries: bool,
    now: u64,
) -> Measure {
    // SAFETY: as in `keep`.
    unsafe {
        let found = bpf_map_lookup_elem(map(), key.cast()).cast::<Early>();
        if found.is_null() {
            return Measure::default();
        }
        let known = found.read_volatile();
        if known.ledger != account.number()
            || known.generation != account.generation()
            || !is_fresh(known.seen_at, (*key).ipv6 != 0, now)
            // If two first fragments arrive at once, only one of them gets the counts.
            || atomic::fetch_add(&raw mut (*found).taken, 1) != 0
        {
            return Measure::default();
        }
        bpf_map_delete_elem(map(), key.cast());
        let taken = early(&known, carries);
        account.taken_back(known.cpu.into(), Reason::Fragment, &taken);
        taken
    }
}
