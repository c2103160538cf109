//! Entry points: one program for each direction of a hook, and those they hand over to.
//!
//! The first two count what is plain ([`plain`]), and what is no IP. What may be a tunnel goes to [`mermin_tunnel`] by tail
//! call, which takes one level of encapsulation off and hands the rest to [`mermin_general`]. All else goes there at once, and
//! from there to the other where a tunnel may be behind rare headers, or in another tunnel.
//! A packet without a flow goes to [`mermin_create`]. So a plain packet of a known flow pays for nothing else, and what the
//! verifier walks through stays far below its limit.

use core::hint::cold_path;

use aya_ebpf::{bindings::TC_ACT_UNSPEC, macros::classifier, programs::TcContext};
use mermin_bpf::{
    abi::{
        globals::next,
        ledger::{Direction, Reason},
    },
    track::{key, measure},
    wire::{
        packet::{Packet, Version},
        plain,
        tunnel::{may_be_session, may_carry},
    },
};

use super::{
    count::{self, Facts},
    create, general,
    index::{Found, Key, digest, find_known},
    ledger::{self, Account, account},
    maps::{PROGRAMS, WORKSPACE, carries, decapsulates, session_ports},
    skb::Skb,
    tunnel,
    workspace::{Flowless, Workspace},
};

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_ingress(context: TcContext) -> i32 {
    run(&context, Direction::Ingress)
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_egress(context: TcContext) -> i32 {
    run(&context, Direction::Egress)
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_general(context: TcContext) -> i32 {
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        general::count(&context, workspace);
    }
    TC_ACT_UNSPEC
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_tunnel(context: TcContext) -> i32 {
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        tunnel::descend(&context, workspace);
    }
    TC_ACT_UNSPEC
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_create(context: TcContext) -> i32 {
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        // SAFETY: this CPU's own workspace.
        let (account, packet) = unsafe { ((*workspace).account, &(*workspace).flowless) };
        let skb = Skb(context.skb.skb);
        let cpu = ledger::cpu();
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
    let account = account(skb.ifindex(), direction);
    let walked = plain::walk(
        skb.linear(),
        &skb.frame(account.link),
        #[inline(always)]
        |packet| {
            if is_hairpin(skb, direction)
                || (may_carry(packet.kind, packet.ports, carries) && takes_off(skb))
            {
                return false;
            }
            count(context, direction, account, packet);
            true
        },
    );
    let refused = match walked {
        Ok(Some(true)) => return TC_ACT_UNSPEC,
        // A packet that may carry others, or a hairpin, which may do so too.
        Ok(Some(false)) => {
            hand_over(context, account, next::TUNNEL);
            Reason::Unreadable
        }
        Ok(None) => {
            hand_over(context, account, next::GENERAL);
            Reason::Unreadable
        }
        Err(reason) => reason,
    };
    account.refused(ledger::cpu(), skb, refused);
    TC_ACT_UNSPEC
}

/// Has another program count a packet from the start on; returns where it cannot be had.
#[inline(always)]
fn hand_over(context: &TcContext, account: Account, next: u32) {
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        // SAFETY: this CPU's own workspace; the call does not return where it succeeds.
        unsafe {
            Workspace::begin(workspace, account);
            PROGRAMS.tail_call(context, next);
        }
    }
}

/// A packet that leaves by the interface it came in by was counted there.
#[inline(always)]
pub(super) fn is_hairpin(skb: Skb, direction: Direction) -> bool {
    matches!(direction, Direction::Egress) && skb.ingress_ifindex() == skb.ifindex()
}

/// Whether tunnels are looked into: where they are taken off, and where the segments of a super-packet repeat what is inside.
#[inline(always)]
pub(super) fn takes_off(skb: Skb) -> bool {
    decapsulates() || skb.gso_size() != 0
}

#[inline(always)]
pub(super) fn measure(skb: Skb, packet: &Packet) -> measure::Measure {
    measure::measure(packet, skb.len(), skb.gso_segs(), skb.gso_size())
}

/// Counts a packet into its flow, or has one made for it.
#[inline(always)]
fn count(context: &TcContext, hook: Direction, account: Account, packet: &Packet) {
    let skb = Skb(context.skb.skb);
    let measured = measure(skb, packet);
    let cpu = ledger::cpu();
    let counted = match packet.addresses.version {
        Version::V4 => {
            let (key, direction) = key::v4(packet, account.ifindex);
            let facts = Facts::new(cpu, hook, direction, packet, measured);
            count_or_keep(account, &key, &facts)
        }
        Version::V6 => {
            let (key, direction) = key::v6(packet, account.ifindex);
            let facts = Facts::new(cpu, hook, direction, packet, measured);
            count_or_keep(account, &key, &facts)
        }
    };
    if counted {
        account.total(cpu, skb.len(), &measured);
    } else {
        // What a session shows of itself is not plain.
        if decapsulates() && may_be_session(packet.kind, packet.ports, session_ports()) {
            hand_over(context, account, next::GENERAL);
        }
        // SAFETY: the call does not return where it succeeds.
        unsafe { PROGRAMS.tail_call(context, next::CREATE) };
        account.lost(cpu, skb, &measured);
    }
}

/// Counts a packet of a known flow; puts any other where the program that makes flows finds it.
#[inline(always)]
pub(super) fn count_or_keep<K: Key>(account: Account, key: &K, facts: &Facts) -> bool {
    let digest = digest(key);
    let absent = match find_known(key, digest, facts.lane) {
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
            (*workspace).account = account;
            (*workspace).flowless = Flowless {
                key: key.opaque_words(),
                digest,
                version: K::ORIGIN,
                absent,
                facts: *facts,
            };
        }
    }
    false
}
