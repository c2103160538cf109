//! Takes off what a GRE device puts before its packets.

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

/// Goes to the packet, which is as much the outermost one as behind any other link header, and calls
/// [`mermin_general`](super::program::mermin_general). A program of its own, because few packets come here, and link headers
/// are most of what a verifier walks through in others.
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
