//! What statistics are read from while the capture thread works.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::register::Register;
use crate::{
    bpf::{ledger::Ledger, object::Programs, slab::Slab},
    report::{HookStats, Report, Stats},
    source::handle::Counters,
};

/// The kernel's memory, and the capture thread's own counters.
#[derive(Debug)]
pub(in crate::source) struct Shared {
    pub(super) slab: Slab,
    pub(super) ledger: Ledger,
    pub(super) register: Register,
    pub(super) counts: Counts,
    /// Kept because the programs lose each other with the last descriptor; the lab runs them by hand.
    pub(super) programs: Arc<Programs>,
}

/// Counters of the capture thread.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) open: AtomicU64,
    pub(super) ended: AtomicU64,
    pub(super) records: AtomicU64,
    pub(super) withheld: AtomicU64,
    pub(super) sweeps: AtomicU64,
    pub(super) sweep_ns: AtomicU64,
    pub(super) graces: AtomicU64,
    pub(super) grace_ns: AtomicU64,
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Shared {
    pub(super) fn swept(&self, took: Duration) {
        self.counts.sweeps.fetch_add(1, Ordering::Relaxed);
        self.counts
            .sweep_ns
            .store(nanoseconds(took), Ordering::Relaxed);
    }

    pub(super) fn waited(&self, took: Duration) {
        self.counts.graces.fetch_add(1, Ordering::Relaxed);
        self.counts
            .grace_ns
            .store(nanoseconds(took), Ordering::Relaxed);
    }
}

impl Counters for Shared {
    #[cfg(feature = "test-util")]
    fn programs(&self) -> Option<&Arc<Programs>> {
        Some(&self.programs)
    }

    fn report(&self) -> Report {
        self.register.report()
    }

    fn stats(&self) -> Stats {
        // Before the ledger, which has the packets of those at least.
        let records_withheld = self.counts.withheld.load(Ordering::Acquire);
        let (hooks, departed, interfaces) = self.register.stats(&self.ledger);
        let sum = |field: fn(&HookStats) -> u64| hooks.iter().chain(&departed).map(field).sum();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            flows_open: read(&self.counts.open),
            flows_capacity: u64::from(self.slab.len()),
            flows_ended: read(&self.counts.ended),
            records: read(&self.counts.records),
            records_withheld,
            packets: sum(|hook| hook.traffic.packets),
            octets: sum(|hook| hook.traffic.octets),
            sweeps: read(&self.counts.sweeps),
            sweep_ns: read(&self.counts.sweep_ns),
            graces: read(&self.counts.graces),
            grace_ns: read(&self.counts.grace_ns),
            interfaces,
            hooks,
            departed,
        }
    }
}
