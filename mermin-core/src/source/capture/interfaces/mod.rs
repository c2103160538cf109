//! The interfaces a source watches: what the kernel says of links is compared with what is wanted, and each difference is
//! a step. Opening, hot-plug, the periodic look and another selection all go this way.

mod join;
mod leave;
mod said;
mod silence;
mod verify;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    os::fd::AsFd,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use self::{leave::Leaving, silence::Progress, verify::After};
use super::open::Capture;
use crate::{
    attach::{Attached, Hooks, Manner, keep::Keeper},
    bpf::clock::monotonic,
    error::{Error, ErrorKind},
    iface::{
        Interface, list,
        netns::Entered,
        reconcile::{self, Kept, Standing, Step},
        select::{Scope, Selector},
        watch::{self, Event, Link, Links},
    },
    report::Orphan,
    sys::netlink::{Monitor, is_loss},
};

/// `RTNLGRP_LINK`.
const LINK_GROUP: u32 = 1;
/// `RTNLGRP_TC`.
const TRAFFIC_CONTROL_GROUP: u32 = 4;
/// Octets of notifications that may wait: some 1,500 of links, as the kernel counts them.
pub(in crate::source) const NOTIFICATIONS: usize = 4 << 20;
/// From one look at everything to the next (ns): what no notification tells is noticed by then.
const PERIOD: u64 = 5_000_000_000;
/// Notifications taken before the rest of the thread's work has its turn.
const AT_ONCE: usize = 256;

/// Interfaces of one network namespace.
pub(super) struct Interfaces {
    hooks: Hooks,
    monitor: Monitor,
    /// The namespace, where it has a path that could go.
    namespace: Option<Entered>,
    /// Why there is nothing to watch any more.
    over: Option<Error>,
    manner: Manner,
    selector: Selector,
    /// Links that appeared later than this are not of interest.
    newest: u64,
    links: Links,
    watched: BTreeMap<u32, Known>,
    steps: VecDeque<Step>,
    /// What is wanted is to be compared anew.
    stale: bool,
    /// Notifications were lost: the list is to be read anew.
    lost: bool,
    /// Qdiscs or filters were deleted at these: ours may be among them.
    disturbed: BTreeSet<u32>,
    /// Notifications of traffic control come too: they are many on some hosts, and matter to filters alone.
    hears_tc: bool,
    /// When everything is looked at again, monotonic ns.
    look_at: u64,
    buffer: Vec<u8>,
}

/// An interface that something was done about.
struct Known {
    generation: u64,
    interface: Interface,
    state: State,
    /// What had passed at the last look, by direction.
    progress: [Option<Progress>; 2],
}

enum State {
    Watched(Vec<Held>),
    Leaving(Leaving),
    /// Whether it is to be tried again.
    Refused {
        due: bool,
    },
}

/// A program at a hook.
struct Held {
    direction: mermin_bpf::abi::ledger::Direction,
    attached: Attached,
}

impl Interfaces {
    /// Subscribes to what happens to links and then lists them, in the calling thread's network namespace.
    pub(super) fn open(selector: Selector, manner: Manner, room: usize) -> Result<Self, Error> {
        let hooks = Hooks::open()?.owned();
        let monitor = Monitor::open(LINK_GROUP, room).map_err(|error| {
            Error::new(ErrorKind::System, "cannot listen for changes of interfaces")
                .with_source(error)
        })?;
        let mut links = Links::default();
        links.replace(list::links(hooks.netlink())?);
        Ok(Self {
            hooks,
            monitor,
            namespace: None,
            over: None,
            manner,
            selector,
            newest: u64::MAX,
            links,
            watched: BTreeMap::new(),
            steps: VecDeque::new(),
            stale: true,
            lost: false,
            disturbed: BTreeSet::new(),
            hears_tc: false,
            look_at: monotonic() + PERIOD,
            buffer: Vec::new(),
        })
    }

    /// Says by what path the network namespace was entered.
    pub(super) fn lives_in(&mut self, namespace: Option<Entered>) {
        self.namespace = namespace;
    }

    /// Whether the network namespace was deleted.
    pub(super) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Why it is over, once.
    pub(super) fn end(&mut self) -> Result<(), Error> {
        self.over.take().map_or(Ok(()), Err)
    }

    /// From now on takes over what a former process left, and lets outlive this one what is attached.
    pub(super) fn keep_by(&mut self, keeper: Rc<Keeper>) {
        self.hooks.keep_by(keeper);
    }

    pub(super) fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    /// Indices of the interfaces that have a program; those alone that had one before this process if `before`.
    pub(super) fn watched(&self, before: bool) -> BTreeSet<u32> {
        let fits = |held: &Held| !before || held.attached.is_adopted();
        let watched = self.watched.iter().filter(|(_, known)| match &known.state {
            State::Watched(held) => held.iter().any(fits),
            State::Leaving(_) | State::Refused { .. } => false,
        });
        watched.map(|(index, _)| *index).collect()
    }

    /// Whether the selection makes sense with what there is now. With `hot_plug`, what is missing may come later.
    pub(super) fn check(&mut self, hot_plug: bool) -> Result<(), Error> {
        if !hot_plug {
            self.newest = self.links.generation();
        }
        self.selector.check(&self.list(), hot_plug)
    }

    /// As [`check`](Self::check), of a selection that may take the place of this one.
    pub(super) fn check_another(&self, selector: &Selector, hot_plug: bool) -> Result<(), Error> {
        selector.check(&self.list(), hot_plug)
    }

    /// Wants others from now on.
    pub(super) fn select(&mut self, selector: Selector, hot_plug: bool) {
        self.selector = selector;
        self.newest = if hot_plug {
            u64::MAX
        } else {
            self.links.generation()
        };
        self.stale = true;
    }

    /// Whether nothing more is to be done about what is wanted.
    pub(super) fn is_aligned(&self) -> bool {
        !self.stale && !self.lost && self.steps.is_empty()
    }

    /// Has refusals tried again.
    fn retry(&mut self) {
        self.stale = true;
        for known in self.watched.values_mut() {
            if let State::Refused { due } = &mut known.state {
                *due = true;
            }
        }
    }

    /// Removes what killed processes left at the hooks of this network namespace.
    pub(super) fn clean(&self) -> Vec<Orphan> {
        self.hooks.remove_orphans(&self.list())
    }

    pub(super) fn list(&self) -> Vec<Interface> {
        self.links
            .iter()
            .map(|link| link.interface.clone())
            .collect()
    }

    fn scope(&self) -> Scope {
        self.selector
            .scope(self.links.iter().map(|link| &link.interface))
    }

    /// What wakes the capture thread when a link changes.
    pub(super) fn events(&self) -> &impl AsFd {
        &self.monitor
    }

    /// Takes notifications in. Returns links that went though they were wanted, and before anything was attached to them.
    fn hear(&mut self) -> u64 {
        let mut missed = 0;
        let mut buffer = std::mem::take(&mut self.buffer);
        for _ in 0..AT_ONCE {
            let mut events = Vec::new();
            let read = self.monitor.read(&mut buffer, |kind, payload| {
                events.extend(watch::read(kind, payload));
            });
            match read {
                Ok(true) => {
                    for event in events {
                        missed += self.apply(event);
                    }
                }
                Ok(false) => break,
                // Whatever it is, the list tells what is true.
                Err(error) => {
                    self.lost = true;
                    if !is_loss(&error) {
                        break;
                    }
                }
            }
        }
        self.buffer = buffer;
        missed
    }

    fn apply(&mut self, event: Event) -> u64 {
        if let Event::Disturbed(index) = event {
            self.disturbed.insert(index);
            return 0;
        }
        self.stale = true;
        // Of the moment before; it goes by every pattern over every link, and of most events is not asked.
        let scope = matches!(event, Event::Gone(_)).then(|| self.scope());
        match scope.zip(self.links.apply(event)) {
            Some((scope, gone)) => u64::from(self.missed(scope, &gone)),
            None => 0,
        }
    }

    /// Whether a link that has gone was wanted and never attached to.
    fn missed(&self, scope: Scope, gone: &Link) -> bool {
        let attached = self
            .watched
            .get(&gone.interface.index)
            .is_some_and(|known| {
                known.generation == gone.generation && !matches!(known.state, State::Refused { .. })
            });
        !attached
            && gone.generation <= self.newest
            && self.selector.wants(scope, &gone.interface, false)
    }

    /// Takes over a list that was read anew; returns as [`hear`](Self::hear).
    fn resync(&mut self, list: Vec<Interface>) -> u64 {
        let scope = self.scope();
        let gone = self.links.replace(list);
        self.stale = true;
        self.lost = false;
        gone.iter().filter(|gone| self.missed(scope, gone)).count() as u64
    }

    /// Listens for what happens to filters, once there are any of ours.
    fn hear_tc(&mut self) {
        if !self.hears_tc {
            // Refused, the look that comes at its time has to do.
            self.hears_tc = self.monitor.join(TRAFFIC_CONTROL_GROUP).is_ok();
        }
    }

    /// The next step, decided anew when something has changed.
    fn next_step(&mut self) -> Option<Step> {
        if std::mem::take(&mut self.stale) {
            let kept = self.watched.iter().map(|(index, known)| Kept {
                index: *index,
                generation: known.generation,
                name: &known.interface.name,
                standing: match known.state {
                    State::Watched(_) => Standing::Watched,
                    State::Leaving(_) => Standing::Leaving,
                    State::Refused { due } => Standing::Refused { retry: due },
                },
            });
            self.steps = reconcile::steps(&self.selector, &self.links, self.newest, kept).into();
        }
        self.steps.pop_front()
    }

    /// How long the thread may wait at most for this module's sake.
    pub(super) fn patience(&self, now: u64) -> Duration {
        if self.stale || self.lost || !self.steps.is_empty() {
            return Duration::ZERO;
        }
        Duration::from_nanos(self.look_at.saturating_sub(now))
    }
}

impl Capture {
    /// Brings what is watched in line with what is wanted, all at once: when opening.
    ///
    /// # Errors
    /// What would meet every interface alike; under `strict` whatever is refused or given up; else the first refusal when
    /// nothing at all can be watched. An interface that vanished meanwhile is none.
    pub(super) fn align(&mut self, strict: bool) -> Result<(), Error> {
        let mut first = None;
        while let Some(step) = self.interfaces.next_step() {
            match self.take(step) {
                Err(error) if error.kind() == ErrorKind::NoInterface => {}
                Err(error) if strict || is_for_all(&error) => return Err(error),
                Err(error) => _ = first.get_or_insert(error),
                Ok(()) => {}
            }
        }
        self.say_selection();
        match first {
            Some(error) if self.shared.register.report().interfaces.is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    /// One piece of work with interfaces: a step takes as long as two grace periods of the kernel, and the sweep must not wait
    /// for many.
    pub(super) fn tend(&mut self, now: u64) {
        self.hear_of_links();
        let mut missed = 0;
        if self.interfaces.lost {
            self.shared.register.lock().counts.resyncs += 1;
            missed += self.look_around(After::Loss);
        } else if now >= self.interfaces.look_at {
            self.interfaces.look_at = now + PERIOD;
            self.interfaces.retry();
            let namespace = self.interfaces.namespace.as_ref();
            self.interfaces.over = namespace.and_then(Entered::gone);
            missed += self.look_around(After::Nothing);
        }
        for index in std::mem::take(&mut self.interfaces.disturbed) {
            self.verify(index, After::Nothing);
        }
        if missed != 0 {
            self.shared.register.lock().counts.missed += missed;
        }
        let decided = self.interfaces.stale;
        if let Some(step) = self.interfaces.next_step() {
            // Refusals are in the report; only opening fails by them.
            let _ = self.take(step);
        }
        if decided {
            self.say_selection();
        }
    }

    /// Takes in what the kernel has said of links.
    pub(in crate::source::capture) fn hear_of_links(&mut self) {
        let missed = self.interfaces.hear();
        if missed != 0 {
            self.shared.register.lock().counts.missed += missed;
        }
    }

    fn take(&mut self, step: Step) -> Result<(), Error> {
        match step {
            Step::Join(index) => return self.join(index),
            Step::Leave(index) => self.leave(index),
            Step::Rename(index) => self.rename(index),
            Step::Forget(index) => {
                self.interfaces.watched.remove(&index);
                self.shared.register.lock().interfaces.remove(&index);
            }
        }
        Ok(())
    }

    fn rename(&mut self, index: u32) {
        let Some(link) = self.interfaces.links.get(index) else {
            return;
        };
        let name: Arc<str> = Arc::from(link.interface.name.as_str());
        if let Some(known) = self.interfaces.watched.get_mut(&index) {
            known.interface.name.clone_from(&link.interface.name);
        }
        self.names.insert(index, Arc::clone(&name));
        let mut entries = self.shared.register.lock();
        if let Some(registered) = entries.interfaces.get_mut(&index) {
            if let Some(watched) = &mut registered.watched {
                watched.name = Arc::clone(&name);
            }
            if let Some(ledgers) = &mut registered.ledgers {
                ledgers.name = Arc::clone(&name);
            }
            for trouble in &mut registered.troubles {
                trouble.interface = Some(Arc::clone(&name));
            }
        }
    }

    /// Says which patterns match nothing now.
    fn say_selection(&self) {
        let said = said::selection(&self.interfaces.selector, &self.interfaces.list());
        let mut entries = self.shared.register.lock();
        if entries.selection != said {
            entries.selection = said;
        }
    }
}

/// Whether an error would meet every interface alike.
fn is_for_all(error: &Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied
}
