//! Entry points: one program for each direction of a hook, and the one they hand over to.
//!
//! The first two count what is plain and known: IP right behind the link header, of a flow that has a slot. All else, a
//! flow's first packet included, goes to [`mermin_general`] by tail call, where it starts afresh. So a plain packet pays for
//! nothing else, and what the verifier walks through stays a tenth of its limit.

use aya_ebpf::{bindings::TC_ACT_UNSPEC, macros::classifier, programs::TcContext};
use mermin_bpf::{
    abi::ledger::{Direction, Reason},
    track::{key, measure, measure::Measure},
    wire::{
        packet::{self, Addresses, Packet},
        plain,
    },
};

use super::{
    count::{self, Facts},
    create,
    index::{Key, find_known},
    ledger::{self, Account, account},
    maps::{Headers, PROGRAMS, WORKSPACE, Workspace},
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
        general(Skb(context.skb.skb), workspace);
    }
    TC_ACT_UNSPEC
}

/// Counts a plain packet of a known flow, or hands over.
#[inline(always)]
fn run(context: &TcContext, direction: Direction) -> i32 {
    let skb = Skb(context.skb.skb);
    let account = account(skb.ifindex(), direction as u32);
    if count_known(skb, account, direction).is_some() {
        return TC_ACT_UNSPEC;
    }
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        // SAFETY: this CPU's own workspace; the call does not return where it succeeds.
        unsafe {
            (*workspace).direction = direction as u32;
            PROGRAMS.tail_call(context, 0);
        }
    }
    account.lost(ledger::cpu(), skb);
    TC_ACT_UNSPEC
}

#[inline(always)]
fn count_known(skb: Skb, account: Account, direction: Direction) -> Option<()> {
    let packet = plain::walk(skb.linear(), &skb.frame(account.link))?;
    if is_hairpin(skb, direction) {
        return None;
    }
    let measured = measure::measure(&packet, skb.len(), skb.gso_segs(), skb.gso_size());
    let cpu = ledger::cpu();
    let facts = |way| Facts::new(cpu, direction, way, &packet, measured);
    match packet.addresses {
        Addresses::V4(addresses) => {
            let (key, way) = key::v4(&packet, addresses, skb.ifindex());
            count_into(&key, &facts(way))?;
        }
        Addresses::V6(addresses) => {
            let (key, way) = key::v6(&packet, addresses, skb.ifindex());
            count_into(&key, &facts(way))?;
        }
    }
    account.total(cpu, skb.len(), &measured);
    Some(())
}

#[inline(always)]
fn count_into<K: Key>(key: &K, facts: &Facts) -> Option<()> {
    let slot = find_known(key, facts.lane).filter(|&slot| !count::restarts(slot, facts))?;
    count::add(slot, facts);
    Some(())
}

/// A packet that leaves by the interface it came in by was counted there.
#[inline(always)]
fn is_hairpin(skb: Skb, direction: Direction) -> bool {
    matches!(direction, Direction::Egress) && skb.ingress_ifindex() == skb.ifindex()
}

/// Counts any packet, into a flow or under a reason.
#[inline(always)]
fn general(skb: Skb, workspace: *mut Workspace) {
    // SAFETY: this CPU's own workspace.
    let direction = if unsafe { (*workspace).direction } == Direction::Egress as u32 {
        Direction::Egress
    } else {
        Direction::Ingress
    };
    let account = account(skb.ifindex(), direction as u32);
    let cpu = ledger::cpu();
    let walked = skb
        .copy(workspace)
        .ok_or(Reason::Unreadable)
        .and_then(|bytes| packet::walk(bytes, &skb.frame(account.link)));
    let measured = match &walked {
        Ok(packet) => measure::measure(packet, skb.len(), skb.gso_segs(), skb.gso_size()),
        Err(_) => ledger::unparsed(skb),
    };
    account.total(cpu, skb.len(), &measured);
    let counted = walked.and_then(|packet| {
        if is_hairpin(skb, direction) {
            return Err(Reason::Hairpin);
        }
        // SAFETY: this CPU's own workspace.
        let headers = unsafe { &(*workspace).headers };
        create_or_count(skb, cpu, direction, headers, &packet, measured)
    });
    if let Err(reason) = counted {
        account.uncounted(cpu, reason, &measured);
    }
}

#[inline(always)]
fn create_or_count(
    skb: Skb,
    cpu: u32,
    hook: Direction,
    headers: &Headers,
    packet: &Packet,
    measured: Measure,
) -> Result<(), Reason> {
    let facts = |direction| Facts::new(cpu, hook, direction, packet, measured);
    match packet.addresses {
        Addresses::V4(addresses) => {
            let (key, direction) = key::v4(packet, addresses, skb.ifindex());
            create::count(headers, &key, &facts(direction))
        }
        Addresses::V6(addresses) => {
            let (key, direction) = key::v6(packet, addresses, skb.ifindex());
            create::count(headers, &key, &facts(direction))
        }
    }
}
