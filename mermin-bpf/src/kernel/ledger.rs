//! Every packet of a hook: counted once in its totals, and once in a flow or under a reason.

use aya_ebpf::helpers::bpf_get_smp_processor_id;
use mermin_bpf::{
    abi::ledger::{HOOK_PROBES, HookDirection, REASON_ROOM, Reason, link, reason_stripes},
    track::measure::{Measure, segments},
};

use super::{
    atomic,
    maps::{HOOKS, REASONS, TOTALS, cpu_count, hook_mask},
    skb::Skb,
};

/// The ledger of one interface and direction.
#[derive(Clone, Copy)]
pub(super) struct Account {
    /// Kept, because reading it again takes three loads that wait for one another.
    pub(super) ifindex: u32,
    /// The index of the interface that received a packet which now leaves; 0 for one of this host's own. Read only
    /// here: if it is read in several places, the compiler keeps its address, and the verifier rejects that.
    pub(super) receiver: u32,
    number: u32,
    pub(super) link: u8,
    /// As [`Skb::stripped`].
    pub(super) stripped: u8,
}

/// Finds the interface among the watched ones; an unknown interface gets the last place, as if it were Ethernet.
#[inline(always)]
pub(super) fn account(skb: Skb, direction: HookDirection) -> Account {
    let ifindex = skb.ifindex();
    let receiver = match direction {
        HookDirection::Ingress => 0,
        HookDirection::Egress => skb.ingress_ifindex(),
    };
    let stripped = skb.stripped();
    let direction = direction as u32;
    let mask = hook_mask();
    for probe in 0..HOOK_PROBES {
        let place = ifindex.wrapping_add(probe) & mask;
        let Some(hook) = HOOKS.get_ptr(place) else {
            break;
        };
        // SAFETY: the array holds a hook there; user space writes the link before the index that makes it valid.
        let (known, link) = unsafe {
            (
                (&raw const (*hook).ifindex).read_volatile(),
                (&raw const (*hook).link).read_volatile(),
            )
        };
        if known == ifindex {
            return Account {
                ifindex,
                receiver,
                number: place * 2 + direction,
                link,
                stripped,
            };
        }
    }
    Account {
        ifindex,
        receiver,
        number: (mask + 1) * 2 + direction,
        link: link::ETHERNET,
        stripped,
    }
}

impl Account {
    /// The direction of the hook.
    #[inline(always)]
    pub(super) const fn direction(self) -> HookDirection {
        if self.number & 1 == HookDirection::Egress as u32 {
            HookDirection::Egress
        } else {
            HookDirection::Ingress
        }
    }

    /// The ledger's number: the place of its interface, and the direction.
    #[inline(always)]
    pub(super) const fn number(self) -> u32 {
        self.number
    }

    /// As [`HookEntry::generation`](mermin_bpf::abi::ledger::HookEntry::generation).
    #[inline(always)]
    pub(super) fn generation(self) -> u8 {
        match HOOKS.get_ptr(self.number / 2) {
            // SAFETY: the array holds a hook there.
            Some(hook) => unsafe { (&raw const (*hook).generation).read_volatile() },
            None => 0,
        }
    }

    /// Adds, for each packet, the octets of a VLAN tag that is on the wire and not in the buffer.
    #[inline(always)]
    pub(super) const fn on_wire(self, measure: Measure) -> Measure {
        Measure {
            frame_octets: measure.frame_octets + measure.packets * self.stripped as u64,
            ..measure
        }
    }

    /// Adds to the hook's totals.
    #[inline(always)]
    pub(super) fn total(self, cpu: u32, skb_octets: u32, measure: &Measure) {
        let Some(totals) = TOTALS.get_ptr_mut(self.number * cpu_count() + cpu) else {
            return;
        };
        // SAFETY: this CPU's own line, and no other program run of this hook can interrupt this one.
        unsafe {
            (*totals).skbs += 1;
            (*totals).skb_octets += u64::from(skb_octets);
            (*totals).packets += measure.packets;
            (*totals).octets += measure.frame_octets;
        }
    }

    /// Counts a packet for which the program that makes flows could not be called.
    #[inline(always)]
    pub(super) fn lost(self, cpu: u32, skb: Skb, measure: &Measure) {
        self.total(cpu, skb.len(), measure);
        self.ignored(cpu, Reason::Unreadable, measure);
    }

    /// Counts a packet without known headers.
    #[inline(always)]
    pub(super) fn refused(self, cpu: u32, skb: Skb, reason: Reason) {
        let measure = self.on_wire(unparsed(skb));
        self.total(cpu, skb.len(), &measure);
        self.ignored(cpu, reason, &measure);
    }

    /// Subtracts from the counter of a reason on the CPU that counted, so that no counter is ever below zero.
    #[inline(always)]
    pub(super) fn taken_back(self, cpu: u32, reason: Reason, measure: &Measure) {
        let taken = Measure {
            packets: measure.packets.wrapping_neg(),
            octets: 0,
            frame_octets: measure.frame_octets.wrapping_neg(),
        };
        self.ignored(cpu, reason, &taken);
    }

    /// Adds to the counter of a reason.
    #[inline(always)]
    pub(super) fn ignored(self, cpu: u32, reason: Reason, measure: &Measure) {
        let stripes = reason_stripes(cpu_count());
        let Some(reasons) = REASONS.get_ptr_mut(self.number * stripes + cpu % stripes) else {
            return;
        };
        // The compiler knows that a reason's number is small and the verifier does not, so the mask must survive.
        let number = core::hint::black_box(reason as usize) & (REASON_ROOM - 1);
        // SAFETY: the number is below the array's length, and its counters are only changed atomically.
        unsafe {
            let counters = &raw mut (*reasons).by[number];
            atomic::add(&raw mut (*counters).packets, measure.packets);
            atomic::add(&raw mut (*counters).octets, measure.frame_octets);
        }
    }
}

/// Measure of a buffer without a readable header.
#[inline(always)]
fn unparsed(skb: Skb) -> Measure {
    let length = skb.len();
    Measure {
        packets: u64::from(segments(skb.gso_segs(), skb.gso_size(), length)),
        octets: 0,
        frame_octets: u64::from(length),
    }
}

#[inline(always)]
pub(super) fn cpu() -> u32 {
    // SAFETY: takes nothing.
    unsafe { bpf_get_smp_processor_id() as u32 }
}
