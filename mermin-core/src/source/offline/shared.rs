//! Counters of a capture, shared with the readers of statistics.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use mermin_bpf::abi::ledger::{Ignored, Reason};

use crate::{
    bpf::ledger::Account,
    pcap::link::described,
    report::{
        Degradation, Feature, HookDirection, HookStats, PayloadStats, Report, SourceKind, Stats,
    },
    source::{changes::Changes, engine::Counters, sampling},
    table::sampling::interval,
};

/// The ledger of one interface of the capture.
#[derive(Debug)]
pub(super) struct InterfaceLedger {
    pub(super) name: Arc<str>,
    /// Its link type, if unsupported.
    pub(super) unread: Option<u32>,
    pub(super) account: Box<Account>,
}

/// All counters. They are locked while the packets in memory are counted, so readers see one moment.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// By number in the capture; none before an interface's first packet.
    pub(super) hooks: Vec<Option<InterfaceLedger>>,
    pub(super) open: u64,
    pub(super) ended: u64,
    pub(super) records: u64,
    pub(super) filtered: u64,
    pub(super) joined: u64,
    pub(super) unjoined: u64,
    pub(super) payloads: PayloadStats,
    /// Where flows are sampled, one of 2 to the power of this number is kept.
    pub(super) sampling: Option<u8>,
}

/// The parts of the report that change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reported {
    unread: usize,
    sampling: Option<u8>,
}

#[derive(Debug)]
pub(super) struct Shared {
    counts: Mutex<Counts>,
    /// Octets of the input. They are outside of `counts`, because reading takes no lock.
    octets_read: AtomicU64,
    capacity: u32,
    source: SourceKind,
    changes: Arc<Changes>,
}

impl Shared {
    pub(super) fn new(capacity: u32, source: SourceKind, changes: Arc<Changes>) -> Self {
        Self {
            counts: Mutex::default(),
            octets_read: AtomicU64::new(0),
            capacity,
            source,
            changes,
        }
    }

    /// Wakes waiters for changes of the report if it is not as `known`.
    pub(super) fn tell(&self, known: &mut Reported) {
        let counts = self.lock();
        let hooks = counts.hooks.iter().flatten();
        let found = Reported {
            unread: hooks.filter(|it| it.unread.is_some()).count(),
            sampling: counts.sampling,
        };
        drop(counts);
        if found != *known {
            *known = found;
            self.changes.changed();
        }
    }

    /// So many more octets of the input were read.
    pub(super) fn add_read(&self, octets: usize) {
        self.octets_read.fetch_add(octets as u64, Ordering::Relaxed);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InterfaceLedger {
    pub(super) fn total(&mut self, octets: u32) {
        let totals = &mut self.account.totals;
        totals.skbs += 1;
        totals.skb_octets += u64::from(octets);
        totals.packets += 1;
        totals.octets += u64::from(octets);
    }

    pub(super) fn ignored(&mut self, reason: Reason, left: Ignored) {
        if let Some(found) = self.account.ignored.get_mut(reason as usize) {
            found.packets += left.packets;
            found.octets += left.octets;
        }
    }

    /// Subtracts counts from a reason.
    pub(super) fn taken_back(&mut self, reason: Reason, left: Ignored) {
        if let Some(found) = self.account.ignored.get_mut(reason as usize) {
            found.packets -= left.packets;
            found.octets -= left.octets;
        }
    }
}

/// The degradation for an interface of unsupported link type.
fn degradation(hook: &InterfaceLedger, link: u32) -> Degradation {
    Degradation {
        feature: Feature::Interface,
        interface: Some(Arc::clone(&hook.name)),
        cause: format!("its link type is {}, which is not read", described(link)).into(),
        fallback: format!(
            "its packets are counted under `{}`",
            Reason::OtherLink.name()
        )
        .into(),
        impact: "they are in no record".into(),
        remedy: "look at them with `tshark -r IN`: there is no IP header in a known place".into(),
    }
}

/// Index of the interface with this number in the capture.
pub(super) fn ifindex(place: usize) -> u32 {
    u32::try_from(place + 1).unwrap_or(u32::MAX)
}

impl Counters for Shared {
    fn report(&self) -> Report {
        let counts = self.lock();
        let unread = counts.hooks.iter().flatten();
        let degradations = unread.filter_map(|hook| Some(degradation(hook, hook.unread?)));
        Report {
            source: self.source.clone(),
            degradations: degradations
                .chain(counts.sampling.and_then(sampling::degradation))
                .collect(),
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
                let (totals, ignored) = (&hook.account.totals, &hook.account.ignored);
                HookStats::of(
                    ifindex(place),
                    Arc::clone(&hook.name),
                    HookDirection::Ingress,
                    totals,
                    ignored,
                )
            })
            .collect();
        Stats {
            flows_open: counts.open,
            flows_capacity: u64::from(self.capacity),
            flows_ended: counts.ended,
            records: counts.records,
            records_filtered: counts.filtered,
            records_joined: counts.joined,
            flows_unjoined: counts.unjoined,
            payloads: counts.payloads,
            sampling_interval: counts
                .sampling
                .map_or(0, |shift| interval(shift).get().into()),
            packets: hooks.iter().map(|hook| hook.traffic.packets).sum(),
            frame_octets: hooks.iter().map(|hook| hook.traffic.frame_octets).sum(),
            capture_octets_read: self.octets_read.load(Ordering::Relaxed),
            hooks,
            ..Stats::default()
        }
    }
}
