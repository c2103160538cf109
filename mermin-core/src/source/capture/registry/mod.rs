//! The watched interfaces, their degradations, and the counts of removed ones: the data of the report, which other
//! threads read while the capture thread works.

mod entries;

use std::{
    collections::BTreeSet,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use mermin_bpf::abi::ledger::HookDirection;

use self::entries::{BOTH, Entries, Registered};
pub(super) use self::entries::{HooksFound, Ledgers};
use crate::{
    attach::AttachOptions,
    bpf::{
        ledger::{Ledger, Place},
        pin::retired::RetiredCounters,
    },
    report::{
        Degradation, Feature, HookStats, InterfaceStats, Notice, Orphan, Recovered, Report,
        WatchedInterface,
    },
    source::{capture::events, changes::Changes},
};

/// The registry behind the report, with a lock that is never held across a system call.
#[derive(Debug, Default)]
pub(super) struct InterfaceRegistry {
    entries: Mutex<Entries>,
    changes: Arc<Changes>,
}

/// Entries that are being changed. Fields drop in this order, so a waiting task is woken after the lock is released.
struct Changing<'a> {
    entries: MutexGuard<'a, Entries>,
    _tells: TellsChange<'a>,
}

struct TellsChange<'a>(&'a Changes);

impl Drop for TellsChange<'_> {
    fn drop(&mut self) {
        self.0.changed();
    }
}

impl Deref for Changing<'_> {
    type Target = Entries;

    fn deref(&self) -> &Entries {
        &self.entries
    }
}

impl DerefMut for Changing<'_> {
    fn deref_mut(&mut self) -> &mut Entries {
        &mut self.entries
    }
}

impl InterfaceRegistry {
    /// Creates the registry with an earlier process's sums of removed interfaces, and the options for attaching.
    pub(super) fn new(
        kept: Option<RetiredCounters>,
        options: AttachOptions,
        changes: Arc<Changes>,
    ) -> Self {
        Self {
            entries: Mutex::new(Entries::new(kept, options)),
            changes,
        }
    }

    /// Locks the registry for a change of the report.
    fn change(&self) -> Changing<'_> {
        Changing {
            entries: self.lock(),
            _tells: TellsChange(&self.changes),
        }
    }

    /// A panic in another thread leaves the entries readable.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds degradations of the whole source.
    pub(super) fn degraded(&self, degradations: impl IntoIterator<Item = Degradation>) {
        let degradations: Vec<_> = degradations.into_iter().collect();
        events::newly_degraded(&[], &degradations);
        self.change().general.extend(degradations);
    }

    /// Adds a degradation of the whole source, unless there is one for its feature.
    pub(super) fn degraded_once(&self, degradation: Degradation) {
        let mut entries = self.change();
        let same = |known: &Degradation| known.feature == degradation.feature;
        if !entries.general.iter().any(same) {
            entries.general.push(degradation.clone());
            drop(entries);
            events::newly_degraded(&[], &[degradation]);
        }
    }

    /// Stores the degradation of sampling: one while sampling leaves flows out, otherwise none.
    pub(super) fn sampled(&self, degradations: &[Degradation]) {
        let known = std::mem::replace(&mut self.change().sampling, degradations.to_vec());
        events::newly_degraded(&known, degradations);
    }

    /// Stores the filters that killed processes left: those that were removed, and those that were left in place, with a
    /// command to remove them.
    pub(super) fn found_orphans(&self, orphans: Vec<Orphan>) {
        self.change().orphans = orphans;
    }

    /// Stores the flows taken over from an earlier process.
    pub(super) fn recovered(&self, recovered: Recovered) {
        events::flows_recovered(&recovered);
        self.change().recovered = Some(recovered);
    }

    /// Stores the result of comparing the selection with the present interfaces.
    pub(super) fn selected(&self, degradations: &[Degradation], unused: Option<Notice>) {
        let mut entries = self.change();
        entries.unused = unused;
        let known = std::mem::replace(&mut entries.selection, degradations.to_vec());
        drop(entries);
        events::newly_degraded(&known, degradations);
    }

    /// Counts selected interfaces that disappeared before a program was attached.
    pub(super) fn missed(&self, interfaces: u64) {
        if interfaces != 0 {
            self.lock().counts.missed += interfaces;
            events::missed(interfaces);
        }
    }

    /// Counts a loss of notifications, after which the list is read again.
    pub(super) fn resynced(&self) {
        self.lock().counts.resyncs += 1;
        events::resynced();
    }

    /// Stores an attached interface and the duration of attaching.
    pub(super) fn attached(
        &self,
        watched: WatchedInterface,
        ledgers: Ledgers,
        degradations: Vec<Degradation>,
        took: Duration,
    ) {
        events::interface_attached(&watched, took);
        events::newly_degraded(&[], &degradations);
        let mut entries = self.change();
        entries.counts.attached += 1;
        entries.counts.last_attach = took;
        let index = watched.index;
        let registered = Registered {
            watched: Some(watched),
            degradations,
            ledgers: Some(ledgers),
            ..Registered::default()
        };
        entries.interfaces.insert(index, registered);
    }

    /// Adds an interface that has a ledger without being watched.
    #[cfg(feature = "__lab")]
    pub(super) fn counted(&self, index: u32, ledgers: Ledgers) {
        let mut entries = self.lock();
        entries.interfaces.entry(index).or_default().ledgers = Some(ledgers);
    }

    /// Stores the degradation of an interface that cannot be attached to.
    pub(super) fn refused(&self, index: u32, degradation: Degradation) {
        let mut entries = self.change();
        let now = vec![degradation];
        let registered = entries.interfaces.entry(index).or_default();
        let known = std::mem::replace(&mut registered.degradations, now.clone());
        drop(entries);
        events::newly_degraded(&known, &now);
    }

    /// Removes an interface without flows.
    pub(super) fn forget(&self, index: u32) {
        self.change().interfaces.remove(&index);
    }

    /// Changes the name of an interface. Its ledgers stay.
    pub(super) fn renamed(&self, index: u32, name: &Arc<str>) {
        let mut entries = self.change();
        let Some(registered) = entries.interfaces.get_mut(&index) else {
            return;
        };
        if let Some(watched) = &mut registered.watched {
            watched.name = Arc::clone(name);
        }
        if let Some(ledgers) = &mut registered.ledgers {
            ledgers.name = Arc::clone(name);
        }
        for degradation in registered
            .degradations
            .iter_mut()
            .chain(&mut registered.lost)
        {
            degradation.interface = Some(Arc::clone(name));
        }
    }

    /// Stores that an interface has no program any more. Its flows are not closed yet.
    pub(super) fn detached(&self, index: u32) {
        if let Some(registered) = self.change().interfaces.get_mut(&index) {
            registered.watched = None;
            registered.degradations.clear();
            registered.lost.clear();
        }
    }

    /// Stores that programs of these directions could not be detached.
    pub(super) fn still_attached(
        &self,
        index: u32,
        directions: &[HookDirection],
        degradations: &[Degradation],
    ) {
        let mut entries = self.change();
        let Some(registered) = entries.interfaces.get_mut(&index) else {
            return;
        };
        if let Some(watched) = &mut registered.watched {
            for direction in BOTH {
                if !directions.contains(&direction) {
                    *watched.at(direction) = None;
                }
            }
        }
        let known = std::mem::replace(&mut registered.degradations, degradations.to_vec());
        drop(entries);
        events::newly_degraded(&known, degradations);
    }

    /// Stores the outcome of checking an interface's hooks.
    pub(super) fn verified(&self, index: u32, found: HooksFound) {
        let mut entries = self.change();
        entries.counts.reattached += found.reattached.len() as u64;
        let Some(registered) = entries.interfaces.get_mut(&index) else {
            return;
        };
        let known: Vec<_> = registered.all_degradations().cloned().collect();
        registered.verified(found);
        let now: Vec<_> = registered.all_degradations().cloned().collect();
        drop(entries);
        events::newly_degraded(&known, &now);
    }

    /// Returns the place of an interface's ledgers.
    pub(super) fn place(&self, index: u32) -> Option<Place> {
        let entries = self.lock();
        let ledgers = entries.interfaces.get(&index)?.ledgers.as_ref()?;
        Some(ledgers.place)
    }

    /// Replaces the interface's degradations of [`Feature::Traffic`]: one for each hook at which packets do not reach the
    /// program.
    pub(super) fn set_traffic_degradations(&self, index: u32, degradations: &[Degradation]) {
        let mut entries = self.change();
        let Some(registered) = entries.interfaces.get_mut(&index) else {
            return;
        };
        let known = registered.degradations.clone();
        let now = &mut registered.degradations;
        now.retain(|known| known.feature != Feature::Traffic);
        now.extend(degradations.iter().cloned());
        drop(entries);
        events::newly_degraded(&known, degradations);
    }

    /// Closes an interface's ledgers. Their sums stay, and their place may be reused. No program counts there any
    /// more.
    pub(super) fn depart(&self, index: u32, ledger: &Ledger) {
        let mut entries = self.change();
        entries.counts.detached += 1;
        let removed = entries.interfaces.remove(&index);
        // Under the lock, because a concurrent sum must find each count exactly once.
        if let Some(ledgers) = removed.and_then(|registered| registered.ledgers) {
            entries.close(ledgers.place, ledger);
        }
        drop(entries);
        events::removed(index);
    }

    /// Closes the ledgers of an earlier process's interfaces that are not watched any more.
    pub(super) fn depart_all_but(&self, watched: &BTreeSet<u32>, ledger: &Ledger) {
        let mut entries = self.lock();
        for place in ledger.all_but(|index| watched.contains(&index)) {
            entries.close(place, ledger);
        }
    }

    pub(super) fn report(&self) -> Report {
        self.lock().report()
    }

    /// Returns the ledger of each hook, the sums of removed interfaces, and the counts of interfaces.
    pub(super) fn stats(
        &self,
        ledger: &Ledger,
    ) -> (Vec<HookStats>, Vec<HookStats>, InterfaceStats) {
        self.lock().stats(ledger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Attachment, Mechanism};

    fn degradation(cause: &'static str) -> Degradation {
        Degradation::new(Feature::Hook, cause, "fallback", "impact", "remedy")
    }

    fn hook(direction: HookDirection) -> (HookDirection, Attachment) {
        let at = Attachment {
            mechanism: Mechanism::Tcx,
            programs: Vec::new(),
        };
        (direction, at)
    }

    #[test]
    fn detached_program_is_reported_while_it_is_missing() {
        let registry = InterfaceRegistry::default();
        let [ingress, egress] = BOTH.map(|direction| Some(hook(direction).1));
        let registered = Registered {
            watched: Some(WatchedInterface {
                index: 7,
                name: Arc::from("v0"),
                ingress,
                egress,
            }),
            ..Registered::default()
        };
        registry.change().interfaces.insert(7, registered);
        let (away, back) = (degradation("away"), degradation("back"));
        let lost = HooksFound {
            hooks: vec![hook(HookDirection::Egress)],
            lost: vec![(HookDirection::Ingress, away.clone())],
            ..HooksFound::default()
        };
        let reattached = HooksFound {
            hooks: BOTH.map(hook).into(),
            reattached: vec![back.clone()],
            ..HooksFound::default()
        };
        let quiet = HooksFound {
            hooks: BOTH.map(hook).into(),
            ..HooksFound::default()
        };
        for (found, told, is_there, count) in [
            (lost, &away, false, 0),
            (reattached, &back, true, 1),
            (quiet, &back, true, 1),
        ] {
            registry.verified(7, found);
            let report = registry.report();
            assert_eq!(report.degradations, std::slice::from_ref(told));
            let watched = &report.interfaces[0];
            assert_eq!(watched.ingress.is_some(), is_there);
            assert!(watched.egress.is_some());
            assert_eq!(registry.lock().counts.reattached, count);
        }
    }
}
