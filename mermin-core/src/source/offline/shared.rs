//! What statistics are read from while the capture is read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mermin_bpf::abi::ledger::{Reason, Uncounted};

use crate::{
    bpf::ledger::Account,
    report::{HookStats, Report, SourceKind, Stats},
    source::handle::Counters,
};

/// The ledger of one interface of the capture.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) name: Arc<str>,
    pub(super) account: Box<Account>,
}

/// All counters; locked while what is in memory is gone through, so that they are of one moment.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// By place in the capture; none before an interface's first packet.
    pub(super) hooks: Vec<Option<Hook>>,
    pub(super) open: u64,
    pub(super) ended: u64,
    pub(super) records: u64,
    pub(super) withheld: u64,
}

#[derive(Debug)]
pub(super) struct Shared {
    counts: Mutex<Counts>,
    capacity: u32,
    source: SourceKind,
}

impl Shared {
    pub(super) fn new(capacity: u32, source: SourceKind) -> Self {
        Self {
            counts: Mutex::default(),
            capacity,
            source,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hook {
    pub(super) fn total(&mut self, octets: u32) {
        let totals = &mut self.account.totals;
        totals.skbs += 1;
        totals.skb_octets += u64::from(octets);
        totals.packets += 1;
        totals.octets += u64::from(octets);
    }

    pub(super) fn uncounted(&mut self, reason: Reason, left: Uncounted) {
        if let Some(found) = self.account.uncounted.get_mut(reason as usize) {
            found.packets += left.packets;
            found.octets += left.octets;
        }
    }
}

/// Index of an interface by its place in the capture.
pub(super) fn ifindex(place: usize) -> u32 {
    u32::try_from(place + 1).unwrap_or(u32::MAX)
}

impl Counters for Shared {
    fn report(&self) -> Report {
        Report {
            source: self.source.clone(),
            ..Report::default()
        }
    }

    fn stats(&self) -> Stats {
        let counts = self.lock();
        let hooks: Vec<HookStats> = counts
            .hooks
            .iter()
            .enumerate()
            .filter_map(|(place, hook)| Some((place, hook.as_ref()?)))
            .map(|(place, hook)| {
                HookStats::new(ifindex(place), Arc::clone(&hook.name), false, &hook.account)
            })
            .collect();
        Stats {
            flows_open: counts.open,
            flows_capacity: u64::from(self.capacity),
            flows_ended: counts.ended,
            records: counts.records,
            records_withheld: counts.withheld,
            packets: hooks.iter().map(|hook| hook.traffic.packets).sum(),
            octets: hooks.iter().map(|hook| hook.traffic.octets).sum(),
            hooks,
            ..Stats::default()
        }
    }
}
