//! Entry points: one program for each hook, and the programs that they call.
//!
//! The first two count plain packets ([`plain`]) and packets that are not IP. A packet that may be a tunnel goes to
//! [`mermin_tunnel`] by tail call, which removes one level of encapsulation and calls [`mermin_general`]. All other
//! packets go to [`mermin_general`] directly, which calls [`mermin_tunnel`] if a tunnel may be behind rare headers or
//! in another tunnel. A packet without a flow goes to [`mermin_create`], and so does one that may have been counted at
//! another hook, may begin a connection, or has a payload that may be wanted. A TCP segment that is not just the next one of its flow goes to [`mermin_tcp`], where TCP is analysed.
//! So a plain packet of a known flow pays for nothing else, and each program stays far below the verifier's limit.

use core::hint::{black_box, cold_path};

use aya_ebpf::{bindings::TC_ACT_UNSPEC, macros::classifier, programs::TcContext};
use mermin_bpf::{
    abi::{
        globals::next,
        ledger::{HookDirection, Reason, link},
    },
    track::{key, measure},
    wire::{
        bytes::Bytes,
        packet::{Packet, Version},
        plain,
        protocol::Kind,
        tunnel::{may_be_session, may_carry},
    },
};

use super::{
    carried,
    count::{self, Facts},
    create, device, general,
    index::{Key, digest, find_known},
    ledger::{self, Account, account},
    maps::{PROGRAMS, carries, decapsulates, session_ports},
    options::{Chosen, Options, Without},
    pass::{Pass, doubts},
    skb::Skb,
    tcp_analysis, tcp_socket, tunnel,
    workspace::{PendingFlow, WORKSPACE, Workspace},
};

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_ingress(context: TcContext) -> i32 {
    run::<Without>(&context, HookDirection::Ingress)
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_egress(context: TcContext) -> i32 {
    run::<Without>(&context, HookDirection::Egress)
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_ingress_chosen(context: TcContext) -> i32 {
    run::<Chosen>(&context, HookDirection::Ingress)
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_egress_chosen(context: TcContext) -> i32 {
    run::<Chosen>(&context, HookDirection::Egress)
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
pub fn mermin_device(context: TcContext) -> i32 {
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        device::take_off(&context, workspace);
    }
    TC_ACT_UNSPEC
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_create(context: TcContext) -> i32 {
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        create::count(&context, workspace);
    }
    TC_ACT_UNSPEC
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
#[inline(always)]
pub fn mermin_tcp(context: TcContext) -> i32 {
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        tcp_analysis::take(Skb(context.skb.skb), workspace);
    }
    TC_ACT_UNSPEC
}

/// Counts a plain packet, or hands over.
#[inline(always)]
fn run<O: Options>(context: &TcContext, direction: HookDirection) -> i32 {
    let skb = Skb(context.skb.skb);
    // Before anything is read: the copy's source address would be taken for an EtherType. And before the account is looked for, or
    // verifiers before 6.3 would follow the ways through the rest once more.
    if matches!(direction, HookDirection::Ingress) && skb.is_looped_back() {
        cold_path();
        account(skb, direction).refused(ledger::cpu(), skb, Reason::LoopedBack);
        return TC_ACT_UNSPEC;
    }
    let account = account(skb, direction);
    let walked = plain::walk(
        skb.linear(),
        &skb.frame(account.link),
        #[inline(always)]
        |packet| {
            if (may_carry(packet.kind, packet.ports, carries)
                && is_opened(skb, packet.kind, packet.addresses.is_v6()))
                || is_cut_unseen(skb, packet.kind)
            {
                return false;
            }
            count::<O>(context, direction, account, packet);
            true
        },
    );
    let refused = match walked {
        Ok(Some(true)) => return TC_ACT_UNSPEC,
        // A packet that may carry others, or be segmented as a carrier.
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
            // Read again, or a verifier would follow the paths of each link type separately.
            let link = (&raw const (*workspace).account.link).read_volatile();
            if !matches!(link, link::ETHERNET | link::IP) {
                PROGRAMS.tail_call(context, next::DEVICE);
            }
            PROGRAMS.tail_call(context, next);
        }
    }
}

/// True if the inside of tunnels should be parsed: they are decapsulated, or the segments of a super-packet repeat
/// inner headers.
#[inline(always)]
pub(super) fn should_decapsulate(skb: Skb) -> bool {
    decapsulates() || skb.gso_size() != 0
}

/// True if the inside of the packet should be parsed: tunnels are decapsulated, or the packet may have been seen before
/// it was decapsulated.
#[inline(always)]
pub(super) fn is_opened(skb: Skb, packet_kind: Kind, is_v6: bool) -> bool {
    should_decapsulate(skb) || is_v6 && matches!(packet_kind, Kind::Carrier)
}

/// True if the headers of a super-packet do not show how it is segmented. For protocols other than TCP, it may be an
/// unrecognised tunnel or become fragments.
#[inline(always)]
pub(super) fn is_cut_unseen(skb: Skb, kind: Kind) -> bool {
    !matches!(kind, Kind::Tcp) && skb.gso_size() != 0
}

#[inline(always)]
pub(super) fn measure(skb: Skb, account: Account, packet: &Packet) -> measure::Measure {
    account.on_wire(measure::measure(
        packet,
        skb.len(),
        skb.gso_segs(),
        skb.gso_size(),
    ))
}

/// Counts a packet into its flow, or calls the program that makes the flow.
#[inline(always)]
fn count<O: Options>(context: &TcContext, hook: HookDirection, account: Account, packet: &Packet) {
    let skb = Skb(context.skb.skb);
    let measured = measure(skb, account, packet);
    let cpu = ledger::cpu();
    let counted = match packet.addresses.version {
        Version::V4 => {
            let (key, direction) = key::v4(packet, account.ifindex);
            let facts = Facts::new(cpu, hook, account.stripped, direction, packet, measured);
            count_or_defer::<O, _>(skb, account, &key, &facts)
        }
        Version::V6 => {
            let (key, direction) = key::v6(packet, account.ifindex);
            let facts = Facts::new(cpu, hook, account.stripped, direction, packet, measured);
            count_or_defer::<O, _>(skb, account, &key, &facts)
        }
    };
    if counted {
        account.total(cpu, skb.len(), &measured);
    } else {
        // The indices of a session are not plain.
        if decapsulates() && may_be_session(packet.kind, packet.ports, session_ports()) {
            hand_over(context, account, next::GENERAL);
        }
        // SAFETY: the call does not return where it succeeds.
        unsafe { PROGRAMS.tail_call(context, next::CREATE) };
        account.lost(cpu, skb, &measured);
    }
}

/// Counts a packet of a known flow; puts any other, and one that may have been counted before, where the program that makes
/// flows finds it.
#[inline(always)]
fn count_or_defer<O: Options, K: Key>(skb: Skb, account: Account, key: &K, facts: &Facts) -> bool {
    let digest = digest::<O, _>(key);
    if count_known::<O, _, _>(skb, skb.linear(), account, key, digest, facts) {
        return true;
    }
    // Marks the code behind it as cold, which saves 4 ns for each packet that has a flow.
    cold_path();
    if let Some(workspace) = WORKSPACE.get_ptr_mut(0) {
        // SAFETY: this CPU's own workspace.
        unsafe {
            (*workspace).account = account;
            (*workspace).flowless = PendingFlow {
                key: key.opaque_words(),
                digest,
                version: K::ORIGIN,
                overtaken: 0,
                later: false,
                facts: Facts {
                    // Opaque, or the compiler calls `memset` for these zeroes and those beside them.
                    ids: black_box(facts.ids),
                    more_vlans: black_box(facts.more_vlans),
                    ..*facts
                },
            };
        }
    }
    false
}

/// Counts the packet and returns true if it is a plain packet of a flow that is found at once. Otherwise it has no flow,
/// may begin another connection, or may have been counted before. `bytes` has the packet's headers.
#[inline(always)]
pub(super) fn count_known<O: Options, K: Key, B: Bytes>(
    skb: Skb,
    bytes: B,
    account: Account,
    key: &K,
    digest: u64,
    facts: &Facts,
) -> bool {
    if facts.may_begin() {
        return false;
    }
    let doubts = doubts(facts.hook, facts.direction);
    let Some(slot) = find_known::<O, _>(key, digest, facts.lane, doubts) else {
        return false;
    };
    let pass = Pass::new(skb, account, digest, facts);
    if pass.was_sent() {
        return false;
    }
    pass.note();
    carried::compare::<O>(slot, &key.words(), facts);
    count::add(slot, facts);
    tcp_socket::note::<O>(skb, slot, || key.ports(), facts);
    tcp_analysis::add::<O, _>(skb, bytes, account, slot, facts);
    true
}
