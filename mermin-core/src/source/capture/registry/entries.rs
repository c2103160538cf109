//! Entries of the registry, and the report and statistics built from them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mermin_bpf::abi::ledger::HookDirection;

use crate::{
    attach::AttachOptions,
    bpf::{
        ledger::{self, Ledger, Place},
        pin::retired::{HookAccounts, RetiredCounters},
    },
    report::{
        self, Attachment, Degradation, Feature, HookStats, InterfaceStats, Notice, Orphan,
        Recovered, Report, WatchedInterface,
    },
};

/// The ledgers of an interface.
#[derive(Clone, Debug)]
pub(in crate::source::capture) struct Ledgers {
    pub(in crate::source::capture) name: Arc<str>,
    pub(in crate::source::capture) place: Place,
    pub(in crate::source::capture) directions: &'static [HookDirection],
}

/// A tracked interface.
#[derive(Debug, Default)]
pub(super) struct Registered {
    /// Its hooks, if it is watched.
    pub(super) watched: Option<WatchedInterface>,
    /// Degradations of this interface only.
    pub(super) degradations: Vec<Degradation>,
    /// Programs that another process detached and that could not be attached again at the last check.
    pub(super) lost: Vec<Degradation>,
    /// Its ledgers, until its last flow is closed.
    pub(super) ledgers: Option<Ledgers>,
}

/// Outcome of checking the hooks of an interface.
#[derive(Debug, Default)]
pub(in crate::source::capture) struct HooksFound {
    /// Programs that are at their hooks.
    pub(in crate::source::capture) hooks: Vec<(HookDirection, Attachment)>,
    /// Programs that were attached again.
    pub(in crate::source::capture) reattached: Vec<Degradation>,
    /// Programs that could not be attached again.
    pub(in crate::source::capture) lost: Vec<(HookDirection, Degradation)>,
    /// Programs at a wrong position among others.
    pub(in crate::source::capture) misplaced: Vec<Degradation>,
}

impl Registered {
    /// Returns the degradations of the interface.
    pub(super) fn all_degradations(&self) -> impl Iterator<Item = &Degradation> + Clone {
        self.degradations.iter().chain(&self.lost)
    }

    /// Stores the outcome of a check. A reattached program is reported from now on, a missing program only while it
    /// is missing, and a wrong position only while it is wrong.
    pub(super) fn verified(&mut self, found: HooksFound) {
        let degradations = &mut self.degradations;
        degradations.retain(|known| known.feature != Feature::TcxOrder);
        for degradation in found.reattached.into_iter().chain(found.misplaced) {
            if !degradations.contains(&degradation) {
                degradations.push(degradation);
            }
        }
        self.lost.clear();
        for (direction, degradation) in found.lost {
            self.lost.push(degradation);
            if let Some(watched) = &mut self.watched {
                *watched.at(direction) = None;
            }
        }
        if let Some(watched) = &mut self.watched {
            for (direction, at) in found.hooks {
                *watched.at(direction) = Some(at);
            }
        }
    }
}

/// All entries.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Degradations of the source as a whole.
    pub(super) general: Vec<Degradation>,
    /// The degradation of sampling: one while sampling leaves flows out, otherwise none.
    pub(super) sampling: Vec<Degradation>,
    /// Flows taken over from an earlier process.
    pub(super) recovered: Option<Recovered>,
    /// Filters of killed processes that were found when the source was opened, removed or not.
    pub(super) orphans: Vec<Orphan>,
    /// Options for attaching.
    pub(super) options: AttachOptions,
    /// Degradations of the selection with the present interfaces.
    pub(super) selection: Vec<Degradation>,
    /// A notice of patterns without effect with the present interfaces.
    pub(super) unused: Option<Notice>,
    /// Interfaces by index.
    pub(super) interfaces: BTreeMap<u32, Registered>,
    /// Sums of the ledgers of removed interfaces.
    pub(super) retired: HookAccounts,
    /// The same sums for the next process.
    pub(super) kept: Option<RetiredCounters>,
    pub(super) counts: InterfaceStats,
}

/// Both directions, in the order of their numbers.
pub(super) const BOTH: [HookDirection; 2] = [HookDirection::Ingress, HookDirection::Egress];

impl Entries {
    /// Creates the entries with an earlier process's sums of removed interfaces, and the options for attaching.
    pub(super) fn new(kept: Option<RetiredCounters>, options: AttachOptions) -> Self {
        Self {
            retired: kept.as_ref().map(RetiredCounters::read).unwrap_or_default(),
            kept,
            options,
            ..Self::default()
        }
    }

    /// Adds a ledger to the sums of removed interfaces.
    pub(super) fn close(&mut self, place: Place, ledger: &Ledger) {
        for (sum, direction) in self.retired.iter_mut().zip(BOTH) {
            sum.add(&ledger.account(place, direction));
        }
        match &self.kept {
            Some(kept) => kept.close(&self.retired, place, ledger),
            None => ledger.forget(place),
        }
    }

    /// Returns options without effect, each once.
    fn notices(&self) -> Vec<Notice> {
        let watched = self
            .interfaces
            .values()
            .filter_map(|at| at.watched.as_ref());
        let hooks = watched.flat_map(|at| at.ingress.iter().chain(&at.egress));
        let notices = hooks.filter_map(|hook| self.options.without_effect(hook.mechanism));
        let notices = notices.collect::<BTreeSet<_>>().into_iter();
        notices.chain(self.unused.clone()).collect()
    }

    pub(super) fn report(&self) -> Report {
        let each = self.interfaces.values();
        Report {
            interfaces: each.clone().filter_map(|at| at.watched.clone()).collect(),
            degradations: self
                .general
                .iter()
                .chain(&self.sampling)
                .chain(&self.selection)
                .chain(each.flat_map(Registered::all_degradations))
                .cloned()
                .collect(),
            recovered: self.recovered,
            orphans: self.orphans.clone(),
            notices: self.notices(),
            ..Report::default()
        }
    }

    /// Returns the ledger of each hook, the sums of removed interfaces, and the counts of interfaces.
    pub(super) fn stats(
        &self,
        ledger: &Ledger,
    ) -> (Vec<HookStats>, Vec<HookStats>, InterfaceStats) {
        let nobody: Arc<str> = Arc::from("");
        let hook = |index, name: &Arc<str>, direction, account: &ledger::Account| {
            let direction = report::HookDirection::of(direction);
            let (totals, ignored) = (&account.totals, &account.ignored);
            HookStats::of(index, Arc::clone(name), direction, totals, ignored)
        };
        let mut hooks = Vec::new();
        for (index, at) in &self.interfaces {
            let Some(ledgers) = &at.ledgers else {
                continue;
            };
            for &direction in ledgers.directions {
                let account = ledger.account(ledgers.place, direction);
                hooks.push(hook(*index, &ledgers.name, direction, &account));
            }
        }
        let unregistered = BOTH.map(|direction| {
            hook(
                0,
                &nobody,
                direction,
                &ledger.account(ledger::UNKNOWN, direction),
            )
        });
        let removed =
            BOTH.map(|direction| hook(0, &nobody, direction, &self.retired[direction as usize]));
        // Filtered packets of removed interfaces are counted at index 0, even if no packet crossed its hooks.
        let used = |hook: &HookStats| hook.traffic.skbs != 0 || !hook.ignored.is_empty();
        hooks.extend(unregistered.into_iter().filter(used));
        let mut counts = self.counts;
        let watched = |at: &&Registered| at.watched.is_some();
        counts.watched = self.interfaces.values().filter(watched).count() as u64;
        (hooks, removed.into_iter().filter(used).collect(), counts)
    }
}
