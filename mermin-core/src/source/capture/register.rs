//! Which interfaces are watched, what was given up for each, and what those that left had counted: for whoever asks while the
//! capture thread works.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mermin_bpf::abi::ledger::Direction;

use crate::{
    attach::Manner,
    bpf::{
        ledger::{self, Ledger, Place},
        pin::departed::{Departed, Sums},
    },
    report::{Degradation, HookStats, InterfaceStats, Orphan, Report, TakenOver, Watched},
};

/// An interface's ledger.
#[derive(Clone, Debug)]
pub(super) struct Ledgers {
    pub(super) name: Arc<str>,
    pub(super) place: Place,
    pub(super) directions: &'static [Direction],
}

/// An interface that something was done about.
#[derive(Debug, Default)]
pub(super) struct Registered {
    /// How it is watched, if it is.
    pub(super) watched: Option<Watched>,
    /// What was given up for it.
    pub(super) troubles: Vec<Degradation>,
    /// What it counts, until its last flow is closed.
    pub(super) ledgers: Option<Ledgers>,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// What was given up for the source as a whole.
    pub(super) general: Vec<Degradation>,
    /// What was taken over from a former process.
    pub(super) taken_over: Option<TakenOver>,
    /// What was cleaned up when the source was opened.
    pub(super) orphans: Vec<Orphan>,
    /// How programs are to be attached.
    pub(super) manner: Manner,
    /// What is amiss with the selection now.
    pub(super) selection: Vec<Degradation>,
    /// By index.
    pub(super) interfaces: BTreeMap<u32, Registered>,
    /// Sums of the ledgers of interfaces that left.
    departed: Sums,
    /// Where the next process finds them.
    kept: Option<Departed>,
    pub(super) counts: InterfaceStats,
}

/// Directions of a hook, as their numbers go.
const BOTH: [Direction; 2] = [Direction::Ingress, Direction::Egress];

impl Entries {
    /// Moves a ledger to the sums of those that left.
    fn close(&mut self, place: Place, ledger: &Ledger) {
        for (sum, direction) in self.departed.iter_mut().zip(BOTH) {
            sum.add(&ledger.account(place, direction));
        }
        match &self.kept {
            Some(kept) => kept.close(&self.departed, place, ledger),
            None => ledger.forget(place),
        }
    }

    /// Options without effect, each once.
    fn notices(&self) -> Vec<&'static str> {
        let watched = self
            .interfaces
            .values()
            .filter_map(|at| at.watched.as_ref());
        let hooks = watched.flat_map(|at| at.ingress.iter().chain(&at.egress));
        let notices = hooks.filter_map(|hook| self.manner.without_effect(hook.mechanism));
        notices.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// The entries, behind a lock that is never held across a system call.
#[derive(Debug, Default)]
pub(super) struct Register(Mutex<Entries>);

impl Register {
    /// With what a former process kept of interfaces that left.
    pub(super) fn new(kept: Option<Departed>) -> Self {
        Self(Mutex::new(Entries {
            departed: kept.as_ref().map(Departed::read).unwrap_or_default(),
            kept,
            ..Entries::default()
        }))
    }

    /// A panic in another thread leaves the entries whole enough to be read.
    pub(super) fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes an interface's ledger: its sums stay, its place may be used again. No program counts there any more.
    pub(super) fn depart(&self, index: u32, ledger: &Ledger) {
        let mut entries = self.lock();
        let removed = entries.interfaces.remove(&index);
        // Still under the lock: who sums meanwhile must find each count once.
        if let Some(ledgers) = removed.and_then(|registered| registered.ledgers) {
            entries.close(ledgers.place, ledger);
        }
    }

    /// Closes the ledgers that a former process left of interfaces that are not watched any more.
    pub(super) fn depart_all_but(&self, watched: &BTreeSet<u32>, ledger: &Ledger) {
        let mut entries = self.lock();
        for place in ledger.all_but(|index| watched.contains(&index)) {
            entries.close(place, ledger);
        }
    }

    pub(super) fn report(&self) -> Report {
        let entries = self.lock();
        let each = entries.interfaces.values();
        Report {
            interfaces: each.clone().filter_map(|at| at.watched.clone()).collect(),
            degradations: entries
                .general
                .iter()
                .chain(&entries.selection)
                .chain(each.flat_map(|at| &at.troubles))
                .cloned()
                .collect(),
            taken_over: entries.taken_over,
            orphans: entries.orphans.clone(),
            notices: entries.notices(),
            ..Report::default()
        }
    }

    /// The ledger of each hook, the sums of those that left, and the counts of interfaces.
    pub(super) fn stats(
        &self,
        ledger: &Ledger,
    ) -> (Vec<HookStats>, Vec<HookStats>, InterfaceStats) {
        let entries = self.lock();
        let nobody: Arc<str> = Arc::from("");
        let hook = |index, name: &Arc<str>, direction, account: &ledger::Account| {
            let egress = matches!(direction, Direction::Egress);
            HookStats::new(index, Arc::clone(name), egress, account)
        };
        let mut hooks = Vec::new();
        for (index, at) in &entries.interfaces {
            let Some(ledgers) = &at.ledgers else {
                continue;
            };
            for &direction in ledgers.directions {
                let account = ledger.account(ledgers.place, direction);
                hooks.push(hook(*index, &ledgers.name, direction, &account));
            }
        }
        let strays = BOTH.map(|direction| {
            hook(
                0,
                &nobody,
                direction,
                &ledger.account(ledger::UNKNOWN, direction),
            )
        });
        let departed = BOTH
            .map(|direction| hook(0, &nobody, direction, &entries.departed[direction as usize]));
        let used = |hook: &HookStats| hook.traffic.skbs != 0;
        hooks.extend(strays.into_iter().filter(used));
        let mut counts = entries.counts;
        let watched = |at: &&Registered| at.watched.is_some();
        counts.watched = entries.interfaces.values().filter(watched).count() as u64;
        (hooks, departed.into_iter().filter(used).collect(), counts)
    }
}
