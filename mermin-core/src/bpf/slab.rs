//! The slots of flows, in memory that the kernel program counts in.

use std::{
    num::NonZeroU32,
    ops::Range,
    sync::atomic::{AtomicU8, AtomicU64, Ordering, fence},
};

use mermin_bpf::abi::{
    globals::{Globals, SLOTS_A_WORD},
    key::{KeyTail, KeyV4, KeyWords},
    sampling::Rate,
    section::watch,
    slot::{
        DIRECTIONS, LANES, Lane, STRIPES, Sample, Slot, crossed, first, lane, mark, origin, state,
    },
    tunnel::{OuterHeader, TunnelEndpoints},
};
use mermin_bpf::{
    track::{
        origin::First,
        tcp::{acked, flags_from_bytes},
    },
    wire::{ethernet, tcp::flag},
};

use super::{
    clock::Ticks, drop_counts::DropCounts, tcp_analyses::TcpAnalyses, tcp_sockets::TcpSockets,
};
use crate::{
    flow::Several,
    sys::mapping::Mapping,
    table::{
        sampling,
        snapshot::{FlowSnapshot, Side},
    },
};

/// Number of reads of a lane's counters before an inconsistent pair is accepted.
const MOST_READS: usize = 8;

/// Arrays beside the slots.
#[derive(Debug, Default)]
pub(crate) struct OptionalArrays {
    /// Analyses of TCP, if TCP is analysed.
    pub(super) analyses: Option<TcpAnalyses>,
    /// The kernel's values of TCP sockets, if they are read.
    pub(super) sockets: Option<TcpSockets>,
    /// Counts of dropped packets, if they are counted.
    pub(super) drops: Option<DropCounts>,
}

/// All slots, and the number ever used.
#[derive(Debug)]
pub(crate) struct Slab {
    pub(super) slots: Mapping<Slot>,
    fresh: Mapping<u64>,
    globals: Mapping<Globals>,
    tunnels: Mapping<TunnelEndpoints>,
    options: OptionalArrays,
    /// True if flows are sampled.
    is_sampled: bool,
}

impl Slab {
    pub(crate) fn new(
        slots: Mapping<Slot>,
        fresh: Mapping<u64>,
        globals: Mapping<Globals>,
        tunnels: Mapping<TunnelEndpoints>,
        options: OptionalArrays,
        is_sampled: bool,
    ) -> Self {
        Self {
            slots,
            fresh,
            globals,
            tunnels,
            options,
            is_sampled,
        }
    }

    /// Returns the analyses of TCP, if TCP is analysed.
    pub(crate) fn analyses(&self) -> Option<&TcpAnalyses> {
        self.options.analyses.as_ref()
    }

    /// Returns the kernel's values of TCP sockets, if they are read.
    pub(crate) fn sockets(&self) -> Option<&TcpSockets> {
        self.options.sockets.as_ref()
    }

    /// Returns the counts of dropped packets, if they are counted.
    pub(crate) fn drops(&self) -> Option<&DropCounts> {
        self.options.drops.as_ref()
    }

    /// Returns the counters that belong to no slot.
    pub(crate) fn globals(&self) -> &Mapping<Globals> {
        &self.globals
    }

    fn rate_word(&self) -> &AtomicU64 {
        let globals = self.globals.at(0);
        // SAFETY: a word of the mapping, which lives as long as `self`; it is only changed atomically.
        unsafe { AtomicU64::from_ptr((&raw mut (*globals).rate).cast()) }
    }

    /// Returns the rate at which flows are kept.
    pub(crate) fn rate(&self) -> Rate {
        Rate(self.rate_word().load(Ordering::Relaxed))
    }

    /// Changes the rate if it is `from`. Returns false if the kernel program has changed it meanwhile.
    pub(crate) fn change_rate(&self, from: Rate, to: Rate) -> bool {
        self.rate_word()
            .compare_exchange(from.0, to.0, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Returns the number of slots.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    /// Returns the number of slots that were ever used.
    pub(crate) fn touched(&self) -> u32 {
        let high_water = self.globals.read(0).high_water;
        u32::try_from(high_water).map_or(self.len(), |touched| touched.min(self.len()))
    }

    /// Calls `look` for every range of slots with a hint of a new flow since the last call.
    pub(crate) fn take_fresh(&self, mut look: impl FnMut(Range<u32>)) {
        let touched = self.touched();
        for number in 0..touched.div_ceil(SLOTS_A_WORD) {
            // SAFETY: a word of the mapping, which lives as long as `self`; the kernel stores it whole.
            let word = unsafe { AtomicU64::from_ptr(self.fresh.at(number as usize)) };
            // Cleared before the slots are read: a flow that begins afterwards sets it again.
            if word.load(Ordering::Relaxed) != 0 && word.swap(0, Ordering::SeqCst) != 0 {
                let first = number * SLOTS_A_WORD;
                look(first..(first + SLOTS_A_WORD).min(touched));
            }
        }
    }

    fn state_of(&self, slot: u32) -> &AtomicU8 {
        let slot = self.slots.at(slot as usize);
        // SAFETY: one byte of the mapping, which lives as long as `self`; the kernel stores it whole.
        unsafe { AtomicU8::from_ptr(&raw mut (*slot).state) }
    }

    /// Returns one of [`state`]. Later reads of the slot are at least as new.
    pub(crate) fn state(&self, slot: u32) -> u8 {
        self.state_of(slot).load(Ordering::Acquire)
    }

    /// Marks a live slot as closing. Returns false if the kernel program has replaced it meanwhile.
    ///
    /// The index leads to it until it is [removed](super::index::Index::remove).
    pub(crate) fn begin_close(&self, slot: u32) -> bool {
        self.state_of(slot)
            .compare_exchange(
                state::LIVE,
                state::CLOSING,
                Ordering::SeqCst,
                Ordering::SeqCst,
            )
            .is_ok()
    }

    /// Returns a slot's key, and the bits of [`origin`].
    pub(super) fn key(&self, slot: u32) -> (KeyWords, u8) {
        let slot = self.slots.at(slot as usize);
        // SAFETY: within the mapping; key and origin do not change while the slot is not free.
        unsafe {
            (
                (&raw const (*slot).key).read_volatile(),
                (&raw const (*slot).origin).read_volatile(),
            )
        }
    }

    /// Returns the interface of a slot's flow; 0 if there is no flow.
    pub(crate) fn ifindex(&self, slot: u32) -> u32 {
        self.tail(slot).ifindex
    }

    /// Returns the part of a slot's key with which keys of both IP versions begin.
    pub(super) fn tail(&self, slot: u32) -> KeyTail {
        let slot = self.slots.at(slot as usize);
        // SAFETY: within the mapping; the key does not change while the slot is not free.
        let [first, second] =
            unsafe { (&raw const (*slot).key).cast::<[u64; 2]>().read_volatile() };
        KeyV4::from_words(&[first, second, 0, 0, 0, 0]).tail
    }

    /// Returns the start of the flow in a slot, monotonic ns.
    pub(crate) fn first_seen(&self, slot: u32) -> u64 {
        let slot = self.slots.at(slot as usize);
        // SAFETY: within the mapping.
        unsafe { (&raw const (*slot).first_seen).read_volatile() }
    }

    /// Protocol of the flow in a slot, and the ports of its ends.
    pub(crate) fn protocol_and_ports(&self, slot: u32) -> (u8, [u16; 2]) {
        let tail = self.tail(slot);
        (tail.protocol(), tail.ports)
    }

    /// Has the kernel program pass no more payloads of a flow. A bit of a hook that it stores in between is lost, and the hook's next
    /// packet stores it again.
    pub(crate) fn pass_no_sections(&self, slot: u32) {
        let at = self.slots.at(slot as usize);
        for number in 0..LANES {
            // SAFETY: one byte within the slot, stored whole by either side.
            let used = unsafe { AtomicU8::from_ptr(&raw mut (*at).lanes_used[number]) };
            let now = used.load(Ordering::Relaxed);
            if now & watch::MASK != 0 {
                used.store(watch::with(now, 0), Ordering::Relaxed);
            }
        }
    }

    /// Reads everything about a flow.
    pub(crate) fn snapshot(&self, slot: u32, ticks: &Ticks) -> FlowSnapshot {
        let at = self.slots.at(slot as usize);
        // SAFETY: within the mapping; each field is read whole, and those of the first line are settled by now.
        let (key, origin_bits, link_length, marks, first_seen, used) = unsafe {
            (
                (&raw const (*at).key).read_volatile(),
                (&raw const (*at).origin).read_volatile(),
                (&raw const (*at).link_length).read_volatile(),
                (&raw const (*at).marks).read_volatile(),
                (&raw const (*at).first_seen).read_volatile(),
                (&raw const (*at).lanes_used).read_volatile(),
            )
        };
        let first = |what| {
            let lane = first::lane(origin::lane_of_first(origin_bits), what);
            // SAFETY: within the mapping; nothing writes it while the slot is not free.
            unsafe { (&raw const (*at).lanes[lane].first).read_volatile() }
        };
        let (octets, ids) = (first(first::OUTER_FLAGS), first(first::OUTER_IDS));
        let outer = (origin_bits & origin::ENCAPSULATED != 0).then(|| {
            let [flags, link_length, ..] = octets;
            OuterHeader {
                ends: self.tunnels.read(slot as usize),
                mac: first(first::OUTER_MAC),
                flags,
                link_length,
            }
        });
        let mut sides = [Side::default(); DIRECTIONS];
        for number in 0..LANES {
            if used[number] & !watch::MASK == lane::UNUSED {
                continue;
            }
            // SAFETY: the lane is within the slot.
            let lane = read_lane(unsafe { &raw const (*at).lanes[number] });
            let side = &mut sides[number % DIRECTIONS];
            side.packets += lane.packets;
            side.octets += lane.octets;
            side.extra = side.extra.wrapping_add(lane.extra);
            if lane.packets != 0 {
                side.last_seen = side.last_seen.max(ticks.monotonic(lane.last_seen));
            }
            side.tcp.flags |= flags_from_bytes(lane.tcp_flags);
            side.tcp.acked |= acked(lane.tcp_flags);
            side.tcp.acked_fin |= lane.acked_fin != 0;
            side.tcp.fin_second |= lane.fin_second != 0;
            side.hook = side.hook.or(crossed::hook(lane.sample));
            if used[number] & lane::STATE == lane::SAMPLED {
                side.sample = Some(Sample::unpack(lane.sample));
            }
        }
        for (side, lane) in sides.iter_mut().zip(0..) {
            if side.tcp.flags & flag::SYN != 0 {
                // SAFETY: within the mapping; the word is stored whole.
                side.syn_at = unsafe { (&raw const (*at).lanes[lane].syn_at).read_volatile() };
            }
        }
        let receiver = match outer {
            Some(_) => [0; ethernet::MAC],
            None => first(first::RECEIVER_MAC),
        };
        FlowSnapshot {
            key,
            ipv6: origin_bits & origin::IPV6 != 0,
            higher_started: origin_bits & origin::HIGHER_STARTED != 0,
            first: First::of(origin_bits),
            link_length,
            sampling_interval: self.interval(mark::shift(marks)),
            first_seen,
            macs: [first(first::MAC), receiver],
            outer,
            several: Several {
                vlan_ids: octets[first::VLAN_IDS] != 0,
                vlan_tags: octets[first::VLAN_TAGS] != 0,
                tunnel_ids: ids[first::TUNNEL_IDS] != 0,
                tunnels: ids[first::TUNNELS] != 0,
            },
            sides,
        }
    }

    /// Returns the interval of a flow's records. A flow of an earlier process may have been sampled, even if this one keeps all flows.
    fn interval(&self, shift: u8) -> Option<NonZeroU32> {
        let is_sampled = self.is_sampled || shift != 0;
        is_sampled.then(|| sampling::interval(shift))
    }

    /// Requests a sample of the next packet in each direction from the kernel program.
    pub(crate) fn want_samples(&self, slot: u32) {
        let at = self.slots.at(slot as usize);
        for number in 0..LANES {
            // SAFETY: one byte within the slot, stored whole by either side.
            let used = unsafe { AtomicU8::from_ptr(&raw mut (*at).lanes_used[number]) };
            let now = used.load(Ordering::Relaxed);
            if now & lane::STATE > lane::WANTED {
                // If a hook's bit that is set in between gets lost, the hook's next packet sets it again.
                used.store(now & !lane::STATE | lane::WANTED, Ordering::Relaxed);
            }
        }
    }

    /// Empties a slot that no program counts into any more. Its number may then be returned.
    pub(crate) fn scrub(&self, slot: u32) {
        let at = self.slots.at(slot as usize);
        // SAFETY: after the grace period the slot is this thread's alone.
        unsafe { at.write_volatile(Slot::default()) };
        if let Some(analyses) = &self.options.analyses {
            analyses.scrub(slot);
        }
        if let Some(sockets) = &self.options.sockets {
            sockets.scrub(slot);
        }
        if let Some(drops) = &self.options.drops {
            drops.scrub(slot);
        }
        fence(Ordering::SeqCst);
    }
}

/// Reads a lane so that packets and octets belong to one moment: reads packets, octets, packets again, until packets
/// did not change.
fn read_lane(at: *const Lane) -> Lane {
    // SAFETY: `at` is a lane of the mapping; the counter is only changed atomically.
    let packets = unsafe { AtomicU64::from_ptr((&raw const (*at).packets).cast_mut()) };
    let mut before = packets.load(Ordering::Acquire);
    // SAFETY: within the mapping, aligned; any bytes are a valid lane.
    let mut lane = unsafe { at.read_volatile() };
    for _ in 0..MOST_READS {
        fence(Ordering::Acquire);
        let after = packets.load(Ordering::Acquire);
        if before == after && lane.packets == after {
            break;
        }
        before = after;
        // SAFETY: as above.
        lane = unsafe { at.read_volatile() };
    }
    lane
}

const _: () = assert!(STRIPES * DIRECTIONS == LANES);
