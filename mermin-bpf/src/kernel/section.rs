//! Passes to user space the first octets of payloads that contain names.
//!
//! A slot's lanes say how many sections each direction may still pass ([`watch`]). While that is not zero, the programs at the hooks
//! leave the flow's packets to [`mermin_create`](super::program::mermin_create), which calls [`pass`] last. So neither other packets
//! nor a source that reads no names pay for it.

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_RB_RING_SIZE},
    helpers::{bpf_ktime_get_ns, bpf_ringbuf_output, bpf_ringbuf_query, bpf_skb_load_bytes},
};
use mermin_bpf::{
    abi::{
        key::KeyV4,
        section::{OCTETS, SectionHeader, watch},
        slot::{DIRECTIONS, LANES, STRIPES, Slot, origin},
    },
    track::{
        key::HIGH_TO_LOW,
        section::{LAST, LOOKED_AT, Payload, step},
    },
    wire::{
        bytes::{Bytes, Window},
        protocol, tcp, udp,
    },
};

use super::{
    atomic,
    maps::{GLOBALS, SECTIONS, passes_sections, slot_number},
    skb::{Anywhere, Skb, barrier_var},
    workspace::{PendingFlow, Workspace},
};

/// Marks a flow of which payloads may be wanted; the slot is this program's until it is live.
#[inline(always)]
pub(super) fn begin(slot: *mut Slot, packet: &PendingFlow) {
    if !passes_sections() {
        return;
    }
    let number = KeyV4::from_words(&packet.key).tail.protocol();
    if matches!(number, protocol::TCP | protocol::UDP) {
        // SAFETY: within the slot.
        unsafe { (&raw mut (*slot).lanes_used).write_volatile(watch::ALL_FRESH) };
    }
}

/// Takes the mark off a slot that was not published: the next flow there may be of another protocol.
#[inline(always)]
pub(super) fn forget(slot: *mut Slot) {
    if passes_sections() {
        // SAFETY: within the slot, which is still this program's.
        unsafe { (&raw mut (*slot).lanes_used).write_volatile([0; LANES]) };
    }
}

/// Looks at the payload of a packet that was counted into a flow, and passes its section where it is wanted.
#[inline(always)]
pub(super) fn pass(skb: Skb, workspace: *mut Workspace, slot: *mut Slot) {
    if !passes_sections() {
        return;
    }
    // SAFETY: this CPU's own workspace, and lanes that exist.
    unsafe {
        let packet = &(*workspace).flowless;
        // A later fragment has no header of its protocol: its payload belongs to no place in the message.
        if packet.later {
            return;
        }
        let direction = usize::from(packet.facts.direction) & (DIRECTIONS - 1);
        let lane = packet.facts.lane as usize & (LANES - 1);
        let left = watch::of((&raw const (*slot).lanes_used[lane]).read_volatile());
        if left == 0 {
            return;
        }
        let Some((payload_at, length, sequence)) = find(skb, workspace, packet) else {
            return;
        };
        let held = load(skb, workspace, payload_at, length);
        let length = if held == 0 { 0 } else { length };
        let tail = KeyV4::from_words(&packet.key).tail;
        let is_higher = (&raw const (*slot).origin).read_volatile() & origin::HIGHER_STARTED != 0;
        let first = (&raw const (*workspace).section.octets)
            .cast::<[u8; LOOKED_AT]>()
            .read_volatile();
        let decided = step(
            left,
            &Payload {
                protocol: tail.protocol(),
                ports: tail.ports,
                length,
                first,
                last: last(workspace, length),
                is_opening: packet.facts.may_begin(),
                is_cut: length > OCTETS as u32,
                is_from_initiator: (packet.facts.direction == HIGH_TO_LOW) == is_higher,
            },
        );
        for stripe in 0..STRIPES {
            // The octet also has the lane's bits of hooks. One that another CPU stores between this load and the store
            // is lost, and the hook's next packet stores it again.
            let used = &raw mut (*slot).lanes_used[(stripe * DIRECTIONS + direction) & (LANES - 1)];
            let before = used.read_volatile();
            if watch::of(before) != decided.left {
                used.write_volatile(watch::with(before, decided.left));
            }
        }
        if decided.is_taken
            && let Some(number) = slot_number(slot)
        {
            let header = SectionHeader {
                first_seen: (&raw const (*slot).first_seen).read_volatile(),
                time: bpf_ktime_get_ns(),
                slot: number,
                sequence,
                payload: length,
                length: held as u16,
                direction: direction as u8,
                reserved: 0,
            };
            (&raw mut (*workspace).section.header).write_volatile(header);
            output(workspace, held);
        }
    }
}

/// Offset and length of the payload, and its sequence number. `None` where the header cannot be read.
///
/// # Safety
/// `workspace` is this CPU's own.
#[inline(always)]
unsafe fn find(
    skb: Skb,
    workspace: *mut Workspace,
    packet: &PendingFlow,
) -> Option<(u32, u32, u32)> {
    let facts = &packet.facts;
    let at = facts.transport_at;
    let is_tcp = KeyV4::from_words(&packet.key).tail.protocol() == protocol::TCP;
    let (payload_at, sequence) = if is_tcp {
        let header = Anywhere(skb).window::<{ tcp::LENGTH }>(at as usize)?;
        let length = u32::from(header.u8(12) >> 4) * 4;
        // A SYN takes a number of its own before the octets that it carries (RFC 7413).
        let syn = u32::from(facts.tcp_flags & tcp::flag::SYN != 0);
        (at + length, header.be32(tcp::SEQUENCE_AT).wrapping_add(syn))
    } else {
        (at + udp::LENGTH as u32, 0)
    };
    // SAFETY: by the contract above.
    let stripped = unsafe { (*workspace).account.stripped };
    let ip_at = u32::from(facts.link_length.saturating_sub(stripped));
    // A short frame is padded behind its packet. A super-packet, and a first fragment with earlier ones added, count more octets
    // than the frame has. Where the header lies so far inside that `link_length` is at its end, its place is not known.
    let end = if facts.link_length == u8::MAX {
        skb.len()
    } else {
        skb.len().min(ip_at + facts.measure.octets as u32)
    };
    Some((payload_at, end.saturating_sub(payload_at), sequence))
}

/// Copies the beginning of a payload into the workspace; returns the number of octets, 0 where there is none or it cannot be read.
///
/// # Safety
/// As [`find`].
#[inline(always)]
unsafe fn load(skb: Skb, workspace: *mut Workspace, at: u32, length: u32) -> u32 {
    // As in `Skb::copy`: the length minus one, in a form that the compiler cannot simplify.
    let last = length.min(OCTETS as u32).wrapping_sub(1);
    let last = barrier_var(workspace, last as usize);
    if last >= OCTETS {
        return 0;
    }
    // SAFETY: by the contract above; the workspace holds `OCTETS` octets, and no more are written.
    unsafe {
        let octets = &raw mut (*workspace).section.octets;
        #[expect(
            clippy::cast_ptr_alignment,
            reason = "the header in front is whole words"
        )]
        octets.cast::<u64>().write_volatile(0);
        let status = bpf_skb_load_bytes(skb.0.cast(), at, octets.cast(), last as u32 + 1);
        if status == 0 { last as u32 + 1 } else { 0 }
    }
}

/// The last octets of a payload that the workspace holds as a whole.
///
/// # Safety
/// As [`find`].
#[inline(always)]
unsafe fn last(workspace: *mut Workspace, length: u32) -> [u8; LAST] {
    let at = barrier_var(workspace, length.wrapping_sub(LAST as u32) as usize);
    if at > OCTETS - LAST {
        return [0; LAST];
    }
    // SAFETY: by the contract above; the octets are within the section's.
    unsafe {
        (&raw const (*workspace).section.octets)
            .cast::<u8>()
            .add(at)
            .cast::<[u8; LAST]>()
            .read_volatile()
    }
}

/// Flags of a section: a ring that is half full wakes its reader, which otherwise reads it at its own pace.
#[inline(always)]
fn wake_up() -> u64 {
    let ring = (&raw const SECTIONS).cast_mut().cast();
    // SAFETY: the map lives as long as the program.
    let (waiting, size) = unsafe {
        (
            bpf_ringbuf_query(ring, u64::from(BPF_RB_AVAIL_DATA)),
            bpf_ringbuf_query(ring, u64::from(BPF_RB_RING_SIZE)),
        )
    };
    let flag = if waiting > size / 2 {
        BPF_RB_FORCE_WAKEUP
    } else {
        BPF_RB_NO_WAKEUP
    };
    u64::from(flag)
}

/// Puts the section into the ring, or counts it as lost.
///
/// # Safety
/// As [`find`].
#[inline(always)]
unsafe fn output(workspace: *mut Workspace, held: u32) {
    const HEADER: usize = size_of::<SectionHeader>();
    let last = barrier_var(workspace, held.wrapping_sub(1) as usize);
    if last >= OCTETS {
        return;
    }
    // SAFETY: as many octets are in the workspace's section.
    let status = unsafe {
        bpf_ringbuf_output(
            (&raw const SECTIONS).cast_mut().cast(),
            (&raw mut (*workspace).section).cast(),
            (HEADER + last + 1) as u64,
            wake_up(),
        )
    };
    if status != 0
        && let Some(globals) = GLOBALS.get_ptr_mut(0)
    {
        // SAFETY: the array has its one element; the counter is only changed atomically.
        unsafe { atomic::add(&raw mut (*globals).sections_lost, 1) };
    }
}
