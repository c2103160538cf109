//! Computes map sizes before anything is created.

use mermin_bpf::{
    abi::{free::FreeShape, globals::SLOTS_A_WORD, index::Shape, ledger::reason_stripes},
    wire::tunnel::{Keyed, Ports},
};

use rustix::param::page_size;

use super::{drop_facts::DropFacts, openers::OpenerFacts};
use crate::plural::Plural;

/// Octets of the ring of sections, a power of two: room for 14,000 of the longest.
pub(crate) const SECTION_RING: u32 = 4 << 20;

/// Number of interface ledgers. The table of hooks has this many places, but an interface may find no place before it
/// is full.
pub(crate) const HOOK_PLACES: u32 = 1024;

/// Entries for first fragments whose other fragments may follow (128 octets each plus the kernel's overhead), and for
/// packets whose first fragment may follow (112 octets each).
const FRAGMENTS: u32 = 8192;
/// The kernel gives each CPU 128 free elements at a time. With fewer elements per CPU, one CPU would evict another's.
const ELEMENTS_A_CPU: u32 = 256;
/// Entries for directions of flows that a router sends back to the interface they came from: 24 octets each plus the
/// kernel's overhead.
const TURNED: u32 = 8192;
/// Entries for sockets that were opened lately: 96 octets each plus the kernel's overhead. A look-up follows the first packet within a sweep.
const OPENERS: u32 = 16_384;

/// Sizes that depend on options and host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
pub(crate) struct Sizes {
    /// Flows at once.
    pub(crate) slots: u32,
    /// Number of possible CPUs.
    pub(crate) cpus: u32,
    /// True if tunnels are decapsulated.
    pub(crate) decapsulate: bool,
    /// Fields of the flow key.
    pub(crate) keyed: Keyed,
    /// True if each packet's time comes from the precise clock.
    pub(crate) exact_end: bool,
    /// True if TCP segments are analysed.
    pub(crate) tcp_analysis: bool,
    /// True if the kernel's values of TCP sockets are read.
    pub(crate) tcp_sockets: bool,
    /// Facts about the kernel, if packets that it drops are counted.
    pub(crate) drops: Option<DropFacts>,
    /// Offsets in the kernel's structures, if processes that open sockets are noted.
    pub(crate) openers: Option<OpenerFacts>,
    /// True if flows are sampled.
    pub(crate) sampled: bool,
    /// The number that the seed of sampling is made of. `None` makes it of the index's seed.
    pub(crate) sampling_seed: Option<u64>,
    /// Octets of the ring by which sections of payloads are passed to this process; 0 if none are.
    pub(crate) sections: u32,
    /// UDP ports of tunnels.
    pub(crate) ports: Ports,
    /// Slots for each bucket of the index.
    pub(crate) slots_a_bucket: u32,
}

impl Sizes {
    /// Returns the number of outer headers: one for each slot, if they are kept.
    pub(crate) fn tunnels(&self) -> u32 {
        if self.decapsulate { self.slots } else { 1 }
    }

    /// Returns true if an option is on that each packet of a known flow pays for: then the programs with these options are loaded.
    pub(crate) fn costs_known_flows(&self) -> bool {
        self.keyed == Keyed::Endpoints || self.tcp_analysis || self.tcp_sockets || self.sampled
    }

    /// Returns the number of analyses of TCP: one for each slot, if TCP is analysed.
    pub(crate) fn tcp_analyses(&self) -> u32 {
        if self.tcp_analysis { self.slots } else { 1 }
    }

    /// Returns the number of pairs of sockets: one for each slot, if sockets are read.
    pub(crate) fn socket_pairs(&self) -> u32 {
        if self.tcp_sockets { self.slots } else { 1 }
    }

    /// Returns the number of counts of dropped packets: one for each slot, if they are counted.
    pub(crate) fn drop_counts(&self) -> u32 {
        if self.drops.is_some() { self.slots } else { 1 }
    }

    /// Returns the number of senders of first packets: one for each slot, if they are noted.
    pub(crate) fn senders(&self) -> u32 {
        if self.openers.is_some() {
            self.slots
        } else {
            1
        }
    }

    /// Returns the number of entries for processes that opened sockets.
    pub(crate) fn openers(&self) -> u32 {
        if self.openers.is_some() {
            OPENERS.max(self.cpus.saturating_mul(ELEMENTS_A_CPU))
        } else {
            1
        }
    }

    /// Returns the number of entries for first fragments.
    pub(crate) fn fragments(&self) -> u32 {
        FRAGMENTS.max(self.cpus.saturating_mul(ELEMENTS_A_CPU))
    }

    /// Returns the number of entries for directions of flows whose packets cross both hooks of an interface.
    pub(crate) fn turned(&self) -> u32 {
        TURNED.max(self.cpus.saturating_mul(ELEMENTS_A_CPU))
    }

    /// Returns the shape of the index.
    pub(crate) fn index(self) -> Shape {
        Shape::crowded(self.slots, self.slots_a_bucket)
    }

    /// Returns the shape of the map of free slots.
    pub(crate) fn free(self) -> FreeShape {
        FreeShape { cpus: self.cpus }
    }

    /// Octets of the ring of sections. One page where it is not used.
    pub(crate) fn section_ring(self) -> u32 {
        if self.sections != 0 {
            self.sections
        } else {
            u32::try_from(page_size()).unwrap_or(1 << 16)
        }
    }

    /// Returns the number of words with hints of new flows.
    pub(crate) fn fresh(self) -> u32 {
        self.slots.div_ceil(SLOTS_A_WORD)
    }
}

/// Elements of the ledgers' arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ledgers {
    pub(crate) totals: u32,
    pub(crate) reasons: u32,
}

impl Sizes {
    /// Returns one ledger for each place in the table of hooks and one for other packets, each for two directions.
    pub(crate) fn ledgers(cpus: u32) -> Ledgers {
        let hooks = (HOOK_PLACES + 1) * 2;
        Ledgers {
            totals: hooks * cpus,
            reasons: hooks * reason_stripes(cpus),
        }
    }
}

impl Sizes {
    /// Returns the sizes of an earlier process's maps, given their number of flows and of totals, or a text that says
    /// why they cannot be used.
    ///
    /// Each CPU has its own totals. Lines of CPUs that no longer exist do no harm, but a CPU beyond the array would
    /// count in the totals of the next hook. The kernel's number of CPUs is fixed at boot. It differs only between
    /// processes, if the list is hidden in a container.
    pub(crate) fn found(self, slots: u32, totals: u32) -> Result<Self, String> {
        let cpus = totals / Self::ledgers(1).totals;
        if cpus < self.cpus {
            return Err(format!(
                "it was made for {}, and there are {}",
                Plural(cpus.into(), "CPU"),
                self.cpus
            ));
        }
        Ok(Self {
            slots,
            cpus,
            ..self
        })
    }
}

/// Returns the number of CPUs in the kernel's list of possible ones (`/sys/devices/system/cpu/possible`): the highest
/// plus one.
pub(crate) fn cpus(list: &str) -> Option<u32> {
    let highest: u32 = list.trim().rsplit([',', '-']).next()?.parse().ok()?;
    highest.checked_add(1)
}

#[cfg(test)]
impl Sizes {
    /// Returns the sizes for one flow on one CPU, with no option but decapsulation.
    pub(crate) fn of_one_flow() -> Self {
        Self {
            slots: 1,
            cpus: 1,
            decapsulate: true,
            keyed: Keyed::Way,
            exact_end: false,
            tcp_analysis: false,
            tcp_sockets: false,
            drops: None,
            openers: None,
            sampled: false,
            sampling_seed: None,
            sections: 0,
            ports: Ports::default(),
            slots_a_bucket: mermin_bpf::abi::index::SLOTS_A_BUCKET,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_for_more_cpus_are_reusable() {
        let wanted = Sizes {
            slots: 10,
            cpus: 4,
            ..Sizes::of_one_flow()
        };
        let found = |cpus| wanted.found(1000, Sizes::ledgers(cpus).totals);
        for cpus in [4, 5, 256] {
            let expected = Sizes {
                slots: 1000,
                cpus,
                ..wanted
            };
            assert_eq!(found(cpus), Ok(expected));
        }
        for (cpus, said) in [(1, "1 CPU"), (3, "3 CPUs")] {
            assert_eq!(
                found(cpus),
                Err(format!("it was made for {said}, and there are 4"))
            );
        }
    }

    #[test]
    fn cpus_are_counted_from_the_highest() {
        assert_eq!(cpus("0\n"), Some(1));
        assert_eq!(cpus("0-1\n"), Some(2));
        assert_eq!(cpus("0-3,8-11"), Some(12));
        assert_eq!(cpus("0,2"), Some(3));
        assert_eq!(cpus(""), None);
    }
}
