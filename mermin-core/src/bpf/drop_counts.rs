//! Counts of packets that the kernel dropped, read where the kernel program counts.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use mermin_bpf::abi::drops::{DropCounters, Drops, REASON_NUMBERS};

use super::drop_facts::DropReasons;
use crate::{
    flow::Dropped,
    report::DropStats,
    sys::{bpf_link, mapping::Mapping},
};

/// One for each slot.
#[derive(Debug)]
pub(crate) struct DropCounts {
    mapping: Mapping<Drops>,
}

impl DropCounts {
    pub(super) fn new(mapping: Mapping<Drops>) -> Self {
        Self { mapping }
    }

    /// Reads the counts of the flow in a slot.
    pub(crate) fn snapshot(&self, slot: u32) -> Drops {
        // SAFETY: within the mapping, aligned; any octets are counts, and each word is stored whole.
        unsafe { self.mapping.at(slot as usize).read_volatile() }
    }

    /// Empties the counts of a slot that the index no longer leads to. Pages of flows without drops stay untouched.
    pub(super) fn scrub(&self, slot: u32) {
        let at = self.mapping.at(slot as usize);
        // SAFETY: after the grace period no program writes it.
        unsafe {
            if at.read_volatile() != Drops::default() {
                at.write_volatile(Drops::default());
            }
        }
    }
}

/// Counts of dropped packets that are in no flow's.
#[derive(Clone, Debug)]
pub(crate) struct FlowlessDrops {
    counters: Arc<Mapping<DropCounters>>,
    reasons: DropReasons,
    program: Arc<OwnedFd>,
}

impl FlowlessDrops {
    /// Returns the program that counts.
    pub(crate) fn program(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }

    /// Returns the name of a reason.
    pub(crate) fn name(&self, reason: u64) -> Arc<str> {
        self.reasons.name(reason)
    }

    /// Returns the statistics.
    pub(crate) fn stats(&self) -> DropStats {
        let counters = self.counters.read(0);
        let mut without_flow: Vec<_> = (0..)
            .zip(counters.flowless)
            .filter(|(_, packets)| *packets != 0)
            .map(|(number, packets)| {
                // The last place is for all greater numbers.
                let name = if number == REASON_NUMBERS as u64 - 1 {
                    "OTHER".into()
                } else {
                    self.reasons.name(number)
                };
                (name, packets)
            })
            .collect();
        without_flow.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        DropStats {
            without_flow: without_flow
                .into_iter()
                .map(|(reason, packets)| Dropped::new(reason, packets))
                .collect(),
            suppressed: counters.suppressed,
            taken: counters.taken,
            unplaced: counters.unplaced,
            // Since Linux 6.2 the kernel itself does not let a program interrupt itself.
            missed: counters.missed + bpf_link::recursion_misses(self.program.as_fd()).unwrap_or(0),
        }
    }
}

/// The program that counts dropped packets, before it is attached.
#[derive(Debug)]
pub(crate) struct DropProgram {
    pub(super) program: Arc<OwnedFd>,
    pub(super) counters: Arc<Mapping<DropCounters>>,
}

impl DropProgram {
    /// Has another program in its place, which is attached and counts in the same maps.
    pub(crate) fn replace_by(&mut self, attached: OwnedFd) {
        self.program = Arc::new(attached);
    }

    /// Returns the program.
    pub(crate) fn program(&self) -> BorrowedFd<'_> {
        self.program.as_fd()
    }

    /// Attaches the program to its tracepoint, where it stays while the returned link is open or pinned.
    ///
    /// # Errors
    /// The kernel's: EPERM without `CAP_PERFMON` or `CAP_SYS_ADMIN`, ENOENT without the tracepoint.
    pub(crate) fn attach(&self) -> io::Result<OwnedFd> {
        bpf_link::attach_raw_tracepoint(self.program.as_fd(), c"kfree_skb")
    }

    /// Returns the counts.
    pub(crate) fn into_counters(self, reasons: DropReasons) -> FlowlessDrops {
        FlowlessDrops {
            counters: self.counters,
            reasons,
            program: self.program,
        }
    }
}
