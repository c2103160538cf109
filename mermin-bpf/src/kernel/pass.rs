//! Tells if a packet was counted before, at this hook or at the other one of its interface.

use core::hint::black_box;

use aya_ebpf::{bindings::BPF_ANY, helpers::bpf_map_update_elem};
use mermin_bpf::{
    abi::{
        ledger::HookDirection,
        section::watch,
        slot::{DIRECTIONS, LANES, STRIPES, Slot, lane, origin},
    },
    track::pass::{Departure, Turned, is_of_nobody},
};

use super::{
    atomic,
    count::Facts,
    ledger::Account,
    maps::{DEPARTURES, DEPARTURES_KEPT, TURNED},
    skb::Skb,
};

/// One pass of a packet, whose flow is known.
#[derive(Clone, Copy)]
pub(super) struct Pass {
    skb: Skb,
    hook: HookDirection,
    ifindex: u32,
    /// As [`Account::receiver`].
    receiver: u32,
    digest: u64,
    direction: u8,
}

impl Pass {
    #[inline(always)]
    pub(super) const fn new(skb: Skb, account: Account, digest: u64, facts: &Facts) -> Self {
        Self {
            skb,
            hook: facts.hook,
            ifindex: account.ifindex,
            receiver: account.receiver,
            digest,
            direction: facts.direction,
        }
    }

    /// True if the packet needs the check before it is counted: its direction of the flow was also counted at the other
    /// hook, or it [was sent](Self::was_sent) before.
    #[inline(always)]
    pub(super) fn is_doubtful(&self, slot: *mut Slot) -> bool {
        lanes_used(slot) & elsewhere(self.hook, self.direction) != 0 || self.was_sent()
    }

    /// Remembers a packet that leaves, so that it is recognised if it comes back.
    #[inline(always)]
    pub(super) fn note(&self) {
        if matches!(self.hook, HookDirection::Egress)
            && let Some(place) = self.place()
        {
            // SAFETY: a word of the map, stored whole.
            unsafe { place.write_volatile(self.departure().0) };
        }
    }

    /// True if a packet that needs the check was counted before. The hook notes such a packet.
    #[inline(always)]
    pub(super) fn is_hairpin(&self, slot: *mut Slot, facts: &Facts) -> bool {
        // Senders without an address (DHCP, MLD) share a flow. At a bridge's port their packets come in from the network and
        // leave from guests. A packet that a bridge or a program sends back was received by this interface.
        if self.receiver != self.ifindex && self.is_of_nobody(slot) {
            return false;
        }
        let packets = facts.measure.packets;
        match self.hook {
            HookDirection::Ingress => {
                if self.take_departure() {
                    return true;
                }
                if !self.was_counted_at(slot, HookDirection::Ingress) {
                    // All packets so far left without coming in here. Note their number: later departures are compared
                    // with arrivals.
                    self.turned(slot, total(slot, self.direction));
                }
                false
            }
            HookDirection::Egress => {
                if self.was_sent() {
                    return true;
                }
                self.was_counted_at(slot, HookDirection::Ingress) && self.left_again(slot, packets)
            }
        }
    }

    #[inline(always)]
    fn is_of_nobody(&self, slot: *mut Slot) -> bool {
        // SAFETY: within the slot.
        let (low, made_by) = unsafe {
            (
                [
                    (&raw const (*slot).key[2]).read_volatile(),
                    (&raw const (*slot).key[3]).read_volatile(),
                ],
                (&raw const (*slot).origin).read_volatile(),
            )
        };
        is_of_nobody(low, made_by & origin::IPV6 != 0, self.direction)
    }

    /// True if a packet that leaves is probably one of those that came in: it was received, and fewer packets have left
    /// again than came in.
    #[inline(always)]
    fn left_again(&self, slot: *mut Slot, packets: u64) -> bool {
        let Some(turned) = self.turned(slot, 0) else {
            return false;
        };
        // SAFETY: an element of the map; its counters are only changed atomically.
        unsafe {
            let known = turned.read_volatile();
            if self.receiver != 0 && known.covers(total(slot, self.direction), packets) {
                atomic::add(&raw mut (*turned).again, packets);
                true
            } else {
                atomic::add(&raw mut (*turned).left, packets);
                false
            }
        }
    }

    /// The entry of the direction; a new one if it has none.
    #[inline(always)]
    fn turned(&self, slot: *mut Slot, left: u64) -> Option<*mut Turned> {
        // SAFETY: within the slot.
        let began = unsafe { (*slot).first_seen };
        // The time distinguishes flows with the same key.
        let key = self.digest.wrapping_add(began) ^ u64::from(self.direction);
        if let Some(turned) = TURNED.get_ptr_mut(key) {
            return Some(turned);
        }
        // Opaque, or the compiler calls `memset` for two zeroes.
        let new = Turned {
            left: black_box(left),
            again: black_box(0),
        };
        // SAFETY: key and value live on this program's stack.
        unsafe {
            bpf_map_update_elem(
                (&raw const TURNED).cast_mut().cast(),
                (&raw const key).cast(),
                (&raw const new).cast(),
                BPF_ANY.into(),
            );
        }
        TURNED.get_ptr_mut(key)
    }

    #[inline(always)]
    fn departure(&self) -> Departure {
        Departure::new(self.digest, self.direction, self.receiver)
    }

    /// True if a packet that leaves did so before, and was received by another interface since.
    #[inline(always)]
    pub(super) fn was_sent(&self) -> bool {
        if self.receiver == 0 {
            return false;
        }
        let Some(place) = self.place() else {
            return false;
        };
        // SAFETY: a word of the map, read whole.
        let earlier = Departure(unsafe { place.read_volatile() });
        self.departure().was_sent_again(earlier)
    }

    /// True if the packet that comes in is one that left; it is then forgotten.
    #[inline(always)]
    fn take_departure(&self) -> bool {
        let Some(place) = self.place() else {
            return false;
        };
        // SAFETY: a word of the map, read and stored whole.
        unsafe {
            let was_sent = self
                .departure()
                .is_of_flow(Departure(place.read_volatile()));
            if was_sent {
                place.write_volatile(0);
            }
            was_sent
        }
    }

    /// The place of a packet that leaves, by the address of its headers, which a copy of the buffer shares.
    #[inline(always)]
    fn place(&self) -> Option<*mut u64> {
        let places = DEPARTURES.get_ptr_mut(0)?;
        // The difference of two pointers is a number, which is all that the verifier lets be made of one.
        let at = self.skb.linear().distance_from(places.cast());
        let mixed = (at as u32).wrapping_mul(0x9e37_79b1) >> 16;
        let number = mixed as usize & (DEPARTURES_KEPT - 1);
        // SAFETY: below the array's length.
        Some(unsafe { places.cast::<u64>().add(number) })
    }

    #[inline(always)]
    fn was_counted_at(&self, slot: *mut Slot, hook: HookDirection) -> bool {
        lanes_used(slot) & lane::all(self.direction, lane::at(hook)) != 0
    }
}

/// Bits in a slot's [`lanes_used`] that are clear when a direction uses only this hook: those of the other hook.
#[inline(always)]
pub(super) const fn elsewhere(hook: HookDirection, direction: u8) -> u32 {
    let other = match hook {
        HookDirection::Ingress => HookDirection::Egress,
        HookDirection::Egress => HookDirection::Ingress,
    };
    lane::all(direction, lane::at(other))
}

/// Bits of a slot's [`lanes_used`] with which a packet needs a closer look: those [`elsewhere`], and those of a direction whose payloads
/// are wanted.
#[inline(always)]
pub(super) const fn doubts(hook: HookDirection, direction: u8) -> u32 {
    elsewhere(hook, direction) | lane::all(direction, watch::MASK)
}

/// The bytes of all lanes in one word.
#[expect(
    clippy::cast_ptr_alignment,
    reason = "they stand at a multiple of four within a slot, which is aligned to more"
)]
#[inline(always)]
pub(super) fn lanes_used(slot: *mut Slot) -> u32 {
    // SAFETY: four octets within the slot, which stand behind four others at the end of the key.
    unsafe {
        (&raw const (*slot).lanes_used)
            .cast::<u32>()
            .read_volatile()
    }
}

/// Packets that were counted in a direction.
#[inline(always)]
fn total(slot: *mut Slot, direction: u8) -> u64 {
    let mut total = 0;
    for stripe in 0..STRIPES {
        let number = stripe * DIRECTIONS + usize::from(direction);
        // SAFETY: the lane exists.
        total +=
            unsafe { (&raw const (*slot).lanes[number & (LANES - 1)].packets).read_volatile() };
    }
    total
}
