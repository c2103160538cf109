//! The tracked interfaces: attaches to each, checks its hooks, and detaches from it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Surroundings,
    attach::{AttachedInterface, Attacher, Verified},
    degradations,
    links::Gone,
    tracked::{State, TrackedInterface},
};
use crate::{
    bpf::clock::monotonic,
    error::{Error, ErrorKind},
    iface::{
        Interface,
        list::Counters,
        reconcile::KnownInterface,
        watch::{Link, Links},
    },
    probe::unavailable,
    source::capture::{
        closer::{Batch, Closer},
        fallback,
        interface_names::InterfaceNames,
        shared::SharedCounters,
        slots::SlotTable,
    },
};

/// Interfaces by index.
pub(super) struct TrackedSet {
    pub(super) attacher: Attacher,
    pub(super) names: InterfaceNames,
    interfaces: BTreeMap<u32, TrackedInterface>,
    /// Indexes of interfaces that an earlier process watched and to which this one has not attached yet.
    taken_over: BTreeSet<u32>,
    /// At least one program is a filter.
    pub(super) uses_tc: bool,
    shared: Arc<SharedCounters>,
}

impl TrackedSet {
    pub(super) fn new(
        attacher: Attacher,
        names: InterfaceNames,
        shared: Arc<SharedCounters>,
    ) -> Self {
        Self {
            attacher,
            names,
            interfaces: BTreeMap::new(),
            taken_over: BTreeSet::new(),
            uses_tc: false,
            shared,
        }
    }

    /// Returns the form that is compared with the selection.
    pub(super) fn kept(&self) -> impl Iterator<Item = KnownInterface<'_>> {
        self.interfaces.values().map(TrackedInterface::kept)
    }

    /// Marks all refusals for another attempt.
    pub(super) fn retry(&mut self) {
        self.interfaces
            .values_mut()
            .for_each(TrackedInterface::retry);
    }

    /// Returns true if a link that disappeared was attached to.
    pub(super) fn was_attached(&self, gone: &Gone) -> bool {
        let tracked = self.interfaces.get(&gone.link.interface.index);
        tracked.is_some_and(|at| {
            at.generation == gone.link.generation && !matches!(at.state, State::Refused { .. })
        })
    }

    /// Forgets an interface that was never attached to and no longer exists.
    pub(super) fn forget(&mut self, index: u32) {
        self.interfaces.remove(&index);
        self.shared.registry.forget(index);
    }

    /// Returns the indexes of the interfaces that have a program.
    pub(super) fn watched(&self) -> BTreeSet<u32> {
        self.in_state(|state| matches!(state, State::Watched(_)))
    }

    /// Returns the indexes of the interfaces that no program counts for any more, and whose flows are not yet being closed.
    pub(super) fn quiesced(&self) -> BTreeSet<u32> {
        self.in_state(|state| matches!(state, State::Quiesced))
    }

    fn in_state(&self, is: fn(&State) -> bool) -> BTreeSet<u32> {
        let found = self.interfaces.iter().filter(|(_, at)| is(&at.state));
        found.map(|(index, _)| *index).collect()
    }

    /// Sets the interfaces that an earlier process watched.
    pub(super) fn set_taken_over(&mut self, taken_over: BTreeSet<u32>) {
        self.taken_over = taken_over;
    }

    /// Attaches to an interface. If one direction is refused, the other is still used.
    ///
    /// # Errors
    /// The first refusal. It is also in the report, and the source tries again.
    pub(super) fn attach(&mut self, link: &Link, around: &Surroundings<'_>) -> Result<(), Error> {
        let index = link.interface.index;
        let (generation, interface) = (link.generation, link.interface.clone());
        let began = monotonic();
        let is_new = self.name(&interface, around);
        let (state, refusal) = match self.attacher.attach(&self.shared.ledger, &interface) {
            Ok(attached) => self.attached(attached, began),
            Err(error) => {
                if is_new {
                    self.names.end(index);
                }
                if error.kind() == ErrorKind::NoInterface {
                    // The interface no longer exists. The notification is on its way.
                    self.shared.registry.forget(index);
                } else {
                    let degradation = degradations::unwatched(&interface, &error);
                    self.shared.registry.refused(index, degradation);
                }
                (State::Refused { retry: false }, Some(error))
            }
        };
        let tracked = TrackedInterface::new(generation, interface, state);
        self.interfaces.insert(index, tracked);
        refusal.map_or(Ok(()), Err)
    }

    fn attached(&mut self, attached: AttachedInterface, began: u64) -> (State, Option<Error>) {
        self.uses_tc |= attached.uses_tc();
        let registry = &self.shared.registry;
        if let Some(cause) = attached.tcx_refusal() {
            registry.degraded_once(fallback::tcx(unavailable::no_tcx(cause)));
        }
        let took = Duration::from_nanos(monotonic().saturating_sub(began));
        registry.attached(
            attached.watched,
            attached.ledgers,
            attached.degradations,
            took,
        );
        (State::Watched(attached.held), attached.refusal)
    }

    /// Stores the name of an interface before attaching. Returns false if the interface was taken over from an earlier
    /// process, so that its flows go on.
    fn name(&mut self, interface: &Interface, around: &Surroundings<'_>) -> bool {
        let index = interface.index;
        let name = Arc::from(interface.name.as_str());
        let is_new = !self.taken_over.remove(&index);
        let kept = if is_new {
            let now = around.clock.kernel(monotonic());
            self.names.begin(index, now, &name)
        } else {
            self.names.rename(index, &name)
        };
        if !kept {
            self.tidy_names(around.slots, Some(index));
            self.names.keep(index);
        }
        is_new
    }

    /// Forgets the names of interfaces that have no flow, are not watched, and are not `attaching`: the one that is attached to now.
    pub(super) fn tidy_names(&mut self, slots: &SlotTable, attaching: Option<u32>) {
        let slab = slots.slab();
        let used = slots.used().filter(|slot| !slots.is_free(*slot));
        let flows = used.map(|slot| (slab.ifindex(slot), slab.first_seen(slot)));
        let known = self.interfaces.keys().copied().chain(attaching).collect();
        self.names.tidy(&known, flows);
    }

    /// Changes the name of a link.
    pub(super) fn rename(&mut self, link: &Link) {
        let index = link.interface.index;
        let name: Arc<str> = Arc::from(link.interface.name.as_str());
        if let Some(tracked) = self.interfaces.get_mut(&index) {
            tracked.interface.name.clone_from(&link.interface.name);
        }
        self.names.rename(index, &name);
        self.shared.registry.renamed(index, &name);
    }

    /// Checks the hooks of an interface, and attaches detached programs again. Returns true if a program is not in
    /// place and the index may be another interface's (`may_be_another`).
    pub(super) fn verify(&mut self, index: u32, links: &Links, may_be_another: bool) -> bool {
        let Some(tracked) = self.interfaces.get_mut(&index) else {
            return false;
        };
        // The index may belong to another interface already. This one is detached by a later step, and nothing is attached to the
        // other before.
        let is_same = |link: &Link| link.generation == tracked.generation;
        if !links.get(index).is_some_and(is_same) {
            return false;
        }
        let State::Watched(held) = &mut tracked.state else {
            return false;
        };
        match self
            .attacher
            .verify(&tracked.interface, held, may_be_another)
        {
            Verified::Replaced => return true,
            Verified::Found(found) => self.shared.registry.verified(index, found),
        }
        false
    }

    /// Reports hooks that no packet reaches although the interface counts packets.
    pub(super) fn check_stalled_hooks(&mut self, index: u32, counters: Counters) {
        let registry = &self.shared.registry;
        let Some((tracked, place)) = self.interfaces.get_mut(&index).zip(registry.place(index))
        else {
            return;
        };
        let counted = |direction| self.shared.ledger.account(place, direction).totals.skbs;
        registry.set_traffic_degradations(index, &tracked.check_stalled_hooks(counters, counted));
    }

    /// Detaches from an interface, and has its flows closed. If that fails, the interface stays watched, its packets
    /// are counted and exported, and the next periodic check tries again.
    ///
    /// Nothing may be attached under the index before the last of these flows is closed. A flow's key holds the
    /// index, so packets of a later interface would be counted in a flow of this one.
    pub(super) fn detach(&mut self, index: u32, links: &Links, closer: &mut Closer) {
        if self.detach_programs(index, links).is_err() {
            return;
        }
        if let Some(tracked) = self.interfaces.get_mut(&index) {
            tracked.state = State::Detached;
            self.shared.registry.detached(index);
            closer.close(Batch {
                detached: vec![index],
                ..Batch::default()
            });
        }
    }

    /// Detaches the programs of an interface.
    ///
    /// # Errors
    /// The first refusal, if a program stays; the report has all of them.
    fn detach_programs(&mut self, index: u32, links: &Links) -> Result<(), Error> {
        let Some(tracked) = self.interfaces.get_mut(&index) else {
            return Ok(());
        };
        let Err(undetached) = tracked.detach() else {
            return Ok(());
        };
        // The kernel deletes filters together with their interface, whatever it answered.
        let link = links.get(index);
        if link.is_none_or(|link| link.generation != tracked.generation) {
            return Ok(());
        }
        let registry = &self.shared.registry;
        registry.still_attached(index, &undetached.directions, &undetached.degradations);
        Err(undetached.error)
    }

    /// Marks [quiesced](Self::quiesced) interfaces whose flows are all being closed.
    pub(super) fn mark_closing(&mut self, interfaces: &BTreeSet<u32>) {
        for index in interfaces {
            if let Some(tracked) = self.interfaces.get_mut(index) {
                tracked.state = State::Closing;
            }
        }
    }

    /// Notes that an interface's grace period has passed, and that all earlier batches have their last records. A detached
    /// interface becomes quiesced. A closing one has closed its last flow, so it is forgotten: then returns true, because
    /// its index is free.
    pub(super) fn grace_passed(&mut self, index: u32) -> bool {
        let Some(tracked) = self.interfaces.get_mut(&index) else {
            return false;
        };
        match tracked.state {
            State::Detached => tracked.state = State::Quiesced,
            State::Closing => {
                self.interfaces.remove(&index);
                self.names.end(index);
                self.shared.registry.depart(index, &self.shared.ledger);
                return true;
            }
            _ => {}
        }
        false
    }

    /// Detaches all programs when the source ends.
    ///
    /// # Errors
    /// The first refusal; the report has all of them.
    pub(super) fn detach_all(&mut self, links: &Links) -> Result<(), Error> {
        let tracked: Vec<u32> = self.interfaces.keys().copied().collect();
        let mut first = Ok(());
        for index in tracked {
            first = first.and(self.detach_programs(index, links));
            // Dropping the remaining programs tries once more.
            if let Some(tracked) = self.interfaces.get_mut(&index)
                && let State::Watched(held) = &mut tracked.state
            {
                held.clear();
            }
        }
        first
    }
}
