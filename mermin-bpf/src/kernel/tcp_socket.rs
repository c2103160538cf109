//! Values of the TCP socket that sends a packet, as the kernel keeps them.
//!
//! A packet has its socket from the sender's stack on: at egress, beyond a veth pair and through a bridge. A packet that was routed or came
//! over a wire has none.

use core::ptr::NonNull;

use aya_ebpf::{bindings::bpf_tcp_sock, helpers::bpf_tcp_sock as tcp_socket_of};
use mermin_bpf::{
    abi::{
        ledger::HookDirection,
        slot::{DIRECTIONS, Slot},
    },
    track::{key::sender_port, tcp_analysis::NOT_ANALYSED},
    wire::protocol,
};

use super::{
    count::Facts,
    maps::{TCP_SOCKETS, slot_number},
    options::Options,
    skb::Skb,
};

/// `BPF_TCP_LISTEN`.
const LISTENS: u32 = 10;

/// Stores the values of the socket that sends a packet, beside the slot in which the packet was counted. `ports` returns
/// those of its key.
#[inline(always)]
pub(super) fn note<O: Options>(
    skb: Skb,
    slot: *mut Slot,
    ports: impl FnOnce() -> [u16; 2],
    facts: &Facts,
) {
    if !O::reads_sockets() || facts.payload == NOT_ANALYSED {
        return;
    }
    let Some(socket) = sender(skb, ports, facts) else {
        return;
    };
    let Some(number) = slot_number(slot) else {
        return;
    };
    let Some(sockets) = TCP_SOCKETS.get_ptr_mut(number) else {
        return;
    };
    let direction = usize::from(facts.direction) & (DIRECTIONS - 1);
    // SAFETY: within the array's element. The verifier has the kernel read the socket's fields, whose words may be of two moments.
    unsafe {
        let to = &raw mut (*sockets).directions[direction];
        let from = socket.as_ptr();
        (&raw mut (*to).smoothed_round_trip).write_volatile((*from).srtt_us);
        (&raw mut (*to).retransmissions).write_volatile((*from).total_retrans);
        (&raw mut (*to).delivered).write_volatile((*from).delivered);
        (&raw mut (*to).congestion_window).write_volatile((*from).snd_cwnd);
    }
}

/// The connection that sends a packet, if a socket of this host does.
#[inline(always)]
fn sender(
    skb: Skb,
    ports: impl FnOnce() -> [u16; 2],
    facts: &Facts,
) -> Option<NonNull<bpf_tcp_sock>> {
    // SAFETY: the kernel passes a valid context; the verifier turns this load into one of its own.
    let socket = unsafe { (*skb.0).__bindgen_anon_2.sk };
    if socket.is_null() {
        return None;
    }
    // SAFETY: not null, which the verifier has followed; these fields are of any kind of socket.
    let (state, port) = unsafe { ((*socket).state, (*socket).src_port) };
    // `bpf_tcp_sock` takes a raw socket of protocol TCP for a connection, and the kernel sends resets of unknown connections by such a
    // socket. A raw socket's port is its protocol. A look at its type would take another helper. In newer kernels, a reset that a
    // listener sends has the listener's socket.
    if state == LISTENS || port == u32::from(protocol::TCP) {
        return None;
    }
    // A program at the hook may have assigned the receiver's socket (`bpf_sk_assign`). The comparison also refuses a sender whose own
    // network namespace translates its port. At egress it would refuse those whose port this one translates.
    if matches!(facts.hook, HookDirection::Ingress) {
        let sent_by = sender_port(ports(), facts.direction);
        if port != u32::from(sent_by) {
            return None;
        }
    }
    // SAFETY: as above.
    NonNull::new(unsafe { tcp_socket_of(socket) })
}
