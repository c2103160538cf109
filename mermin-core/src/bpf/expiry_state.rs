//! The part of a slot that a sweep reads: two or three of its five cache lines, prefetched some flows ahead.

use std::mem::offset_of;

use mermin_bpf::abi::{
    section::watch,
    slot::{DIRECTIONS, LANES, Lane, Slot, lane},
};

use super::{clock::Ticks, slab::Slab};
use crate::{sys::prefetch::prefetch, table::expiry_state::ExpiryState};

/// How many flows ahead the first line of a slot is prefetched. Of 8, 16 and 32, the last two were equally fast.
const FACTS_AHEAD: usize = 16;
/// How many flows ahead the lanes are prefetched, which the first line names.
const LANES_AHEAD: usize = 8;

/// Position of the used lanes in a slot, in words of four octets.
const LANES_USED: usize = offset_of!(Slot, lanes_used) / size_of::<u32>();
const _: () = assert!(
    LANES_USED * size_of::<u32>() == offset_of!(Slot, lanes_used) && LANES == size_of::<u32>()
);

impl Slab {
    /// Prefetches the slots that follow the first of `slots`, which the caller reads next.
    pub(crate) fn prefetch_ahead(&self, slots: &[u32]) {
        if let Some(&slot) = slots.get(FACTS_AHEAD) {
            prefetch(self.slots.at(slot as usize));
        }
        if let Some(&slot) = slots.get(LANES_AHEAD) {
            for (_, lane) in self.lanes(slot) {
                prefetch(lane);
            }
        }
    }

    /// Returns the used lanes of a slot's flow, with their numbers.
    #[inline]
    fn lanes(&self, slot: u32) -> impl Iterator<Item = (usize, *const Lane)> {
        let at = self.slots.at(slot as usize);
        // SAFETY: within the slot and aligned, as asserted above; each octet is stored whole.
        let used = unsafe { at.cast::<u32>().add(LANES_USED).read_volatile() };
        // Four independent tests: iterating over the set bits was not faster.
        // Bits of payloads say nothing of packets.
        let used = u32::from_le(used) & !u32::from_le_bytes([watch::MASK; LANES]);
        (0..LANES)
            .filter(move |&number| (used >> (8 * number)) & 0xff != u32::from(lane::UNUSED))
            // SAFETY: within the slot.
            .map(move |number| (number, unsafe { &raw const (*at).lanes[number] }))
    }

    /// Reads the values for the decision about a flow: the same as in its [snapshot](Self::snapshot).
    pub(crate) fn expiry_state(&self, slot: u32, ticks: &Ticks) -> ExpiryState {
        let mut latest = 0;
        let mut tcp_flags = [0; DIRECTIONS];
        for (number, lane) in self.lanes(slot) {
            // SAFETY: within the mapping; each word is stored whole.
            let (last_seen, flags) = unsafe {
                (
                    (&raw const (*lane).last_seen).read_volatile(),
                    (&raw const (*lane).tcp_flags).read_volatile(),
                )
            };
            latest = latest.max(last_seen);
            tcp_flags[number % DIRECTIONS] |= flags;
        }
        let first_seen = self.first_seen(slot);
        ExpiryState {
            protocol: self.tail(slot).protocol(),
            tcp_flags,
            first_seen,
            // Ticks count from before the monotonic clock's zero, so a tick that nobody stored is before any packet.
            last_seen: first_seen.max(ticks.monotonic(latest)),
        }
    }

    /// Reads one word of each line that [`expiry_state`](Self::expiry_state) reads.
    #[cfg(feature = "__lab")]
    pub(crate) fn touch(&self, slot: u32) -> u64 {
        self.lanes(slot)
            // SAFETY: within the mapping; the word is stored whole.
            .map(|(_, lane)| unsafe { (&raw const (*lane).last_seen).read_volatile() })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use mermin_bpf::{
        abi::{
            globals::Clock,
            key::{KeyTail, KeyV4},
            slot::state,
        },
        track::tcp::flags_to_bytes,
        wire::{protocol, tcp::flag},
    };
    use proptest::prelude::*;
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

    use super::*;
    use crate::bpf::slab::OptionalArrays;
    use crate::sys::mapping::Mapping;

    fn mapping<T: Copy>(length: usize) -> Mapping<T> {
        let memory = memfd_create("slots", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&memory, (size_of::<T>() * length) as u64).unwrap();
        Mapping::new(memory.as_fd(), length).unwrap()
    }

    fn slab(slot: &Slot) -> Slab {
        let slots = mapping::<Slot>(2);
        // SAFETY: within the mapping, which nobody else has.
        unsafe { slots.at(1).write(*slot) };
        Slab::new(
            slots,
            mapping(1),
            mapping(1),
            mapping(2),
            OptionalArrays::default(),
            false,
        )
    }

    fn lane() -> impl Strategy<Value = (u8, Lane)> {
        let flags = [0, flag::SYN, flag::ACK | flag::FIN, flag::RST, 0xff];
        let used = lane::UNUSED..=lane::SEEN;
        (
            used,
            0..3_u64,
            995..1005_u64,
            prop::sample::select(flags.to_vec()),
        )
            .prop_map(|(used, packets, last_seen, flags)| {
                // An unused lane has arbitrary counts and no time of a packet.
                let lane = Lane {
                    packets,
                    last_seen: if packets == 0 && used != lane::UNUSED {
                        0
                    } else {
                        last_seen
                    },
                    tcp_flags: flags_to_bytes(flags),
                    ..Lane::default()
                };
                (used, lane)
            })
    }

    proptest! {
        #[test]
        fn expiry_state_agrees_with_snapshot(
            lanes in prop::collection::vec(lane(), LANES),
            number in prop::sample::select(vec![protocol::TCP, protocol::UDP, protocol::ICMP, 255]),
            first_seen in 49_990_000_000..50_020_000_000_u64,
        ) {
            let tail = KeyTail {
                ifindex: 7,
                protocol_vlan: KeyTail::pack(number, 5, 6),
                encapsulation: 8,
                ports: [9, 10],
            };
            let mut slot = Slot {
                key: KeyV4 { tail, addresses: [1, 2] }.words(),
                state: state::LIVE,
                first_seen,
                ..Slot::default()
            };
            for (number, (used, lane)) in lanes.into_iter().enumerate() {
                slot.lanes_used[number] = used;
                slot.lanes[number] = lane;
            }
            let slab = slab(&slot);
            let ticks = Ticks::new(Clock { ticks: 1000, monotonic: 50_000_000_000, ..Clock::default() }, 4_000_000);
            prop_assert_eq!(slab.expiry_state(1, &ticks), slab.snapshot(1, &ticks).expiry_state());
            prop_assert_eq!(slab.ifindex(1), 7);
        }
    }
}
