//! Removes the header that a GRE device prepends to its packets.

use aya_ebpf::programs::TcContext;
use mermin_bpf::{
    abi::{globals::next, ledger::Reason},
    wire::tunnel::gre_device,
};

use super::{
    ledger,
    maps::PROGRAMS,
    skb::Skb,
    workspace::{Workspace, stage},
};

/// Skips the prepended header as a link header, and calls [`mermin_general`](super::program::mermin_general). This is a
/// separate program because few packets need it, and link headers are most of a verifier's work in the other programs.
#[inline(always)]
pub(super) fn take_off(context: &TcContext, workspace: *mut Workspace) {
    let skb = Skb(context.skb.skb);
    // SAFETY: this CPU's own workspace; the call does not return where it succeeds.
    unsafe {
        let account = (*workspace).account;
        if let Some(bytes) = skb.copy(workspace) {
            match gre_device::follow(bytes, &skb.frame(account.link), account.direction()) {
                Ok(level) => {
                    (*workspace).level = level;
                    Workspace::keep_outermost(workspace);
                    (*workspace).stage = stage::INSIDE;
                }
                Err(reason) => {
                    (*workspace).reason = reason;
                    (*workspace).stage = stage::REFUSED;
                }
            }
            PROGRAMS.tail_call(context, next::GENERAL);
        }
        account.refused(ledger::cpu(), skb, Reason::Unreadable);
    }
}
