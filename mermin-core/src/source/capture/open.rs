//! Opening: choose interfaces, load, give each a ledger, attach. What fails for one interface is a degradation.

use std::{
    collections::{HashMap, VecDeque},
    io,
    os::fd::AsFd,
    sync::Arc,
};

use mermin_bpf::abi::ledger::Direction;

use super::{
    Job,
    closing::Closer,
    shared::{Counts, Ledgers, Shared},
};
use crate::{
    attach::{Attach, Attached, Hooks, Programs, hook},
    bpf::{
        self,
        clock::{self, Ticks, Wall},
        grace::Grace,
        index::Index,
        ledger::Ledger,
        object::{Loaded, Ring},
        size::Sizes,
    },
    error::{Error, ErrorKind},
    flow::Flow,
    iface::{Interface, list, select},
    probe,
    report::{AtHook, Degradation, Feature, Report, Watched},
    source::{control::Control, handle::Counters, options::DEFAULT_FLOWS, queue::Queue},
    sys::zeroed,
    table::{Timeouts, entry::Entry, moment::Moment},
};

/// What opening gives the public side.
#[derive(Debug)]
pub(in crate::source) struct Opened {
    pub(in crate::source) shared: Arc<dyn Counters>,
    pub(in crate::source) report: Report,
}

/// All that the capture thread owns. Dropping it detaches first.
pub(super) struct Capture {
    hooks: Vec<Attached>,
    pub(super) control: Arc<Control>,
    pub(super) queue: Arc<Queue>,
    pub(super) shared: Arc<Shared>,
    pub(super) index: Arc<Index>,
    pub(super) ring: Ring,
    pub(super) clock: clock::Reader,
    pub(super) ticks: Ticks,
    pub(super) wall: Wall,
    pub(super) grace: Grace,
    pub(super) closer: Closer,
    pub(super) timeouts: Timeouts,
    pub(super) epoch: u64,
    /// Names of interfaces by index.
    pub(super) names: HashMap<u32, Arc<str>>,
    /// What was told of each slot.
    pub(super) entries: Box<[Entry]>,
    /// When each slot is to be looked at.
    pub(super) due: Box<[Moment]>,
    /// When all slots are, monotonic ns.
    pub(super) whole_at: u64,
    pub(super) refused_before: u64,
    /// Records on their way to the queue.
    pub(super) out: VecDeque<Flow>,
    /// Slots below this are emptied for good.
    pub(super) emptied: u32,
}

impl Capture {
    /// Opens; the calling thread moves to the network namespace asked for and stays there.
    pub(super) fn open(job: Job) -> Result<(Self, Opened), Error> {
        probe::kernel::check(&probe::kernel::release())?;
        job.options.netns.enter()?;
        let hooks = Hooks::open()?;
        let interfaces = list::links(hooks.netlink())?;
        let selection = select::select(&job.patterns, &interfaces)?;
        let mut report = Report::default();
        report
            .degradations
            .extend(selection.unmatched.iter().map(|pattern| unmatched(pattern)));
        let loaded = load(&job)?;
        let grace = grace(&job, &mut report)?;
        let programs = Programs {
            ingress: loaded.programs.ingress.as_fd(),
            egress: loaded.programs.egress.as_fd(),
        };
        let mut attached = Vec::new();
        let mut ledgers = Vec::new();
        let mut first_error = None;
        for interface in selection.chosen {
            let watching = watch(
                &hooks,
                &loaded.ledger,
                programs,
                job.options.attach,
                interface,
                &mut report,
            );
            match watching {
                Ok((held, ledger)) => {
                    attached.extend(held);
                    ledgers.push(ledger);
                }
                Err(error) if job.options.strict || is_for_all(&error) => return Err(error),
                Err(error) => {
                    report.degradations.push(unwatched(interface, &error));
                    first_error.get_or_insert(error);
                }
            }
        }
        if let Some(error) = first_error.filter(|_| ledgers.is_empty()) {
            return Err(error);
        }
        if job.options.strict
            && let Some(degradation) = report.degradations.first()
        {
            return Err(refused(degradation));
        }
        let capture = Self::new(job, loaded, grace, attached, ledgers)?;
        let shared = Arc::clone(&capture.shared);
        Ok((capture, Opened { shared, report }))
    }

    /// Puts together what was loaded and attached.
    pub(super) fn new(
        job: Job,
        loaded: Loaded,
        grace: Grace,
        hooks: Vec<Attached>,
        ledgers: Vec<Ledgers>,
    ) -> Result<Self, Error> {
        let names = ledgers
            .iter()
            .map(|at| (at.index, Arc::clone(&at.name)))
            .collect();
        let shared = Arc::new(Shared {
            slab: loaded.slab,
            ledger: loaded.ledger,
            interfaces: ledgers,
            counts: Counts::default(),
            programs: Arc::new(loaded.programs),
        });
        let index = Arc::new(loaded.index);
        let ticks = loaded.clock.read(shared.slab.globals()).map_err(no_clock)?;
        let closer_grace = Grace::like(&grace).map_err(no_grace)?;
        let closer = Closer::start(
            Arc::clone(&shared),
            Arc::clone(&index),
            closer_grace,
            Arc::clone(&job.control),
        )?;
        let slots = shared.slab.len() as usize;
        Ok(Self {
            hooks,
            control: job.control,
            queue: job.queue,
            shared,
            index,
            ring: loaded.ring,
            clock: loaded.clock,
            ticks,
            wall: Wall::read(),
            grace,
            closer,
            timeouts: job.options.timeouts,
            epoch: epoch()?,
            names,
            entries: zeroed::slice(slots),
            due: zeroed::slice(slots),
            whole_at: 0,
            refused_before: 0,
            out: VecDeque::new(),
            emptied: 0,
        })
    }

    /// Takes the programs away. An interface that has gone took its own along.
    pub(super) fn detach(&mut self) {
        for hook in self.hooks.drain(..) {
            // Dropping it tries once more; there is nobody to tell, and nothing else to do.
            let _ = hook.detach();
        }
        self.control.detached();
    }

    /// Looks at both clocks.
    pub(super) fn read_clock(&self) -> Result<Ticks, Error> {
        self.clock
            .read(self.shared.slab.globals())
            .map_err(no_clock)
    }
}

/// Attaches to one interface: both directions or, where one is refused, the other.
fn watch(
    hooks: &Hooks,
    ledger: &Ledger,
    programs: Programs<'_>,
    mode: Attach,
    interface: &Interface,
    report: &mut Report,
) -> Result<(Vec<Attached>, Ledgers), Error> {
    let name: Arc<str> = Arc::from(interface.name.as_str());
    let link = interface.link.code().ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            format!("cannot read packets of `{name}`: it is neither Ethernet nor plain IP"),
        )
        .with_remedy("leave it out of `interfaces`; what it carries is seen on the device below")
    })?;
    let place = ledger.watch(interface.index, link).ok_or_else(|| {
        Error::new(
            ErrorKind::Exhausted,
            format!("cannot keep a ledger for `{name}`: too many interfaces are watched"),
        )
        .with_remedy("choose fewer by `interfaces`, or open a second source for the rest")
    })?;
    let mut watched = Watched {
        index: interface.index,
        name: Arc::clone(&name),
        ingress: None,
        egress: None,
    };
    let directions = hook::directions(interface);
    let mut held = Vec::new();
    let mut refusal = None;
    for &direction in directions {
        match hooks.attach(mode, programs, interface, direction) {
            Ok(attached) => {
                let at = Some(AtHook {
                    mechanism: attached.mechanism(),
                    // To be refused the list is no reason to give the hook up.
                    occupants: hooks.occupants(interface, direction).unwrap_or_default(),
                });
                match direction {
                    Direction::Ingress => watched.ingress = at,
                    Direction::Egress => watched.egress = at,
                }
                if let Some(cause) = attached.tcx_refusal() {
                    note_tcx(report, cause);
                }
                held.push(attached);
            }
            Err(error) => refusal = Some((direction, error)),
        }
    }
    match refusal {
        Some((_, error)) if held.is_empty() => {
            ledger.forget(place);
            return Err(error);
        }
        Some((_, error)) if is_for_all(&error) => return Err(error),
        Some((_, error)) => report.degradations.push(unwatched(interface, &error)),
        None => {}
    }
    report.interfaces.push(watched);
    let ledgers = Ledgers {
        index: interface.index,
        name,
        place,
        directions,
    };
    Ok((held, ledgers))
}

/// Whether an error would meet every interface alike.
fn is_for_all(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::InvalidOption
    )
}

fn cpus() -> u32 {
    std::fs::read_to_string("/sys/devices/system/cpu/possible")
        .ok()
        .and_then(|list| bpf::size::cpus(&list))
        .unwrap_or_else(|| {
            let online = std::thread::available_parallelism().map_or(1, usize::from);
            u32::try_from(online).unwrap_or(u32::MAX)
        })
}

/// What tells the ids of two sources apart.
pub(in crate::source) fn epoch() -> Result<u64, Error> {
    let mut octets = [0; 8];
    rustix::rand::getrandom(&mut octets, rustix::rand::GetRandomFlags::empty()).map_err(
        |error| Error::new(ErrorKind::System, "cannot draw a random number").with_source(error),
    )?;
    Ok(u64::from_ne_bytes(octets))
}

/// Loads the kernel program with room for as many flows as are asked for.
pub(super) fn load(job: &Job) -> Result<Loaded, Error> {
    let sizes = Sizes {
        slots: job.options.max_flows.unwrap_or(DEFAULT_FLOWS),
        cpus: cpus(),
        ring: job.options.workings.ring,
    };
    bpf::object::load(job.options.workings.object, &sizes)
}

pub(super) fn grace(job: &Job, report: &mut Report) -> Result<Grace, Error> {
    let grace = (job.options.workings.grace)().map_err(no_grace)?;
    if matches!(grace, Grace::MapInMap { .. }) {
        report.degradations.push(Degradation {
            feature: Feature::Membarrier,
            interface: None,
            cause: "the kernel does not offer MEMBARRIER_CMD_GLOBAL (nohz_full, or seccomp)".into(),
            instead: "grace periods are waited for by updating a map of maps".into(),
            cost: "the same exactness, and two more map descriptors".into(),
            remedy: "allow membarrier(2) in the seccomp profile".into(),
        });
    }
    Ok(grace)
}

fn no_grace(error: io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot wait for grace periods").with_source(error)
}

fn no_clock(error: io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot read the kernel's clock").with_source(error)
}

fn unmatched(pattern: &crate::iface::Pattern) -> Degradation {
    Degradation {
        feature: Feature::Pattern,
        interface: None,
        cause: format!("`{pattern}` matches no interface").into(),
        instead: "the other patterns' interfaces are watched".into(),
        cost: "nothing is seen of what it was meant for".into(),
        remedy: "compare it with the names that `ip -brief link` prints".into(),
    }
}

fn unwatched(interface: &Interface, error: &Error) -> Degradation {
    let cause = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    Degradation {
        feature: Feature::Interface,
        interface: Some(Arc::from(interface.name.as_str())),
        cause: cause.into(),
        instead: "the rest is watched".into(),
        cost: "these packets are not counted".into(),
        remedy: error.remedy().unwrap_or("see the cause").to_owned().into(),
    }
}

/// Once is enough: the kernel is the same for every interface.
fn note_tcx(report: &mut Report, cause: &io::Error) {
    let known = |degradation: &Degradation| degradation.feature == Feature::Tcx;
    if report.degradations.iter().any(known) {
        return;
    }
    report.degradations.push(Degradation {
        feature: Feature::Tcx,
        interface: None,
        cause: format!("the kernel refuses TCX: {cause}").into(),
        instead: "programs are attached as tc filters".into(),
        cost: "other tc users can remove them, and a killed process leaves them behind".into(),
        remedy: "run Linux 6.6 or newer".into(),
    });
}

fn refused(degradation: &Degradation) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("cannot open without giving something up: {degradation}"),
    )
    .with_remedy("follow the remedy given, or leave `strict` off")
}
