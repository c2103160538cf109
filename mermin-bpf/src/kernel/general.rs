//! Counts any packet, into a flow or under a reason.

use core::hint::black_box;

use aya_ebpf::programs::TcContext;
use mermin_bpf::{
    abi::{globals::next, ledger::Reason},
    track::{arrival, fragment, key, measure::Measure},
    wire::{
        layer::Layer,
        level::Level,
        packet::{Frame, Packet, Version},
        tunnel::may_carry,
    },
};

use super::{
    count::Facts,
    fragment::{count as count_later, leave_word},
    index::Key,
    ledger::{self, Account},
    maps::{PROGRAMS, carries, decapsulates, session_ports},
    program::{count_or_keep, is_hairpin, measure, takes_off},
    skb::{Copied, Skb},
    workspace::{Workspace, forget, stage},
};

/// Counts a packet from where the programs before have come with it.
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
    let hook = account.direction();
    let frame = skb.frame(account.link);
    // SAFETY: by the contract above; the call does not return where it succeeds.
    unsafe {
        let level = resume(skb, &frame, workspace)?;
        let bytes = Copied::again(workspace);
        let ip = forget(&raw mut (*workspace).ip, level.ip(bytes, &frame)?);
        if ip.fragment {
            (*workspace).fragment = fragment::key(ip, level, skb.ifindex());
        }
        if ip.later_fragment {
            if is_hairpin(skb, hook) {
                return Err(Reason::Hairpin);
            }
            let cpu = ledger::cpu();
            let measured = count_later(workspace, ip, cpu, hook, skb.len())?;
            account.total(cpu, skb.len(), &measured);
            return Ok(());
        }
        let transport = level.transport(bytes, &frame, ip)?;
        let transport = forget(&raw mut (*workspace).transport, transport);
        // Tunnels are looked for only where there may be one.
        if matches!((*workspace).stage, stage::FRESH | stage::INSIDE)
            && may_carry(transport.kind, transport.ports, carries)
            && takes_off(skb)
        {
            (*workspace).stage = stage::INSIDE;
            PROGRAMS.tail_call(context, next::TUNNEL);
            return Err(Reason::Unreadable);
        }
        if decapsulates()
            && !(*workspace).encapsulated
            && let Some(outer) = arrival::session(bytes, level, ip, transport, session_ports())
        {
            (*workspace).outer = outer;
            (*workspace).encapsulated = true;
        }
        let cpu = ledger::cpu();
        let mut packet = Packet::new(level, ip, transport);
        let repeated = (*workspace).repeated;
        if repeated != 0 {
            packet.header_length = repeated.saturating_sub(packet.link_length);
        }
        if is_hairpin(skb, hook) {
            let measured = measure(skb, &packet);
            account.total(cpu, skb.len(), &measured);
            account.uncounted(cpu, Reason::Hairpin, &measured);
        } else {
            count_packet(context, workspace, account, cpu, ip.fragment, &packet);
        }
    }
    Ok(())
}

/// Where to go on: at the outermost level, or where the program that takes tunnels off has come.
///
/// # Safety
/// `workspace` is this CPU's own.
#[inline(always)]
unsafe fn resume<'a>(
    skb: Skb,
    frame: &Frame,
    workspace: *mut Workspace,
) -> Result<&'a Level, Reason> {
    // SAFETY: by the contract above.
    unsafe {
        match (*workspace).stage {
            stage::FRESH | stage::OUTERMOST => {
                let bytes = skb.copy(workspace).ok_or(Reason::Unreadable)?;
                let level = Level::outermost(bytes, frame, &Layer::outermost(frame))?;
                (*workspace).level = level;
            }
            stage::INSIDE | stage::INNERMOST => {}
            _ => return Err((*workspace).reason),
        }
        Ok(&*black_box(&raw const (*workspace).level))
    }
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
    let measured = measure(skb, packet);
    let facts = |direction, measured: Measure| Facts {
        // SAFETY: by the contract above.
        encapsulated: unsafe { (*workspace).encapsulated },
        ..Facts::new(cpu, hook, direction, packet, measured)
    };
    let counted = match packet.addresses.version {
        Version::V4 => {
            let (key, direction) = key::v4(packet, account.ifindex);
            let words = key.opaque_words();
            // SAFETY: by the contract above.
            unsafe { leave_word(workspace, is_fragment, packet, &words, direction) };
            count_or_keep(account, &key, &facts(direction, measured))
        }
        Version::V6 => {
            let (key, direction) = key::v6(packet, account.ifindex);
            let words = key.opaque_words();
            // SAFETY: by the contract above.
            unsafe { leave_word(workspace, is_fragment, packet, &words, direction) };
            count_or_keep(account, &key, &facts(direction, measured))
        }
    };
    if counted {
        account.total(cpu, skb.len(), &measured);
    } else {
        // SAFETY: the call does not return where it succeeds.
        unsafe { PROGRAMS.tail_call(context, next::CREATE) };
        account.lost(cpu, skb, &measured);
    }
}
