//! The watched interfaces, their degradations, and the counts of removed ones: the report's data, read from other
//! threads while the capture thread works.

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
        pin::departed::RetiredCounters,
    },
    report::{
        Degradation, Feature, HookStats, InterfaceStats, Notice, Orphan, Report, TakenOver,
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

/// Entries that are being changed. Whoever waits for a change learns of it behind the lock: fields are dropped in this order.
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
    /// With what a former process kept of interfaces that left, and how programs are to be attached.
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

    /// A panic in another thread leaves the entries whole enough to be read.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A degradation of the whole source.
    pub(super) fn degraded(&self, degradations: impl IntoIterator<Item = Degradation>) {
        let degradations: Vec<_> = degradations.into_iter().collect();
        events::given_up(&[], &degradations);
        self.change().general.extend(degradations);
    }

    /// The same, once of each feature.
    pub(super) fn degraded_once(&self, degradation: Degradation) {
        let mut entries = self.change();
        let known = |known: &Degradation| known.feature == degradation.feature;
        if !entries.general.iter().any(known) {
            entries.general.push(degradation.clone());
            drop(entries);
            events::given_up(&[], &[degradation]);
        }
    }

    /// Filters of killed processes were removed from hooks.
    pub(super) fn removed_orphans(&self, orphans: Vec<Orphan>) {
        self.change().orphans = orphans;
    }

    /// The source goes on where a former process stopped.
    pub(super) fn taken_over(&self, taken_over: TakenOver) {
        events::went_on(&taken_over);
        self.change().taken_over = Some(taken_over);
    }

    /// The selection was compared with the interfaces there are now.
    pub(super) fn selected(&self, degradations: &[Degradation], unused: Option<Notice>) {
        let mut entries = self.change();
        entries.unused = unused;
        let known = std::mem::replace(&mut entries.selection, degradations.to_vec());
        drop(entries);
        events::given_up(&known, degradations);
    }

    /// Interfaces that were wanted went before anything was attached to them.
    pub(super) fn missed(&self, interfaces: u64) {
        if interfaces != 0 {
            self.lock().counts.missed += interfaces;
            events::missed(interfaces);
        }
    }

    /// Notifications were lost, and the list is read anew.
    pub(super) fn resynced(&self) {
        self.lock().counts.resyncs += 1;
        events::resynced();
    }

    /// An interface is watched, since it was attached to in so long.
    pub(super) fn attached(
        &self,
        watched: WatchedInterface,
        ledgers: Ledgers,
        degradations: Vec<Degradation>,
        took: Duration,
    ) {
        events::interface_attached(&watched, took);
        events::given_up(&[], &degradations);
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

    /// An interface is counted, without being watched.
    #[cfg(feature = "__lab")]
    pub(super) fn counted(&self, index: u32, ledgers: Ledgers) {
        let mut entries = self.lock();
        entries.interfaces.entry(index).or_default().ledgers = Some(ledgers);
    }

    /// An interface cannot be attached to.
    pub(super) fn refused(&self, index: u32, degradation: Degradation) {
        let mut entries = self.change();
        let now = vec![degradation];
        let registered = entries.interfaces.entry(index).or_default();
        let known = std::mem::replace(&mut registered.degradations, now.clone());
        drop(entries);
        events::given_up(&known, &now);
    }

    /// An interface has no flows left.
    pub(super) fn forget(&self, index: u32) {
        self.change().interfaces.remove(&index);
    }

    /// An interface has another name. Its place is its own.
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

    /// An interface has no program any more; its flows are still to be closed.
    pub(super) fn detached(&self, index: u32) {
        if let Some(registered) = self.change().interfaces.get_mut(&index) {
            registered.watched = None;
            registered.degradations.clear();
            registered.lost.clear();
        }
    }

    /// Programs of these directions could not be detached.
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
        events::given_up(&known, degradations);
    }

    /// The hooks of an interface were looked at.
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
        events::given_up(&known, &now);
    }

    /// The place of an interface's ledger.
    pub(super) fn place(&self, index: u32) -> Option<Place> {
        let entries = self.lock();
        let ledgers = entries.interfaces.get(&index)?.ledgers.as_ref()?;
        Some(ledgers.place)
    }

    /// The traffic of an interface was looked at: where it does not come to the program.
    pub(super) fn silent(&self, index: u32, degradations: &[Degradation]) {
        let mut entries = self.change();
        let Some(registered) = entries.interfaces.get_mut(&index) else {
            return;
        };
        let known = registered.degradations.clone();
        let now = &mut registered.degradations;
        now.retain(|known| known.feature != Feature::Traffic);
        now.extend(degradations.iter().cloned());
        drop(entries);
        events::given_up(&known, degradations);
    }

    /// Closes an interface's ledger: its sums stay, its place may be used again. No program counts there any more.
    pub(super) fn depart(&self, index: u32, ledger: &Ledger) {
        let mut entries = self.change();
        entries.counts.detached += 1;
        let removed = entries.interfaces.remove(&index);
        // Still under the lock: who sums meanwhile must find each count once.
        if let Some(ledgers) = removed.and_then(|registered| registered.ledgers) {
            entries.close(ledgers.place, ledger);
        }
        drop(entries);
        events::left(index);
    }

    /// Closes the ledgers that a former process left of interfaces that are not watched any more.
    pub(super) fn depart_all_but(&self, watched: &BTreeSet<u32>, ledger: &Ledger) {
        let mut entries = self.lock();
        for place in ledger.all_but(|index| watched.contains(&index)) {
            entries.close(place, ledger);
        }
    }

    pub(super) fn report(&self) -> Report {
        self.lock().report()
    }

    /// The ledger of each hook, the sums of those that left, and the counts of interfaces.
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
            occupants: Vec::new(),
        };
        (direction, at)
    }

    #[test]
    fn a_program_that_is_not_put_back_is_told_of_while_it_is_away() {
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
