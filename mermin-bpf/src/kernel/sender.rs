//! Notes which socket sent a flow's first packet.
//!
//! A packet has its sender's socket from the sender's stack on: at egress, and at the ingress of the other end of a veth pair. One that was
//! routed or came over a wire has none. Cookies of sockets are unique on the host, across network namespaces.

use aya_ebpf::helpers::generated::bpf_get_socket_cookie;
use mermin_bpf::{
    abi::{key::KeyV4, opener::sender},
    track::key::{HIGH_TO_LOW, sender_port},
};

use super::{
    maps::{SENDERS, notes_senders},
    skb::Skb,
    workspace::PendingFlow,
};

/// Notes the sender of the packet that a flow begins with, or that it has none: another flow may have had the slot.
#[inline(always)]
pub(super) fn note(slot: u32, skb: Skb, packet: &PendingFlow) {
    // In one test build, the compiler would save a register that has no value yet, which the verifier rejects. Nobody asks that build.
    if cfg!(mermin_fault = "unchecked") || !notes_senders() {
        return;
    }
    let Some(place) = SENDERS.get_ptr_mut(slot) else {
        return;
    };
    let side = if packet.facts.direction == HIGH_TO_LOW {
        sender::IS_HIGHER
    } else {
        0
    };
    // SAFETY: a word of the map, stored whole.
    unsafe { place.write_volatile(cookie(skb, packet) | side) };
}

/// The cookie of the socket that sent the packet; 0 if there is none.
///
/// The socket's port has to be the packet's. Otherwise the packet is a tunnel's around the one that the socket sent; or a program has assigned
/// the receiver's socket (`bpf_sk_assign`); or the socket is the kernel's for resets, which many connections share.
#[inline(always)]
fn cookie(skb: Skb, packet: &PendingFlow) -> u64 {
    // SAFETY: the kernel passes a valid context; the verifier turns these loads into its own.
    let port = unsafe {
        let socket = (*skb.0).__bindgen_anon_2.sk;
        if socket.is_null() {
            return 0;
        }
        (*socket).src_port
    };
    let ports = KeyV4::from_words(&packet.key).tail.ports;
    if port != u32::from(sender_port(ports, packet.facts.direction)) {
        return 0;
    }
    // SAFETY: the context, as above.
    unsafe { bpf_get_socket_cookie(skb.0.cast()) }
}
