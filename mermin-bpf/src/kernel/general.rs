//! Counts any packet, into a flow or under a reason.

use core::hint::black_box;

use aya_ebpf::programs::TcContext;
use mermin_bpf::{
    abi::{
        globals::next,
        ledger::{Direction, Reason},
    },
    track::{arrival, fragment, key, measure::Measure},
    wire::{
        ip::Ip,
        layer::Layer,
        level::Level,
        packet::{Addresses, Packet},
        tunnel::may_carry,
    },
};

use super::{
    count::Facts,
    fragment::{count as count_later, leave_word},
    index::Key,
    ledger::{self, Account, account},
    maps::{PROGRAMS, carries, decapsulates, tunnel_ports},
    program::{count_or_keep, is_hairpin, measure, takes_off},
    skb::{Copied, Skb},
    workspace::{Workspace, forget, stage},
};

/// Counts a packet from where the programs before have come with it.
#[inline(always)]
pub(super) fn count(context: &TcContext, workspace: *mut Workspace) {
    let skb = Skb(context.skb.skb);
    // SAFETY: this CPU's own workspace.
    unsafe {
        let hook = Workspace::direction(workspace);
        let account = account(skb.ifindex(), hook as u32);
        let cpu = ledger::cpu();
        let refused = match walk(context, account, workspace) {
            Ok((ip, Some(packet))) if !is_hairpin(skb, hook) => {
                return count_packet(context, workspace, hook, account, ip, packet);
            }
            Ok((ip, None)) if !is_hairpin(skb, hook) => {
                match count_later(workspace, ip, cpu, hook, skb.len()) {
                    Ok(measured) => return account.total(cpu, skb.len(), &measured),
                    Err(reason) => reason,
                }
            }
            Ok((_, Some(packet))) => {
                let measured = measure(skb, packet);
                account.total(cpu, skb.len(), &measured);
                return account.uncounted(cpu, Reason::Hairpin, &measured);
            }
            Ok((_, None)) => Reason::Hairpin,
            Err(reason) => reason,
        };
        account.refused(cpu, skb, refused);
    }
}

/// The IP header, and what is behind it unless it is a later fragment's.
///
/// # Safety
/// `workspace` is this CPU's own.
#[inline(always)]
unsafe fn walk<'a>(
    context: &TcContext,
    account: Account,
    workspace: *mut Workspace,
) -> Result<(&'a Ip, Option<&'a Packet>), Reason> {
    let skb = Skb(context.skb.skb);
    let frame = skb.frame(account.link);
    // SAFETY: by the contract above; the call does not return where it succeeds.
    unsafe {
        match (*workspace).stage {
            stage::FRESH | stage::OUTERMOST => {
                let bytes = skb.copy(workspace).ok_or(Reason::Unreadable)?;
                let level = Level::outermost(bytes, &frame, &Layer::outermost(&frame))?;
                (*workspace).level = level;
            }
            stage::INSIDE => {}
            _ => return Err((*workspace).reason),
        }
        let bytes = Copied::again(workspace);
        let level = &*black_box(&raw const (*workspace).level);
        let ip = forget(&raw mut (*workspace).ip, level.ip(bytes, &frame)?);
        if ip.fragment {
            (*workspace).fragment = fragment::key(ip, level, skb.ifindex());
        }
        if ip.later_fragment {
            return Ok((ip, None));
        }
        let mut packet = level.packet(bytes, &frame, ip)?;
        let repeated = (*workspace).repeated;
        if repeated != 0 {
            packet.header_length = repeated.saturating_sub(packet.link_length);
        }
        let packet = forget(&raw mut (*workspace).packet, packet);
        // Tunnels are looked for behind rare headers only where there may be one.
        if (*workspace).stage == stage::FRESH && may_carry(packet, carries) && takes_off(skb) {
            (*workspace).stage = stage::INSIDE;
            PROGRAMS.tail_call(context, next::TUNNEL);
        }
        if decapsulates()
            && !(*workspace).encapsulated
            && let Some(outer) = arrival::session(bytes, level, ip, packet, &tunnel_ports())
        {
            (*workspace).outer = outer;
            (*workspace).encapsulated = true;
        }
        Ok((ip, Some(packet)))
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
    hook: Direction,
    account: Account,
    ip: &Ip,
    packet: &Packet,
) {
    let skb = Skb(context.skb.skb);
    let measured = measure(skb, packet);
    let cpu = ledger::cpu();
    let facts = |direction, measured: Measure| Facts {
        // SAFETY: by the contract above.
        encapsulated: unsafe { (*workspace).encapsulated },
        ..Facts::new(cpu, hook, direction, packet, measured)
    };
    let counted = match packet.addresses {
        Addresses::V4(addresses) => {
            let (key, direction) = key::v4(packet, addresses, account.ifindex);
            let words = key.opaque_words();
            // SAFETY: by the contract above.
            unsafe { leave_word(workspace, ip.fragment, packet, &words, direction) };
            count_or_keep(account, &key, &facts(direction, measured))
        }
        Addresses::V6(addresses) => {
            let (key, direction) = key::v6(packet, addresses, account.ifindex);
            let words = key.opaque_words();
            // SAFETY: by the contract above.
            unsafe { leave_word(workspace, ip.fragment, packet, &words, direction) };
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
