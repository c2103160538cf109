//! One packet into its flow.

use aya_ebpf::helpers::bpf_jiffies64;
#[cfg(mermin_fault = "widened")]
use aya_ebpf::helpers::bpf_ktime_get_ns;
use mermin_bpf::{
    abi::{
        ledger,
        slot::{DIRECTIONS, LANES, Lane, STRIPES, Slot, crossed, lane, mark},
    },
    track::{initial, measure::Measure, tcp, tcp_analysis},
    wire::{packet::Packet, tcp::flag},
};

use super::{atomic, opaque::opaque};

/// Facts that a packet adds to its flow, whatever its IP version.
#[derive(Clone, Copy)]
pub(super) struct Facts {
    pub(super) measure: Measure,
    pub(super) sample: u64,
    /// Lane by CPU and direction.
    pub(super) lane: u32,
    pub(super) direction: u8,
    /// The hook, direction and lane that count the packet.
    pub(super) hook: ledger::HookDirection,
    pub(super) link_length: u8,
    /// As [`Packet::tcp_flags`]: where they are 0 there is nothing to follow.
    pub(super) tcp_flags: u8,
    /// As [`Packet::ids`].
    pub(super) ids: u32,
    /// As [`Vlans::more`](mermin_bpf::wire::vlan::Vlans::more).
    pub(super) more_vlans: bool,
    /// True if the workspace has an outer header for the flow.
    pub(super) encapsulated: bool,
    /// True if the packet is in the totals already: `measure` is then more than the packet, if fragments of it came before.
    pub(super) is_total: bool,
    /// Offset of the sender's MAC address in the frame, which the receiver's precedes; 0 for none.
    pub(super) mac_at: u32,
    /// Offset of the transport header in the frame.
    pub(super) transport_at: u32,
    /// As [`tcp_analysis::payload`].
    pub(super) payload: u32,
}

impl Facts {
    #[inline(always)]
    pub(super) fn new(
        cpu: u32,
        hook: ledger::HookDirection,
        stripped: u8,
        direction: u8,
        packet: &Packet,
        measure: Measure,
    ) -> Self {
        let stripe = cpu % STRIPES as u32;
        let link_length = packet.link_length + u32::from(stripped);
        Self {
            measure,
            sample: packet.sample.pack() | crossed::by(hook),
            lane: opaque(stripe * DIRECTIONS as u32 + u32::from(direction)),
            direction,
            hook,
            link_length: if link_length > 255 {
                255
            } else {
                link_length as u8
            },
            tcp_flags: packet.tcp_flags,
            ids: packet.ids,
            more_vlans: false,
            encapsulated: false,
            is_total: false,
            mac_at: packet.mac_at,
            transport_at: packet.transport_at,
            payload: tcp_analysis::payload(packet),
        }
    }

    /// True for a packet that opens a connection, and for its answer: the program that makes flows finds out if it begins one.
    #[inline(always)]
    pub(super) const fn may_begin(&self) -> bool {
        self.tcp_flags & flag::SYN != 0
    }
}

/// In test builds only: delays every packet for some 100 microseconds between look-up and count, so that a flow closed
/// without a grace period loses it.
#[cfg(mermin_fault = "widened")]
#[inline(always)]
fn widen() {
    for _ in 0..4000 {
        // SAFETY: takes nothing.
        core::hint::black_box(unsafe { bpf_ktime_get_ns() });
    }
}

/// True if a packet with this initial number (packed) begins a new connection on the same ports.
#[inline(always)]
pub(super) fn restarts(slot: *mut Slot, facts: &Facts, number: u64) -> bool {
    let seen = [flags(slot, 0), flags(slot, 1)];
    // SAFETY: within the slot; read whole.
    let known = unsafe { number_of(slot, facts.direction).read_volatile() };
    let [known, number] = [known, number].map(initial::unpack);
    tcp::restarts(facts.tcp_flags, seen, known, number)
}

/// Notes the time at which a side of a connection was opened, and its initial number (packed). If two CPUs do so at
/// once, the note of either stays.
#[inline(always)]
pub(super) fn open(slot: *mut Slot, facts: &Facts, now: u64, number: u64) {
    let direction = usize::from(facts.direction) & (DIRECTIONS - 1);
    // SAFETY: both words are within the slot, and stored whole.
    unsafe {
        let syn_at = &raw mut (*slot).lanes[direction].syn_at;
        if syn_at.read_volatile() == 0 {
            syn_at.write_volatile(now);
        }
        let known = number_of(slot, facts.direction);
        if number != 0 && known.read_volatile() == 0 {
            known.write_volatile(number);
        }
    }
}

/// The place of a direction's initial number.
#[inline(always)]
fn number_of(slot: *mut Slot, direction: u8) -> *mut u64 {
    // SAFETY: the lane exists.
    unsafe {
        &raw mut (*slot).lanes[Lane::of_initial_number(usize::from(direction)) & (LANES - 1)].syn_at
    }
}

/// Flags of one direction, gathered over its stripes.
#[inline(always)]
fn flags(slot: *mut Slot, direction: usize) -> u8 {
    let mut flag_bytes = 0;
    for stripe in 0..STRIPES {
        // SAFETY: the lane exists; another CPU may be adding a flag, which is then seen next time.
        flag_bytes |= unsafe { (*slot).lanes[stripe * DIRECTIONS + direction].tcp_flags };
    }
    tcp::flags_from_bytes(flag_bytes)
}

/// Adds a packet to a slot that the index led to during this program run.
#[inline(always)]
pub(super) fn add(slot: *mut Slot, facts: &Facts) {
    #[cfg(mermin_fault = "widened")]
    widen();
    let number = facts.lane as usize & (LANES - 1);
    // SAFETY: the lane exists. Counters are added to atomically; the other fields are whole stores, of which any of two
    // at once is right.
    unsafe {
        let lane = &raw mut (*slot).lanes[number];
        atomic::add(&raw mut (*lane).packets, facts.measure.packets);
        atomic::add(&raw mut (*lane).octets, facts.measure.octets);
        let expected =
            facts.measure.octets + facts.measure.packets * u64::from((*slot).link_length);
        let extra = facts.measure.frame_octets.wrapping_sub(expected);
        if extra != 0 {
            atomic::add(&raw mut (*lane).extra, extra);
        }
        (*lane).last_seen = bpf_jiffies64();
        let settled = lane::SAMPLED | lane::at(facts.hook);
        if (*slot).lanes_used[number] & settled != settled {
            sample(slot, number, facts);
        }
        if facts.tcp_flags != 0 {
            if (*slot).marks & mark::FIN != 0 || facts.tcp_flags & flag::FIN != 0 {
                finish(slot, number, facts);
            }
            let new = tcp::flags_to_bytes(facts.tcp_flags) & !(*lane).tcp_flags;
            if new != 0 {
                record_new_flags(lane, facts.tcp_flags);
            }
        }
    }
}

/// Stores the fields of the interval's first packet in this direction, and the hook that it crossed.
#[inline(always)]
fn sample(slot: *mut Slot, number: usize, facts: &Facts) {
    let other = number ^ DIRECTIONS;
    // SAFETY: both lanes exist. Two first packets at once leave two samples, and either is right.
    unsafe {
        let used = (*slot).lanes_used[number];
        let hooks = used & !lane::STATE | lane::at(facts.hook);
        let state = if used & lane::SAMPLED != 0 {
            used & lane::STATE
        } else if (*slot).lanes_used[other & (LANES - 1)] & lane::SAMPLED != 0 {
            lane::SEEN
        } else {
            (*slot).lanes[number].sample = facts.sample;
            lane::SAMPLED
        };
        (*slot).lanes_used[number] = state | hooks;
    }
}

/// Notes flags not seen before in this lane: a store of one byte each, which no other CPU can undo but in a simultaneous open.
#[inline(always)]
fn record_new_flags(lane: *mut Lane, flags: u8) {
    let bytes = tcp::lane_bytes(flags);
    // SAFETY: eight bytes within the lane.
    unsafe {
        let new = bytes & !(*lane).tcp_flags;
        let stored = (&raw mut (*lane).tcp_flags).cast::<u8>();
        for bit in 0..8 {
            let of = |bytes: u64| (bytes >> (bit * 8)) as u8;
            if of(new) != 0 {
                stored.add(bit).write_volatile(of(bytes));
            }
        }
    }
}

/// Tracks the close of a connection: the side that sent FIN second, and the side that acknowledged it. Runs before this
/// packet's flags are noted, so that a retransmitted FIN does not count as a second one.
#[inline(always)]
fn finish(slot: *mut Slot, number: usize, facts: &Facts) {
    let direction = usize::from(facts.direction) & (DIRECTIONS - 1);
    let mut side = tcp::Side {
        flags: flags(slot, direction),
        acked: false,
        acked_fin: false,
        fin_second: false,
    };
    side.send(facts.tcp_flags, flags(slot, direction ^ 1));
    // SAFETY: the lane exists; the fields are whole bytes, and only ever set.
    unsafe {
        let lane = &raw mut (*slot).lanes[number];
        if side.acked_fin {
            (*lane).acked_fin = 1;
        }
        if side.fin_second {
            (*lane).fin_second = 1;
        }
        // The other bits stay the same, so it does not matter which of two CPUs stores last.
        (*slot).marks |= mark::FIN;
    }
}
