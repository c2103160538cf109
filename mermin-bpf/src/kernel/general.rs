//! Counts any packet, into a flow or under a reason.

use core::hint::black_box;

use aya_ebpf::programs::TcContext;
use mermin_bpf::{
    abi::{
        globals::next,
        key::{KeyV4, KeyV6},
        ledger::{HookDirection, Reason},
        slot::origin,
    },
    track::{
        fragment, key,
        measure::{self, Measure},
        parsed_frame,
        tcp_analysis::{self, NOT_ANALYSED},
    },
    wire::{
        bytes::{Bytes, Window},
        encap_level::EncapLevel,
        packet::{Frame, Packet, Version},
        protocol::Kind,
        tunnel::may_carry,
        walk_start::WalkStart,
    },
};

use super::{
    count::Facts,
    fragment::{count as count_later, remember_first_fragment},
    index::{Key, digest},
    ledger::{self, Account},
    maps::{PROGRAMS, carries, decapsulates, is_bare, session_ports},
    options::Chosen,
    program::{count_known, is_cut_unseen, is_opened, measure},
    skb::{Copied, Skb},
    workspace::{PendingFlow, Workspace, launder, stage},
};

/// Counts a packet, starting where the earlier programs stopped parsing.
#[inline(always)]
pub(super) fn count(context: &TcContext, workspace: *mut Workspace) {
    // SAFETY: this CPU's own workspace.
    unsafe {
        let account = (*workspace).account;
        if let Err(reason) = count_or_refuse(context, account, workspace) {
            account.refused(ledger::cpu(), Skb(context.skb.skb), reason);
        }
    }
}

/// Goes on to the transport header, and counts the packet; the error is the reason to count it under.
///
/// # Safety
/// `workspace` is this CPU's own.
#[inline(always)]
unsafe fn count_or_refuse(
    context: &TcContext,
    account: Account,
    workspace: *mut Workspace,
) -> Result<(), Reason> {
    let skb = Skb(context.skb.skb);
    let frame = skb.frame(account.link);
    // SAFETY: by the contract above; the call does not return where it succeeds.
    unsafe {
        let level = resume(skb, &frame, workspace)?;
        let bytes = Copied::again(workspace);
        let ip = launder(&raw mut (*workspace).ip, level.ip(bytes, &frame)?);
        if ip.fragment {
            (*workspace).fragment = fragment::key(ip, level, skb.ifindex());
        }
        if ip.later_fragment {
            return count_later(context, workspace, account, ip, &frame);
        }
        let transport = level.transport(bytes, &frame, ip)?;
        let transport = launder(&raw mut (*workspace).transport, transport);
        // Tunnels are looked for only where there may be one.
        if matches!((*workspace).stage, stage::FRESH | stage::INSIDE)
            && may_carry(transport.kind, transport.ports, carries)
            && is_opened(skb, transport.kind, ip.addresses.is_v6())
        {
            (*workspace).stage = stage::INSIDE;
            PROGRAMS.tail_call(context, next::TUNNEL);
            return Err(Reason::Unreadable);
        }
        if decapsulates()
            && !(*workspace).encapsulated
            && let Some(outer) = parsed_frame::session(bytes, level, ip, transport, session_ports())
        {
            (*workspace).outer = outer;
            (*workspace).encapsulated = true;
        }
        let cpu = ledger::cpu();
        let mut packet = Packet::new(level, ip, transport);
        if is_bare() {
            packet.encapsulation = level.digest;
        }
        let repeated = (*workspace).repeated;
        if repeated != 0 {
            packet.header_length = repeated.saturating_sub(packet.link_length);
        }
        count_packet(context, workspace, account, cpu, ip.fragment, &packet);
    }
    Ok(())
}

/// The level at which to continue: the outermost one, or the one that the decapsulating program has reached.
///
/// # Safety
/// `workspace` is this CPU's own.
#[inline(always)]
unsafe fn resume<'a>(
    skb: Skb,
    frame: &Frame,
    workspace: *mut Workspace,
) -> Result<&'a EncapLevel, Reason> {
    // SAFETY: by the contract above.
    unsafe {
        match (*workspace).stage {
            stage::FRESH => {
                let bytes = skb.copy(workspace).ok_or(Reason::Unreadable)?;
                let level = EncapLevel::outermost(bytes, frame, &WalkStart::outermost(frame))?;
                (*workspace).level = level;
            }
            stage::OUTERMOST => (*workspace).level = (*workspace).outermost,
            stage::INSIDE | stage::INNERMOST => {}
            _ => return Err((*workspace).reason),
        }
        Ok(&*black_box(&raw const (*workspace).level))
    }
}

/// Measures a super-packet whose headers do not show how it is segmented.
#[inline(always)]
fn measure_cut(
    skb: Skb,
    hook: HookDirection,
    workspace: *mut Workspace,
    packet: &Packet,
) -> Measure {
    const FLAGS_AT: usize = 6;
    const DO_NOT_FRAGMENT: u8 = 0x40;
    let bytes = Copied::again(workspace);
    let may_fragment = matches!(packet.kind, Kind::Udp)
        && matches!(packet.addresses.version, Version::V4)
        && bytes
            .window::<1>(packet.link_length as usize + FLAGS_AT)
            .is_some_and(|flags| flags.u8(0) & DO_NOT_FRAGMENT == 0);
    let added = match hook {
        // The kernel's number there is the length of the buffer.
        HookDirection::Ingress => 0,
        HookDirection::Egress => skb.wire_len().saturating_sub(skb.len()),
    };
    let cut = measure::Cut {
        segments: skb.gso_segs(),
        size: skb.gso_size(),
        added,
        may_fragment,
    };
    measure::measure_cut(packet, skb.len(), &cut)
}

/// Counts a packet into its flow, or has one made for it.
///
/// # Safety
/// `workspace` is this CPU's own.
#[inline(always)]
unsafe fn count_packet(
    context: &TcContext,
    workspace: *mut Workspace,
    account: Account,
    cpu: u32,
    is_fragment: bool,
    packet: &Packet,
) {
    let skb = Skb(context.skb.skb);
    let hook = account.direction();
    // SAFETY: by the contract above.
    let is_outermost = unsafe { (&raw const (*workspace).level.depth).read_volatile() == 0 };
    let measured = if is_outermost && is_cut_unseen(skb, packet.kind) {
        account.on_wire(measure_cut(skb, hook, workspace, packet))
    } else {
        measure(skb, account, packet)
    };
    account.total(cpu, skb.len(), &measured);
    // All of it goes through the workspace: otherwise the verifier would follow each path up to here through all code
    // behind it. SAFETY: by the contract above.
    let flowless = unsafe { &raw mut (*workspace).flowless };
    let direction = match packet.addresses.version {
        Version::V4 => {
            let (key, direction) = key::v4(packet, account.ifindex);
            // SAFETY: as above.
            unsafe { keep_key(flowless, &key) };
            direction
        }
        Version::V6 => {
            let (key, direction) = key::v6(packet, account.ifindex);
            // SAFETY: as above.
            unsafe { keep_key(flowless, &key) };
            direction
        }
    };
    // SAFETY: as above; the call does not return where it succeeds, and then the workspace has the packet.
    unsafe {
        let facts = Facts {
            encapsulated: (*workspace).encapsulated,
            more_vlans: packet.vlans.more(),
            is_total: true,
            payload: if is_fragment {
                NOT_ANALYSED
            } else {
                tcp_analysis::payload(packet)
            },
            ..Facts::new(cpu, hook, account.stripped, direction, packet, measured)
        };
        let facts = launder(&raw mut (*flowless).facts, facts);
        if is_fragment || (*workspace).outer_fragments != 0 {
            let before =
                remember_first_fragment(workspace, account, is_fragment, packet, facts.direction);
            (&raw mut (*flowless).facts.measure).write(measured.plus(&before));
        }
        let facts = &*black_box(&raw const (*flowless).facts);
        let bytes = Copied::again(workspace);
        let words = &*black_box(&raw const (*flowless).key);
        let (digest, counted) = if (*flowless).version & origin::IPV6 == 0 {
            let key = KeyV4::from_words(words);
            let digest = digest::<Chosen, _>(&key);
            (
                digest,
                count_known::<Chosen, _, _>(skb, bytes, account, &key, digest, facts),
            )
        } else {
            let key = KeyV6::from_words(words);
            let digest = digest::<Chosen, _>(&key);
            (
                digest,
                count_known::<Chosen, _, _>(skb, bytes, account, &key, digest, facts),
            )
        };
        if !counted {
            (*flowless).digest = digest;
            (*flowless).overtaken = 0;
            (*flowless).later = false;
            PROGRAMS.tail_call(context, next::CREATE);
            account.ignored(ledger::cpu(), Reason::Unreadable, &facts.measure);
        }
    }
}

/// # Safety
/// `flowless` is this CPU's own.
#[inline(always)]
unsafe fn keep_key<K: Key>(flowless: *mut PendingFlow, key: &K) {
    // SAFETY: by the contract above.
    unsafe {
        (*flowless).key = key.opaque_words();
        (*flowless).version = K::ORIGIN;
    }
}
