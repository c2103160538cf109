//! Entry points: one program for each direction of a hook, and those they hand over to.
//!
//! The first two count what is plain: IP right behind the link header. All else goes to [`mermin_general`] by tail call, where
//! it starts afresh, and a packet without a flow to [`mermin_create`]. So a plain packet of a known flow pays for nothing
//! else, and what the verifier walks through stays a tenth of its limit.

use core::intrinsics::cold_path;

use aya_ebpf::{bindings::TC_ACT_UNSPEC, macros::classifier, programs::TcContext};
use mermin_bpf::{
    abi::{
        globals::next,
        ledger::{Direction, Reason},
    },
    track::{key, measure},
    wire::{
        packet::{self, Addresses, Packet},
        plain,
    },
};

use super::{
    count::{self, Facts},
    create,
    index::{Found, Key, find_known},
    ledger::{self, Account, account},
    maps::{Flowless, PROGRAMS, WORKSPACE, Workspace},
    skb::Skb,
};

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
pub fn mermin_ingress(context: TcContext) -> i32 {
    run(&context, Direction::Ingress)
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
pub fn mermin_egress(context: TcContext) -> i32 {
    run(&context, Direction::Egress)
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
pub fn mermin_general(context: TcContext) -> i32 {
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        general(&context, workspace);
    }
    TC_ACT_UNSPEC
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
pub fn mermin_create(context: TcContext) -> i32 {
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        // SAFETY: this CPU's own workspace.
        let packet = unsafe { &(*workspace).flowless };
        let skb = Skb(context.skb.skb);
        let cpu = ledger::cpu();
        let account = packet.account;
        account.total(cpu, skb.len(), &packet.facts.measure);
        if let Err(reason) = create::count(skb, packet) {
            account.uncounted(cpu, reason, &packet.facts.measure);
        }
    }
    TC_ACT_UNSPEC
}

/// Counts a plain packet, or hands over.
#[inline(always)]
fn run(context: &TcContext, direction: Direction) -> i32 {
    let skb = Skb(context.skb.skb);
    let account = account(skb.ifindex(), direction as u32);
    if let Some(packet) = plain::walk(skb.linear(), &skb.frame(account.link))
        && !is_hairpin(skb, direction)
    {
        count(context, direction, account, &packet);
        return TC_ACT_UNSPEC;
    }
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        // SAFETY: this CPU's own workspace; the call does not return where it succeeds.
        unsafe {
            (*workspace).direction = direction as u32;
            PROGRAMS.tail_call(context, next::GENERAL);
        }
    }
    account.lost(ledger::cpu(), skb, &ledger::unparsed(skb));
    TC_ACT_UNSPEC
}

/// A packet that leaves by the interface it came in by was counted there.
#[inline(always)]
fn is_hairpin(skb: Skb, direction: Direction) -> bool {
    matches!(direction, Direction::Egress) && skb.ingress_ifindex() == skb.ifindex()
}

/// Counts any packet, into a flow or under a reason.
#[inline(always)]
fn general(context: &TcContext, workspace: *mut Workspace) {
    let skb = Skb(context.skb.skb);
    // SAFETY: this CPU's own workspace.
    let direction = if unsafe { (*workspace).direction } == Direction::Egress as u32 {
        Direction::Egress
    } else {
        Direction::Ingress
    };
    let account = account(skb.ifindex(), direction as u32);
    let walked = skb
        .copy(workspace)
        .ok_or(Reason::Unreadable)
        .and_then(|bytes| packet::walk(bytes, &skb.frame(account.link)));
    let (measured, reason) = match walked {
        Ok(packet) if !is_hairpin(skb, direction) => {
            return count(context, direction, account, &packet);
        }
        Ok(packet) => (measure(skb, &packet), Reason::Hairpin),
        Err(reason) => (ledger::unparsed(skb), reason),
    };
    let cpu = ledger::cpu();
    account.total(cpu, skb.len(), &measured);
    account.uncounted(cpu, reason, &measured);
}

#[inline(always)]
fn measure(skb: Skb, packet: &Packet) -> measure::Measure {
    measure::measure(packet, skb.len(), skb.gso_segs(), skb.gso_size())
}

/// Counts a packet into its flow, or has one made for it.
#[inline(always)]
fn count(context: &TcContext, hook: Direction, account: Account, packet: &Packet) {
    let skb = Skb(context.skb.skb);
    let measured = measure(skb, packet);
    let cpu = ledger::cpu();
    let counted = match packet.addresses {
        Addresses::V4(addresses) => {
            let (key, direction) = key::v4(packet, addresses, skb.ifindex());
            let facts = Facts::new(cpu, hook, direction, packet, measured);
            count_or_keep(account, &key, &facts)
        }
        Addresses::V6(addresses) => {
            let (key, direction) = key::v6(packet, addresses, skb.ifindex());
            let facts = Facts::new(cpu, hook, direction, packet, measured);
            count_or_keep(account, &key, &facts)
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

/// Counts a packet of a known flow; puts any other where the program that makes flows finds it.
#[inline(always)]
fn count_or_keep<K: Key>(account: Account, key: &K, facts: &Facts) -> bool {
    let absent = match find_known(key, facts.lane) {
        Found::Flow(slot) if !count::restarts(slot, facts) => {
            count::add(slot, facts);
            return true;
        }
        Found::Flow(_) | Found::Recycled => false,
        Found::Nothing => true,
    };
    // Keeps what follows out of the way of packets that have a flow: 4 ns for each of them.
    cold_path();
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        // SAFETY: this CPU's own workspace.
        unsafe {
            (*workspace).flowless = Flowless {
                key: key.words(),
                version: K::ORIGIN,
                absent,
                account,
                facts: *facts,
            };
        }
    }
    false
}
