//! Counters that statistics are read from while the capture thread works.

#[cfg(feature = "__lab")]
use std::sync::Arc;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::registry::InterfaceRegistry;
#[cfg(feature = "__lab")]
use crate::bpf::object::Programs;
use crate::{
    bpf::ledger::Ledger,
    report::{HookStats, Report, Stats},
    source::engine::Counters,
};

/// Counters that statistics are read from, also after the source has ended.
///
/// The table of flows is not among it: unmapping a large one takes longer than an executor is to spend on dropping a handle.
#[derive(Debug)]
pub(in crate::source) struct SharedCounters {
    pub(super) ledger: Ledger,
    pub(super) registry: InterfaceRegistry,
    pub(super) counts: Counts,
    /// Flows that there is room for.
    pub(super) capacity: u32,
    /// For the lab.
    #[cfg(feature = "__lab")]
    pub(super) programs: Arc<Programs>,
}

/// Counters of the capture thread.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) open: AtomicU64,
    pub(super) ended: AtomicU64,
    pub(super) records: AtomicU64,
    pub(super) withheld: AtomicU64,
    pub(super) joined: AtomicU64,
    pub(super) unjoined: AtomicU64,
    pub(super) sweeps: AtomicU64,
    pub(super) sweep_ns: AtomicU64,
    pub(super) rcu_waits: AtomicU64,
    pub(super) rcu_wait_ns: AtomicU64,
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl SharedCounters {
    pub(super) fn swept(&self, took: Duration) {
        self.counts.sweeps.fetch_add(1, Ordering::Relaxed);
        self.counts
            .sweep_ns
            .store(nanoseconds(took), Ordering::Relaxed);
    }

    pub(super) fn waited(&self, took: Duration) {
        self.counts.rcu_waits.fetch_add(1, Ordering::Relaxed);
        self.counts
            .rcu_wait_ns
            .store(nanoseconds(took), Ordering::Relaxed);
    }
}

impl Counters for SharedCounters {
    #[cfg(feature = "__lab")]
    fn programs(&self) -> Option<&Arc<Programs>> {
        Some(&self.programs)
    }

    fn report(&self) -> Report {
        self.registry.report()
    }

    fn stats(&self) -> Stats {
        // Before the ledger, which has the packets of those at least.
        let records_filtered = self.counts.withheld.load(Ordering::Acquire);
        let records_joined = self.counts.joined.load(Ordering::Acquire);
        let (hooks, departed, interfaces) = self.registry.stats(&self.ledger);
        let sum = |field: fn(&HookStats) -> u64| hooks.iter().chain(&departed).map(field).sum();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            flows_open: read(&self.counts.open),
            flows_capacity: u64::from(self.capacity),
            flows_ended: read(&self.counts.ended),
            records: read(&self.counts.records),
            records_filtered,
            records_joined,
            flows_unjoined: read(&self.counts.unjoined),
            packets: sum(|hook| hook.traffic.packets),
            frame_octets: sum(|hook| hook.traffic.frame_octets),
            sweeps: read(&self.counts.sweeps),
            last_sweep: Duration::from_nanos(read(&self.counts.sweep_ns)),
            rcu_waits: read(&self.counts.rcu_waits),
            last_rcu_wait: Duration::from_nanos(read(&self.counts.rcu_wait_ns)),
            interfaces,
            hooks,
            removed_interfaces: departed,
        }
    }
}
