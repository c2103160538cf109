//! Counters that other threads read while the capture thread works.

#[cfg(feature = "__lab")]
use std::sync::Arc;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{exporter::names::PayloadCounts, registry::InterfaceRegistry};
#[cfg(feature = "__lab")]
use crate::bpf::loaded::Programs;
use crate::{
    bpf::{drop_counts::FlowlessDrops, ledger::Ledger},
    report::{HookStats, Report, Stats},
    source::engine::Counters,
    table::timeouts::nanoseconds,
};

/// Counters for statistics. They stay readable after the source has ended.
///
/// The flow table is not part of it: unmapping a large one takes too long for an executor that drops a handle.
#[derive(Debug)]
pub(in crate::source) struct SharedCounters {
    pub(super) ledger: Ledger,
    pub(super) registry: InterfaceRegistry,
    pub(super) counts: Counts,
    /// Counts of dropped packets, where they are counted.
    pub(super) drops: Option<FlowlessDrops>,
    /// Largest number of open flows.
    pub(super) capacity: u32,
    /// Used by the lab.
    #[cfg(feature = "__lab")]
    pub(super) programs: Arc<Programs>,
}

macro_rules! counts {
    ($($name:ident => $statistic:ident,)*) => {
        /// Counters of the capture thread.
        #[derive(Debug, Default)]
        pub(super) struct Counts {
            $(pub(super) $name: AtomicU64,)*
            pub(super) payloads: PayloadCounts,
            pub(super) sweep_ns: AtomicU64,
            pub(super) rcu_wait_ns: AtomicU64,
        }

        impl Counts {
            /// Returns statistics with these counters only.
            fn stats(&self) -> Stats {
                Stats {
                    $($statistic: self.$name.load(Ordering::Acquire),)*
                    payloads: self.payloads.stats(),
                    last_sweep: Duration::from_nanos(self.sweep_ns.load(Ordering::Relaxed)),
                    last_rcu_wait: Duration::from_nanos(self.rcu_wait_ns.load(Ordering::Relaxed)),
                    ..Stats::default()
                }
            }
        }
    };
}

// Each counter, and the statistic that shows it.
counts! {
    open => flows_open,
    ended => flows_ended,
    records => records,
    filtered => records_filtered,
    joined => records_joined,
    unjoined => flows_unjoined,
    lookups_missed => lookups_missed,
    sweeps => sweeps,
    rcu_waits => rcu_waits,
    sampling_interval => sampling_interval,
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
        // These counts are read before the ledger, so the ledger has at least the packets of all records suppressed by now.
        let counts = self.counts.stats();
        let (hooks, removed, interfaces) = self.registry.stats(&self.ledger);
        let sum = |field: fn(&HookStats) -> u64| hooks.iter().chain(&removed).map(field).sum();
        Stats {
            flows_capacity: u64::from(self.capacity),
            packets: sum(|hook| hook.traffic.packets),
            frame_octets: sum(|hook| hook.traffic.frame_octets),
            drops: self
                .drops
                .as_ref()
                .map(FlowlessDrops::stats)
                .unwrap_or_default(),
            interfaces,
            hooks,
            removed_interfaces: removed,
            ..counts
        }
    }
}
