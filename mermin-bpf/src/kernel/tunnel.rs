//! Takes one level of encapsulation off a packet.

use core::hint::black_box;

use aya_ebpf::programs::TcContext;
use mermin_bpf::{
    abi::{
        globals::next,
        ledger::{HookDirection, Reason},
    },
    track::fragment,
    wire::{ip::Ip, ipv6, packet::Frame, plain, tunnel},
};

use super::{
    ledger,
    maps::{PROGRAMS, decapsulates, keyed, tunnel_ports},
    skb::{Copied, Skb},
    workspace::{Workspace, launder, stage},
};

/// Goes one level down, and calls [`mermin_general`](super::program::mermin_general), which counts the packet there, or
/// finds that it may carry others and calls this program. Where the outermost packet counts, this program calls itself for
/// each level, and `mermin_general` when it can go no further.
#[inline(always)]
pub(super) fn descend(context: &TcContext, workspace: *mut Workspace) {
    let skb = Skb(context.skb.skb);
    // SAFETY: this CPU's own workspace; the calls do not return where they succeed.
    unsafe {
        let account = (*workspace).account;
        let went = step(skb, &skb.frame(account.link), workspace);
        if !decapsulates() && !matches!((*workspace).stage, stage::FRESH | stage::SETTLED) {
            if went.is_some() {
                PROGRAMS.tail_call(context, next::TUNNEL);
            }
            // The packet counts as its outermost one, whatever is inside.
            (*workspace).encapsulated = false;
            (*workspace).outer_fragments = 0;
            (*workspace).stage = stage::OUTERMOST;
        }
        PROGRAMS.tail_call(context, next::GENERAL);
        account.refused(ledger::cpu(), skb, Reason::Unreadable);
    }
}

/// True if an extension header follows the IPv6 header, as in a packet that has reached the last of its segments
/// (`SRv6`, RFC 8986; RPL). Linux decapsulates such a packet and passes it to the same interface again (`ipv6_srh_rcv` in
/// net/ipv6/exthdrs.c): the frame is unchanged, but the kernel's network header is the inner one.
#[inline(always)]
const fn is_routed(ip: &Ip) -> bool {
    ip.addresses.is_v6() && ip.payload != ip.at + ipv6::LENGTH
}

/// Goes one level down. `None` if the packet is to be counted at this level or under a reason.
///
/// # Safety
/// `workspace` is this CPU's own.
#[inline(always)]
unsafe fn step(skb: Skb, frame: &Frame, workspace: *mut Workspace) -> Option<()> {
    // SAFETY: by the contract above.
    unsafe {
        if (*workspace).stage == stage::FRESH {
            let bytes = skb.copy(workspace)?;
            // A packet that comes straight from the hook has a frame that `plain` can parse.
            (*workspace).level = plain::outermost(bytes, frame)?;
            (*workspace).stage = stage::INSIDE;
        }
        let bytes = Copied::again(workspace);
        let level = &*black_box(&raw const (*workspace).level);
        if level.depth == 0 {
            Workspace::keep_outermost(workspace);
        }
        let ip = level.ip(bytes, frame).ok()?;
        let ip = launder(&raw mut (*workspace).ip, ip);
        if ip.later_fragment {
            return None;
        }
        match tunnel::descend(bytes, frame, level, ip, &tunnel_ports(), keyed()) {
            Ok(Some((inner, opened))) => {
                if level.depth == 0
                    && is_routed(ip)
                    && (*workspace).account.direction() == HookDirection::Ingress
                    && skb.network_header_is(bytes, inner.reached.at)
                {
                    (*workspace).reason = Reason::Hairpin;
                    (*workspace).stage = stage::SETTLED;
                    return None;
                }
                if level.depth == 0 {
                    let mac = level.reached.mac(bytes);
                    let mut outer = tunnel::outer(level, ip, &opened, mac);
                    outer.link_length = outer
                        .link_length
                        .saturating_add((*workspace).account.stripped);
                    (*workspace).outer = outer;
                    (*workspace).encapsulated = true;
                }
                if ip.fragment {
                    let place = usize::from(level.depth) & 1;
                    (*workspace).around[place] = fragment::key(ip, level, skb.ifindex());
                    (*workspace).outer_fragments |= 1 << place;
                }
                (*workspace).level = inner;
                Some(())
            }
            Ok(None) => {
                (*workspace).stage = stage::INNERMOST;
                // A super-packet that counts as its outermost packet: its segments repeat the inner headers too.
                if !decapsulates()
                    && let Ok(transport) = level.transport(bytes, frame, ip)
                {
                    (*workspace).repeated = ip.payload as u32 + transport.header_length;
                }
                None
            }
            Err(reason) => {
                (*workspace).reason = reason;
                (*workspace).stage = stage::REFUSED;
                None
            }
        }
    }
}
