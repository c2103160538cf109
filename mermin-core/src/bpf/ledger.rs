//! The kernel's ledger: the packets that crossed each hook, and those in no record.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use mermin_bpf::abi::{
    drops::DropCounters,
    ledger::{
        HOOK_PROBES, HookDirection, HookEntry, Ignored, REASON_ROOM, Reason, Reasons, Totals,
        reason_stripes,
    },
    slot::DIRECTIONS,
};

use super::size::HOOK_PLACES;
use crate::sys::mapping::Mapping;

/// The place of an interface's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place(u32);

/// The place for packets of interfaces without a place: those of a test run, or of a hook that was just removed.
pub(crate) const UNKNOWN: Place = Place(HOOK_PLACES);

impl Place {
    /// Returns its number, for [`from_number`](Self::from_number).
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// Returns the place with this number, if it is an interface's.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        let number = u32::try_from(number).ok()?;
        (number < HOOK_PLACES).then_some(Self(number))
    }
}

/// Bit position of the reason in a sum's number.
const REASON_SHIFT: u32 = 32;

/// The ledger of one hook, summed over CPUs.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) totals: Totals,
    pub(crate) ignored: [Ignored; REASON_ROOM],
}

impl Account {
    /// Adds the ledger of another hook.
    pub(crate) fn add(&mut self, other: &Self) {
        self.totals.skbs += other.totals.skbs;
        self.totals.skb_octets += other.totals.skb_octets;
        self.totals.packets += other.totals.packets;
        self.totals.octets += other.totals.octets;
        for (sum, found) in self.ignored.iter_mut().zip(&other.ignored) {
            sum.packets += found.packets;
            sum.octets += found.octets;
        }
    }
}

/// Reasons to which user space moves counts of flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suppressed {
    /// The filter rejects them.
    Filtered,
    /// Another interface reports the conversation.
    Joined,
}

impl Suppressed {
    const fn reason(self) -> Reason {
        match self {
            Self::Filtered => Reason::Filtered,
            Self::Joined => Reason::Joined,
        }
    }
}

/// The new counts under such a reason of a hook. Storing them twice has the same effect as once.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// The place in the lower half, the reason in the upper half.
    number: u64,
    packets: u64,
    octets: u64,
}

/// All that a suppressed record changes in the ledger.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LedgerSums {
    /// For each hook.
    pub(crate) hooks: [Sum; DIRECTIONS],
    /// Dropped packets of suppressed records.
    pub(crate) drops: u64,
}

/// All ledgers.
#[derive(Debug)]
pub(crate) struct Ledger {
    hooks: Mapping<HookEntry>,
    totals: Mapping<Totals>,
    reasons: Mapping<Reasons>,
    drops: Arc<Mapping<DropCounters>>,
    cpus: u32,
}

impl Ledger {
    pub(crate) fn new(
        hooks: Mapping<HookEntry>,
        totals: Mapping<Totals>,
        reasons: Mapping<Reasons>,
        drops: Mapping<DropCounters>,
        cpus: u32,
    ) -> Self {
        Self {
            hooks,
            totals,
            reasons,
            drops: Arc::new(drops),
            cpus,
        }
    }

    /// Returns the counts of dropped packets that are in no record.
    pub(super) fn drops(&self) -> &Arc<Mapping<DropCounters>> {
        &self.drops
    }

    fn index_at(&self, place: u32) -> &AtomicU32 {
        let hook = self.hooks.at(place as usize);
        // SAFETY: four aligned octets of the mapping, which lives as long as `self`; the kernel program only reads them.
        unsafe { AtomicU32::from_ptr(&raw mut (*hook).ifindex) }
    }

    /// Assigns a place to an interface before a program is attached to it, or returns the place that an earlier
    /// process assigned, and true if it is new. `None` if all its possible places are taken.
    pub(crate) fn watch(&self, ifindex: u32, link: u8) -> Option<(Place, bool)> {
        let known = self.place_with(ifindex, ifindex);
        let place = known.or_else(|| self.place_with(ifindex, 0))?;
        let hook = self.hooks.at(place as usize);
        // SAFETY: within the mapping; nothing reads the link before the index says that it is valid.
        unsafe { (&raw mut (*hook).link).write_volatile(link) };
        self.index_at(place).store(ifindex, Ordering::SeqCst);
        Some((Place(place), known.is_none()))
    }

    /// Returns the place that holds this index, among the places possible for an interface.
    fn place_with(&self, ifindex: u32, held: u32) -> Option<u32> {
        (0..HOOK_PROBES)
            .map(|probe| ifindex.wrapping_add(probe) & (HOOK_PLACES - 1))
            .find(|&place| self.index_at(place).load(Ordering::Relaxed) == held)
    }

    /// Returns the places of all interfaces except these.
    pub(crate) fn all_but(&self, watched: impl Fn(u32) -> bool) -> impl Iterator<Item = Place> {
        let unwatched = move |place: &u32| {
            let ifindex = self.index_at(*place).load(Ordering::Relaxed);
            ifindex != 0 && !watched(ifindex)
        };
        (0..HOOK_PLACES).filter(unwatched).map(Place)
    }

    /// Frees the place. Call it a grace period after the programs were detached.
    pub(crate) fn forget(&self, place: Place) {
        self.index_at(place.0).store(0, Ordering::SeqCst);
        let hook = self.hooks.at(place.0 as usize);
        // SAFETY: within the mapping; the kernel program reads the generation of an interface that it has found there.
        unsafe {
            let generation = &raw mut (*hook).generation;
            generation.write_volatile(generation.read_volatile().wrapping_add(1));
        }
        for direction in [HookDirection::Ingress, HookDirection::Egress] {
            for cpu in 0..self.cpus {
                let totals = self.totals.at(self.total_number(place, direction, cpu));
                // SAFETY: within the mapping; no program counts there any more.
                unsafe { totals.write_volatile(Totals::default()) };
            }
            for stripe in 0..reason_stripes(self.cpus) {
                let reasons = self
                    .reasons
                    .at(self.reason_number(place, direction, stripe));
                let empty = Reasons {
                    by: [Ignored::default(); REASON_ROOM],
                };
                // SAFETY: as above.
                unsafe { reasons.write_volatile(empty) };
            }
        }
    }

    /// Returns the counts under a reason after `moved` (packets and octets of frames) is added from flows. They
    /// belong to the hook that the packets crossed, found as the kernel program does, or to [`Place::UNKNOWN`] if the
    /// interface no longer exists.
    pub(crate) fn suppressed_with(
        &self,
        why: Suppressed,
        ifindex: Option<u32>,
        hook: HookDirection,
        moved: Ignored,
    ) -> Sum {
        let place = ifindex.and_then(|ifindex| self.place_with(ifindex, ifindex));
        let place = place.map_or(UNKNOWN, Place);
        let number = self.reason_number(place, hook, 0);
        let reasons = self.reasons.at(number);
        let reason = why.reason() as usize;
        // SAFETY: within the mapping; the kernel program counts nothing under this reason.
        let before = unsafe { (&raw const (*reasons).by[reason]).read_volatile() };
        Sum {
            number: number as u64 | (reason as u64) << REASON_SHIFT,
            packets: before.packets.wrapping_add(moved.packets),
            octets: before.octets.wrapping_add(moved.octets),
        }
    }

    /// Returns the number of dropped packets of suppressed records after `moved` of them are added.
    pub(crate) fn suppressed_drops_with(&self, moved: u64) -> u64 {
        let counters = self.drops.at(0);
        // SAFETY: within the mapping; the kernel program does not count there.
        let before = unsafe { (&raw const (*counters).suppressed).read_volatile() };
        before.wrapping_add(moved)
    }

    /// Stores that number.
    pub(crate) fn set_suppressed_drops(&self, packets: u64) {
        let counters = self.drops.at(0);
        // SAFETY: as above.
        unsafe { (&raw mut (*counters).suppressed).write_volatile(packets) };
    }

    /// Stores a sum.
    pub(crate) fn set_suppressed(&self, sum: &Sum) {
        let part = |word: u64| usize::try_from(word).unwrap_or(usize::MAX);
        let number = part(sum.number & ((1 << REASON_SHIFT) - 1));
        let reason = part(sum.number >> REASON_SHIFT);
        let known = [Suppressed::Filtered, Suppressed::Joined].map(|it| it.reason() as usize);
        if number >= self.reasons.len() || !known.contains(&reason) {
            return;
        }
        let counted = Ignored {
            packets: sum.packets,
            octets: sum.octets,
        };
        let reasons = self.reasons.at(number);
        // SAFETY: as above.
        unsafe { (&raw mut (*reasons).by[reason]).write_volatile(counted) };
    }

    fn total_number(&self, place: Place, direction: HookDirection, cpu: u32) -> usize {
        ((place.0 * 2 + direction as u32) * self.cpus + cpu) as usize
    }

    fn reason_number(&self, place: Place, direction: HookDirection, stripe: u32) -> usize {
        let stripes = reason_stripes(self.cpus);
        ((place.0 * 2 + direction as u32) * stripes + stripe) as usize
    }

    /// Returns the sums of a hook's ledger. Reads 64 octets per CPU and at most 2 KiB of reasons, without a system
    /// call.
    pub(crate) fn account(&self, place: Place, direction: HookDirection) -> Account {
        let mut sum = Account::default();
        for cpu in 0..self.cpus {
            let totals = self.totals.read(self.total_number(place, direction, cpu));
            sum.totals.skbs += totals.skbs;
            sum.totals.skb_octets += totals.skb_octets;
            sum.totals.packets += totals.packets;
            sum.totals.octets += totals.octets;
        }
        for stripe in 0..reason_stripes(self.cpus) {
            let reasons = self
                .reasons
                .read(self.reason_number(place, direction, stripe));
            for (sum, found) in sum.ignored.iter_mut().zip(&reasons.by) {
                sum.packets += found.packets;
                sum.octets += found.octets;
            }
        }
        sum
    }
}
