//! First fragments store their flow in a map, and later ones are counted by it.

use aya_ebpf::{
    bindings::BPF_ANY,
    helpers::{bpf_ktime_get_coarse_ns, bpf_map_lookup_elem, bpf_map_update_elem},
    programs::TcContext,
};
use mermin_bpf::{
    abi::{
        fragment::{FragmentFlow, FragmentKey},
        globals::next,
        key::{KeyV4, KeyV6},
        ledger::Reason,
        slot::{DIRECTIONS, STRIPES, crossed, origin},
    },
    track::{fragment, measure::Measure, tcp_analysis::NOT_ANALYSED},
    wire::{
        ip::Ip,
        packet::{Frame, Packet},
        tunnel::DEPTH,
    },
};

use super::{
    count::Facts,
    early,
    index::digest,
    ledger::{self, Account},
    maps::{FRAGMENTS, PROGRAMS},
    options::Chosen,
    skb::Skb,
    workspace::Workspace,
};

#[inline(always)]
fn now() -> u64 {
    // SAFETY: takes nothing.
    unsafe { bpf_ktime_get_coarse_ns() }
}

/// Stores a first fragment's flow, for later fragments of its packet and of its carriers. Returns the counts of
/// fragments that arrived before it.
///
/// # Safety
/// `workspace` is this CPU's own, and has the flow's key; where the packet is a fragment itself, its key is there as well.
#[inline(always)]
pub(super) unsafe fn remember_first_fragment(
    workspace: *mut Workspace,
    account: Account,
    is_fragment: bool,
    packet: &Packet,
    direction: u8,
) -> Measure {
    // SAFETY: by the contract above.
    unsafe {
        let now = now();
        let key = (&raw const (*workspace).flowless.key).read_volatile();
        (*workspace).owner = fragment::flow_of(packet, &key, direction, now);
        let mut before = Measure::default();
        if is_fragment {
            let key = &raw const (*workspace).fragment;
            enter(key, &raw const (*workspace).owner);
            // Store the flow first: a later fragment that arrives in between then finds the flow, and one that came
            // before is in the counts that are taken.
            before = early::take(key, account, false, now);
        }
        before.plus(&outer_fragments(workspace, account, now))
    }
}

/// Does the same for carriers that are first fragments: their later fragments carry the flow's packet.
///
/// # Safety
/// `workspace` is this CPU's own, and has the flow.
#[inline(always)]
unsafe fn outer_fragments(workspace: *mut Workspace, account: Account, now: u64) -> Measure {
    let mut before = Measure::default();
    // SAFETY: by the contract above.
    unsafe {
        (*workspace).owner.carries = 1;
        for level in 0..DEPTH as usize {
            if (*workspace).outer_fragments & 1 << level != 0 {
                let key = &raw const (*workspace).around[level];
                enter(key, &raw const (*workspace).owner);
                before = before.plus(&early::take(key, account, true, now));
            }
        }
    }
    before
}

/// Stores an entry. If the map refuses it, later fragments find no flow and are counted under a reason.
///
/// # Safety
/// Both are valid for reads.
#[inline(always)]
unsafe fn enter(key: *const FragmentKey, owner: *const FragmentFlow) {
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

/// Counts a later fragment, whose key is in the workspace, in the flow of its first one. If that flow is not known yet,
/// remembers the fragment for it, and the error is the reason to count it under.
///
/// # Safety
/// `workspace` is this CPU's own.
#[inline(always)]
pub(super) unsafe fn count(
    context: &TcContext,
    workspace: *mut Workspace,
    account: Account,
    ip: &Ip,
    frame: &Frame,
) -> Result<(), Reason> {
    let now = now();
    let cpu = ledger::cpu();
    // SAFETY: by the contract above.
    let counted = unsafe { hand_over(context, workspace, account, ip, cpu, frame.length, now) };
    // A super-packet stays under the reason: what is remembered is one packet.
    if matches!(counted, Err(Reason::Fragment)) && !frame.segmented {
        // SAFETY: as above.
        unsafe {
            let length = frame.length + u32::from(account.stripped);
            early::keep(workspace, ip, account, cpu, length, now);
        }
    }
    counted
}

/// Calls the program that finds flows.
///
/// # Safety
/// As [`count`].
#[inline(always)]
unsafe fn hand_over(
    context: &TcContext,
    workspace: *mut Workspace,
    account: Account,
    ip: &Ip,
    cpu: u32,
    frame_length: u32,
    now: u64,
) -> Result<(), Reason> {
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
        let owner = found.cast::<FragmentFlow>().read_volatile();
        (&raw mut (*workspace).owner).write_volatile(owner);
        &(*workspace).owner
    };
    if !fragment::is_fresh(owner.seen_at, ip.addresses.is_v6(), now) {
        return Err(Reason::Fragment);
    }
    let measure = account.on_wire(fragment::measure(ip, owner, frame_length));
    let length = Skb(context.skb.skb).len();
    account.total(cpu, length, &measure);
    let (digest, version) = if owner.ipv6 == 0 {
        (digest::<Chosen, _>(&KeyV4::from_words(&owner.key)), 0)
    } else {
        (
            digest::<Chosen, _>(&KeyV6::from_words(&owner.key)),
            origin::IPV6,
        )
    };
    // SAFETY: by the contract above; the call does not return where it succeeds.
    unsafe {
        let flowless = &raw mut (*workspace).flowless;
        let key = (&raw const (*workspace).owner.key).read_volatile();
        (&raw mut (*flowless).key).write_volatile(key);
        (*flowless).digest = digest;
        (*flowless).version = version;
        (*flowless).overtaken = 0;
        (*flowless).later = true;
        let mut facts = facts(account, owner, cpu);
        facts.measure = measure.plus(&outer_fragments(workspace, account, now));
        (*flowless).facts = facts;
        PROGRAMS.tail_call(context, next::CREATE);
        account.ignored(cpu, Reason::Unreadable, &(*flowless).facts.measure);
    }
    Ok(())
}

/// Facts of a later fragment, but for its measure.
#[inline(always)]
fn facts(account: Account, owner: &FragmentFlow, cpu: u32) -> Facts {
    let hook = account.direction();
    let direction = owner.direction & (DIRECTIONS as u8 - 1);
    Facts {
        measure: Measure::default(),
        sample: owner.sample | crossed::by(hook),
        // The verifier of Linux 6.1 loses a value's bounds at an OR. The compiler knows them, and would remove the
        // masks behind it.
        lane: core::hint::black_box(
            cpu % STRIPES as u32 * DIRECTIONS as u32 + u32::from(direction),
        ),
        direction,
        hook,
        link_length: 0,
        // A later fragment has nothing of its protocol's header.
        tcp_flags: 0,
        // Ids of tunnels are not compared: the first fragment's were.
        ids: core::hint::black_box(0),
        more_vlans: false,
        encapsulated: false,
        is_total: true,
        mac_at: 0,
        transport_at: core::hint::black_box(0),
        payload: NOT_ANALYSED,
    }
}
