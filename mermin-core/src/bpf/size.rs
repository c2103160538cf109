//! How large the maps are: decided before anything is created.

use mermin_bpf::{
    abi::{globals::SLOTS_A_WORD, ledger::reason_stripes},
    wire::tunnel::{Keyed, Ports},
};

use crate::plural::Plural;

/// Most interfaces whose ledgers fit: the table of hooks has this many places, and is found crowded before it is full.
pub(crate) const HOOK_PLACES: u32 = 1024;

/// First fragments whose others may still come, 128 octets each and what the kernel adds; and packets whose first fragment may,
/// 112 octets.
const FRAGMENTS: u32 = 8192;
/// The kernel hands each CPU 128 free elements at a time; with fewer than these, one CPU would take another's away.
const ELEMENTS_A_CPU: u32 = 256;
/// Directions of flows that a router sends back to where they came from: 24 octets each and what the kernel adds.
const TURNED: u32 = 8192;

/// Sizes that depend on options and host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Flows at once.
    pub(crate) slots: u32,
    /// CPUs the kernel may ever bring up.
    pub(crate) cpus: u32,
    /// True if tunnels are taken off.
    pub(crate) decapsulate: bool,
    /// Facts that tell flows apart.
    pub(crate) keyed: Keyed,
    /// True if each packet's time is read from the precise clock.
    pub(crate) exact_end: bool,
    /// Where they are looked for.
    pub(crate) ports: Ports,
}

impl Sizes {
    /// Outer headers there are: one beside each slot, where they are kept.
    pub(crate) fn tunnels(&self) -> u32 {
        if self.decapsulate { self.slots } else { 1 }
    }

    /// First fragments there is room for.
    pub(crate) fn fragments(&self) -> u32 {
        FRAGMENTS.max(self.cpus.saturating_mul(ELEMENTS_A_CPU))
    }

    /// Directions of flows there is room for whose packets pass both hooks of an interface.
    pub(crate) fn turned(&self) -> u32 {
        TURNED.max(self.cpus.saturating_mul(ELEMENTS_A_CPU))
    }

    /// Sets of four hints there are, a power of two: two hints or more for each slot. Where every slot has a flow, 14 in 100 are in
    /// a set with more flows than hints; with as many hints in pairs it would be 26.
    pub(crate) fn hints(self) -> u32 {
        self.slots.next_power_of_two().div_ceil(2)
    }

    /// Words that say where flows have begun.
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
    /// One ledger for each place in the table of hooks, one for what is in no place, each in two directions.
    pub(crate) fn ledgers(cpus: u32) -> Ledgers {
        let hooks = (HOOK_PLACES + 1) * 2;
        Ledgers {
            totals: hooks * cpus,
            reasons: hooks * reason_stripes(cpus),
        }
    }
}

impl Sizes {
    /// The sizes of what a former process left with room for this many flows and with this many totals; a sentence why it
    /// cannot be gone on with.
    ///
    /// Each CPU has its own totals: lines of CPUs that are not there any more are of no harm, but a CPU beyond them would
    /// count in those of the next hook. The kernel's number is that of its start, so what differs is who counted: the list
    /// may be hidden in a container.
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

/// CPUs in the kernel's list of possible ones (`/sys/devices/system/cpu/possible`): one more than the highest.
pub(crate) fn cpus(list: &str) -> Option<u32> {
    let highest: u32 = list.trim().rsplit([',', '-']).next()?.parse().ok()?;
    highest.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_for_more_cpus_are_reusable() {
        let wanted = Sizes {
            slots: 10,
            cpus: 4,
            decapsulate: true,
            keyed: Keyed::Way,
            exact_end: false,
            ports: Ports::default(),
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

    #[test]
    fn hints_are_a_power_of_two() {
        let sizes = |slots| Sizes {
            slots,
            cpus: 1,
            decapsulate: true,
            keyed: Keyed::Way,
            exact_end: false,
            ports: Ports::default(),
        };
        assert_eq!(sizes(1).hints(), 1);
        assert_eq!(sizes(1000).hints(), 512);
        assert_eq!(sizes(1024).hints(), 512);
    }
}
