//! One packet into its flow.

use aya_ebpf::helpers::{bpf_jiffies64, bpf_ktime_get_ns};
use mermin_bpf::{
    abi::{
        ledger,
        slot::{DIRECTIONS, LANES, STRIPES, Slot, crossed, lane},
    },
    track::{measure::Measure, tcp},
    wire::{packet::Packet, tcp::flag},
};

use super::atomic;

/// What a packet adds to its flow, whatever its IP version.
#[derive(Clone, Copy)]
pub(super) struct Facts {
    pub(super) measure: Measure,
    pub(super) sample: u64,
    /// Lane by CPU and direction.
    pub(super) lane: u32,
    pub(super) direction: u8,
    pub(super) link_length: u8,
    /// 0 for all but TCP, and for TCP without flags, which has nothing to follow either.
    pub(super) tcp_flags: u8,
    /// Whether the workspace has an outer header for the flow.
    pub(super) encapsulated: bool,
    /// Where in the frame the MAC of the packet's sender is; 0 for none.
    pub(super) mac_at: u32,
}

impl Facts {
    #[inline(always)]
    pub(super) fn new(
        cpu: u32,
        hook: ledger::Direction,
        direction: u8,
        packet: &Packet,
        measure: Measure,
    ) -> Self {
        let stripe = cpu % STRIPES as u32;
        Self {
            measure,
            sample: packet.sample.pack() | crossed::by(hook),
            lane: stripe * DIRECTIONS as u32 + u32::from(direction),
            direction,
            link_length: if packet.link_length > 255 {
                255
            } else {
                packet.link_length as u8
            },
            tcp_flags: packet.tcp_flags,
            encapsulated: false,
            mac_at: packet.mac_at,
        }
    }
}

/// In test builds alone: holds every packet for some microseconds between look-up and count, where a flow that is
/// closed without a grace period loses it.
#[cfg(mermin_widen)]
#[inline(never)]
fn widen() {
    for _ in 0..1000 {
        // SAFETY: takes nothing.
        core::hint::black_box(unsafe { bpf_ktime_get_ns() });
    }
}

/// Whether a packet begins a new connection where one has ended.
#[inline(always)]
pub(super) fn restarts(slot: *mut Slot, facts: &Facts) -> bool {
    tcp::starts(facts.tcp_flags) && has_ended(slot)
}

/// Flags of one direction, gathered over its stripes.
#[inline(always)]
fn flags(slot: *mut Slot, direction: usize) -> u8 {
    let mut spread = 0;
    for stripe in 0..STRIPES {
        // SAFETY: the lane exists; another CPU may be adding a flag, which is then seen next time.
        spread |= unsafe { (*slot).lanes[stripe * DIRECTIONS + direction].tcp_flags };
    }
    tcp::gather(spread)
}

/// Whether a connection is over, so that a SYN begins another.
#[inline(always)]
fn has_ended(slot: *mut Slot) -> bool {
    tcp::ended(flags(slot, 0), flags(slot, 1))
}

/// Adds a packet to a slot that the index led to during this program run.
#[inline(always)]
pub(super) fn add(slot: *mut Slot, facts: &Facts) {
    #[cfg(mermin_widen)]
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
        if (*slot).lanes_used[number] < lane::SAMPLED {
            sample(slot, number, facts);
        }
        if facts.tcp_flags != 0 {
            if (*slot).fin_seen != 0 || facts.tcp_flags & flag::FIN != 0 {
                finish(slot, number, facts);
            }
            let new = tcp::spread(facts.tcp_flags) & !(*lane).tcp_flags;
            if new != 0 {
                learn(lane, new, facts);
            }
        }
    }
}

/// Keeps the fields of the interval's first packet in this direction.
#[inline(always)]
fn sample(slot: *mut Slot, number: usize, facts: &Facts) {
    let other = number ^ DIRECTIONS;
    // SAFETY: both lanes exist. Two first packets at once leave two samples, and either is right.
    unsafe {
        if (*slot).lanes_used[other & (LANES - 1)] >= lane::SAMPLED {
            (*slot).lanes_used[number] = lane::SEEN;
        } else {
            (*slot).lanes[number].sample = facts.sample;
            (*slot).lanes_used[number] = lane::SAMPLED;
        }
    }
}

/// Notes flags not seen before in this lane: a store of one byte each, which no other CPU can undo.
#[inline(always)]
fn learn(lane: *mut mermin_bpf::abi::slot::Lane, new: u64, facts: &Facts) {
    // SAFETY: eight bytes within the lane.
    unsafe {
        let bytes = (&raw mut (*lane).tcp_flags).cast::<u8>();
        for bit in 0..8 {
            let byte = (new >> (bit * 8)) as u8;
            if byte != 0 {
                bytes.add(bit).write_volatile(byte);
            }
        }
        if facts.tcp_flags & flag::SYN != 0 && (*lane).syn_at == 0 {
            (*lane).syn_at = bpf_ktime_get_ns();
        }
    }
}

/// Follows the close of a connection: who sent FIN second, and who acknowledged it. Before this packet's flags are noted, so
/// that a FIN sent again is not taken for a second one.
#[inline(always)]
fn finish(slot: *mut Slot, number: usize, facts: &Facts) {
    let direction = usize::from(facts.direction) & (DIRECTIONS - 1);
    let mut side = tcp::Side {
        flags: flags(slot, direction),
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
        (*slot).fin_seen = 1;
    }
}
