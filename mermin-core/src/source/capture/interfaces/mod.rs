//! The interfaces that a source watches. The source compares the kernel's links with the selection; each difference
//! is a step. Opening, hot-plug, the periodic check and a changed selection all use these steps.
//!
//! * **Attach** gives the interface a ledger and attaches at ingress, then at egress (on loopback at ingress only; [`attach`]). By TCX,
//!   the kernel waits
//!   for a grace period after each of the two, while it holds the RTNL lock: 8 to 24 ms on the test machine, so some 30 ms
//!   for one interface, and interfaces that appear together wait for one another. A program counts from the start of its
//!   own wait on. So received packets are counted at once, and sent packets one wait later. A filter takes less than a
//!   millisecond.
//! * **Detach** ([`tracked_set`]) removes the programs, waits for a grace period, closes all flows of the interface,
//!   and after the last record adds the ledger to the sums of removed interfaces. Until then nothing is attached under
//!   the same index: keys contain the index, and packets of a later interface would be counted in flows of the earlier
//!   one. If the kernel refuses to detach (a filter, after capabilities were dropped), the interface stays watched and
//!   its packets stay in the ledger; the report says so, and the thread tries again every five seconds.
//! * If one interface cannot be attached to, the others are watched all the same. The report has the interface and the
//!   cause, and the thread tries again. Opening fails in three cases: an interface is refused and `strict` is on; a privilege
//!   is missing; or no interface could be attached to, and at least one was refused.
//! * If notifications are lost (`ENOBUFS`), everything is listed again. If a program is then no longer at its hook, its
//!   interface may have been deleted, and another one may have got the index. So the source treats the interface with
//!   that index as a new one.
//! * The check every five seconds also asks if each program is still at its hook, and attaches it again if not. Deleted
//!   filters and qdiscs are notified at once. It also compares the interface's own counters with the program's: if
//!   packets pass and none is counted, something before the hook takes them.
//! * A selected interface that disappears before a program is attached is counted as `missed`.

mod attach;
mod candidates;
mod degradations;
mod links;
mod selection;
mod silence;
mod tracked;
mod tracked_set;

use std::{
    collections::{BTreeSet, VecDeque},
    os::fd::AsFd,
    sync::Arc,
    time::Duration,
};

pub(super) use self::candidates::Candidates;
use self::{
    attach::Attacher, links::Gone, links::LinkMonitor, selection::Selection,
    tracked_set::TrackedSet,
};
use super::{
    clock::SourceClock, closer::Closer, interface_names::InterfaceNames, shared::SharedCounters,
    slots::SlotTable,
};
use crate::{
    attach::Hooks,
    bpf::{clock::monotonic, loaded::Programs},
    error::{Error, ErrorKind},
    iface::{
        Interface,
        list::{self, Counters},
        netns::Entered,
        reconcile::{self, Step},
        select::Selector,
    },
    report::Orphan,
};

/// Time between two checks of everything (ns), which find changes without a notification.
const PERIOD: u64 = 5_000_000_000;

/// Other parts that the steps need.
pub(super) struct Surroundings<'a> {
    pub(super) slots: &'a SlotTable,
    pub(super) closer: &'a mut Closer,
    pub(super) clock: &'a SourceClock,
}

/// Interfaces of one network namespace.
pub(super) struct InterfaceSet {
    tracked: TrackedSet,
    links: LinkMonitor,
    selection: Selection,
    shared: Arc<SharedCounters>,
    /// The namespace, if it has a path that can disappear.
    namespace: Option<Entered>,
    /// The error that ends the watch.
    over: Option<Error>,
    steps: VecDeque<Step>,
    /// The selection must be compared again.
    stale: bool,
    /// Time of the next periodic check, monotonic ns.
    next_check: u64,
    /// Notifications were lost, and the hooks have not been checked since.
    unsure: bool,
}

impl InterfaceSet {
    /// Creates the set with nothing attached.
    pub(super) fn new(
        candidates: Candidates,
        names: InterfaceNames,
        shared: Arc<SharedCounters>,
        programs: Arc<Programs>,
    ) -> Self {
        let Candidates {
            hooks,
            options,
            links,
            selection,
            namespace,
        } = candidates;
        let attacher = Attacher {
            hooks,
            options,
            programs,
        };
        Self {
            tracked: TrackedSet::new(attacher, names, Arc::clone(&shared)),
            links,
            selection,
            shared,
            namespace,
            over: None,
            steps: VecDeque::new(),
            stale: true,
            next_check: monotonic() + PERIOD,
            unsure: false,
        }
    }

    /// Returns true if the path of the network namespace no longer leads to it.
    pub(super) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Returns the error that ended the watch, once.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        self.over.take().map_or(Ok(()), Err)
    }

    pub(super) fn hooks(&self) -> &Hooks {
        &self.tracked.attacher.hooks
    }

    /// Returns the names of the interfaces that are watched or have flows.
    pub(super) fn names(&self) -> &InterfaceNames {
        &self.tracked.names
    }

    pub(super) fn list(&self) -> Vec<Interface> {
        self.links.list()
    }

    /// Returns a descriptor that is readable when a link changes. It wakes the capture thread.
    pub(super) fn events(&self) -> &impl AsFd {
        self.links.events()
    }

    /// Returns the indexes of the interfaces that have a program.
    pub(super) fn watched(&self) -> BTreeSet<u32> {
        self.tracked.watched()
    }

    /// Returns the indexes of the interfaces that no program counts for any more, and whose flows are not yet being closed.
    pub(super) fn quiesced(&self) -> BTreeSet<u32> {
        self.tracked.quiesced()
    }

    /// Marks [quiesced](Self::quiesced) interfaces whose flows are all being closed.
    pub(super) fn mark_closing(&mut self, interfaces: &BTreeSet<u32>) {
        self.tracked.mark_closing(interfaces);
    }

    /// Notes that an interface's grace period has passed, and that all earlier batches have their last records. The
    /// interface goes to its next state: from detached to quiesced, or from closing to gone.
    pub(super) fn grace_passed(&mut self, index: u32) {
        self.stale |= self.tracked.grace_passed(index);
    }

    /// Sets the interfaces that an earlier process watched.
    pub(super) fn set_taken_over(&mut self, taken_over: BTreeSet<u32>) {
        self.tracked.set_taken_over(taken_over);
    }

    /// Ends the take-over, after all flows of the earlier process were read. Names of interfaces that are
    /// not watched and have no flow are forgotten, and interfaces that appear from now on are new.
    pub(super) fn end_take_over(&mut self, slots: &SlotTable) {
        self.tracked.tidy_names(slots, None);
        self.tracked.set_taken_over(BTreeSet::new());
    }

    /// Looks for filters that killed processes left at the hooks of this network namespace, and removes those that it may.
    pub(super) fn remove_orphans(&self) -> Vec<Orphan> {
        self.hooks().remove_orphans(&self.list())
    }

    /// Detaches all programs when the source ends.
    ///
    /// # Errors
    /// The first refusal; the report has all of them.
    pub(super) fn detach_all(&mut self) -> Result<(), Error> {
        self.tracked.detach_all(self.links.links())
    }

    /// Checks another selection against the present links and returns it. With `hot_plug`, missing interfaces may
    /// appear later.
    ///
    /// # Errors
    /// Those of [`Selection::check`].
    pub(super) fn check_another(
        &mut self,
        selector: Selector,
        hot_plug: bool,
    ) -> Result<Selection, Error> {
        self.read_notifications();
        let selection = Selection::new(selector, hot_plug, self.links.links());
        selection.check(&self.list())?;
        Ok(selection)
    }

    /// Uses another selection from now on.
    pub(super) fn select(&mut self, selection: Selection) {
        self.selection = selection;
        self.stale = true;
    }

    /// Returns true if the watched interfaces match the selection.
    pub(super) fn is_aligned(&self) -> bool {
        !self.stale && !self.links.is_lost() && self.steps.is_empty()
    }

    /// Returns true if every interface of the selection was tried, also one that left and is wanted again.
    pub(super) fn is_settled(&self) -> bool {
        let Selection { selector, newest } = &self.selection;
        let kept = || self.tracked.kept();
        self.is_aligned() && !reconcile::is_awaited(selector, self.links.links(), *newest, kept())
    }

    /// Returns how long the thread may wait before the next work with interfaces.
    pub(super) fn poll_timeout(&self, now: u64) -> Duration {
        if self.is_aligned() {
            Duration::from_nanos(self.next_check.saturating_sub(now))
        } else {
            Duration::ZERO
        }
    }

    /// Makes the watched interfaces match the selection in one call, when the source opens. `go_on` is called before
    /// each step, because by TCX a step takes two grace periods of the kernel.
    ///
    /// # Errors
    /// An error that would affect every interface. Under `strict`, any refusal. Otherwise the first refusal, if no
    /// interface can be watched. An interface that disappeared meanwhile is no error. Also the error that `go_on` returns
    /// when nobody waits for the source any more.
    pub(super) fn align(
        &mut self,
        strict: bool,
        around: &mut Surroundings<'_>,
        go_on: impl Fn() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut first = None;
        while let Some(step) = self.next_step() {
            go_on()?;
            match self.take(step, around) {
                Err(error) if error.kind() == ErrorKind::NoInterface => {}
                Err(error) if strict || is_for_all(&error) => return Err(error),
                Err(error) => _ = first.get_or_insert(error),
                Ok(()) => {}
            }
        }
        self.selection.report(&self.list(), &self.shared.registry);
        match first {
            Some(error) if self.watched().is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes one step with interfaces. A step may take two grace periods of the kernel, and the sweep must not wait for many
    /// steps.
    pub(super) fn step(&mut self, now: u64, around: &mut Surroundings<'_>) {
        self.read_notifications();
        if self.links.is_lost() {
            self.shared.registry.resynced();
            self.unsure = true;
            self.resync();
        } else if now >= self.next_check {
            self.next_check = now + PERIOD;
            self.stale = true;
            self.tracked.retry();
            self.over = self.namespace.as_ref().and_then(Entered::gone);
            self.resync();
        }
        for index in self.links.take_disturbed() {
            self.tracked.verify(index, self.links.links(), false);
        }
        let compares = self.stale;
        if let Some(step) = self.next_step() {
            // Refusals are in the report. Only opening fails because of them.
            let _ = self.take(step, around);
        }
        if compares {
            self.selection.report(&self.list(), &self.shared.registry);
        }
    }

    fn read_notifications(&mut self) {
        let gone = self.links.read_notifications(&self.selection.selector);
        self.count_missed(&gone);
        self.stale |= self.links.take_changed();
    }

    /// Counts selected links that disappeared before a program was attached.
    fn count_missed(&self, gone: &[Gone]) {
        let missed = gone
            .iter()
            .filter(|gone| !self.tracked.was_attached(gone) && self.selection.wanted(gone));
        self.shared.registry.missed(missed.count() as u64);
    }

    /// Lists the interfaces again and checks every hook. After a loss of notifications, an index may belong to
    /// another interface.
    fn resync(&mut self) {
        let listed = list::links_and_counters(self.hooks().netlink());
        self.links.relist();
        let listed = listed.unwrap_or_default();
        if listed.is_empty() {
            return;
        }
        let after_loss = std::mem::take(&mut self.unsure);
        let counters: Vec<(u32, Counters)> = listed
            .iter()
            .map(|(at, counters)| (at.index, *counters))
            .collect();
        let list = listed.into_iter().map(|(interface, _)| interface).collect();
        let gone = self.links.resync(list, &self.selection.selector);
        self.count_missed(&gone);
        // Without hot-plug a new link is never watched. An interface whose programs somebody removed would then be lost.
        let may_be_another = after_loss && self.selection.is_hot_plug();
        for (index, counters) in counters {
            if self
                .tracked
                .verify(index, self.links.links(), may_be_another)
            {
                self.links.renew(index);
            }
            self.tracked.check_stalled_hooks(index, counters);
        }
        self.stale |= self.links.take_changed();
    }

    /// Returns the next step; decides again if something has changed.
    fn next_step(&mut self) -> Option<Step> {
        if std::mem::take(&mut self.stale) {
            let kept = self.tracked.kept();
            let Selection { selector, newest } = &self.selection;
            self.steps = reconcile::steps(selector, self.links.links(), *newest, kept).into();
        }
        self.steps.pop_front()
    }

    fn take(&mut self, step: Step, around: &mut Surroundings<'_>) -> Result<(), Error> {
        let (Step::Attach(index) | Step::Detach(index) | Step::Rename(index) | Step::Forget(index)) =
            step;
        let links = self.links.links();
        match (step, links.get(index)) {
            (Step::Attach(_), Some(link)) => {
                let attached = self.tracked.attach(link, around);
                if self.tracked.uses_tc {
                    self.links.subscribe_tc();
                }
                return attached;
            }
            (Step::Detach(_), _) => self.tracked.detach(index, links, around.closer),
            (Step::Rename(_), Some(link)) => self.tracked.rename(link),
            (Step::Forget(_), _) => self.tracked.forget(index),
            (Step::Attach(_) | Step::Rename(_), None) => {}
        }
        Ok(())
    }
}

/// Returns true if an error would affect every interface.
fn is_for_all(error: &Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied
}
