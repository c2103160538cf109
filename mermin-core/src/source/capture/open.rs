//! Opening: choose interfaces, load, give each a ledger, attach. What fails for one interface is a degradation.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::Arc,
};

use super::{
    Job,
    change::Pending,
    closing::Closer,
    interfaces::Interfaces,
    pinned::{Kept, Prepared, Receipt, prepare},
    register::Register,
    shared::{Counts, Shared},
    stand_in,
};
use crate::{
    bpf::{
        self,
        clock::{self, Ticks, Wall},
        grace::Grace,
        index::Index,
        size::Sizes,
    },
    error::{Error, ErrorKind},
    filter::{Filters, Standing},
    flow::Flow,
    probe::{self, trouble},
    report::Degradation,
    source::{
        control::Control,
        handle::Counters,
        options::{DEFAULT_FLOWS, Options},
        queue::Queue,
        tunnels::Tunnels,
    },
    sys::zeroed,
    table::{entry::Entry, limits::Limits, moment::Moment},
};

/// What opening gives the public side.
#[derive(Debug)]
pub(in crate::source) struct Opened {
    pub(in crate::source) shared: Arc<dyn Counters>,
    /// Of a pinned source.
    pub(in crate::source) receipt: Option<Receipt>,
}

/// All that the capture thread owns. Dropping it detaches first.
pub(super) struct Capture {
    pub(super) interfaces: Interfaces,
    pub(super) control: Arc<Control>,
    pub(super) queue: Arc<Queue>,
    pub(super) shared: Arc<Shared>,
    pub(super) index: Arc<Index>,
    pub(super) clock: clock::Reader,
    pub(super) ticks: Ticks,
    pub(super) wall: Wall,
    pub(super) grace: Grace,
    pub(super) closer: Closer,
    pub(super) limits: Limits,
    /// What was asked for and is in force.
    pub(super) options: Options,
    /// A change to them that is being made.
    pub(super) changing: Option<Pending>,
    pub(super) epoch: u64,
    /// Names of interfaces by index.
    pub(super) names: HashMap<u32, Arc<str>>,
    /// When the table is to be swept next, monotonic ns.
    pub(super) sweep_at: u64,
    /// What was told of each slot.
    pub(super) entries: Box<[Entry]>,
    /// What was decided of the flow in each slot.
    pub(super) standings: Box<[Standing]>,
    /// What decides.
    pub(super) filters: Filters,
    /// When each slot is to be looked at.
    pub(super) due: Box<[Moment]>,
    /// When all slots are, monotonic ns.
    pub(super) whole_at: u64,
    /// What the kernel program says of new flows is not listened to.
    pub(super) deaf: bool,
    /// Records on their way to the queue.
    pub(super) out: VecDeque<Flow>,
    /// Records that flows on their way out will have.
    pub(super) promised: usize,
    /// Slots below this are emptied for good.
    pub(super) emptied: u32,
    /// What outlives the process. Dropped when nothing is attached any more.
    pub(super) kept: Option<Kept>,
}

impl Drop for Capture {
    fn drop(&mut self) {
        if let Some(kept) = &self.kept {
            kept.fail();
        }
    }
}

impl Capture {
    /// Opens; the calling thread moves to the network namespace asked for and stays there.
    pub(super) fn open(job: Job) -> Result<(Self, Opened), Error> {
        probe::kernel::check(&probe::kernel::release())?;
        let namespace = job.options.netns.enter()?;
        let mut interfaces = Interfaces::open(
            job.selector.clone(),
            job.options.attach.clone(),
            job.options.workings.notifications,
        )?;
        interfaces.lives_in(namespace);
        interfaces.check(!job.options.no_hot_plug)?;
        let strict = job.options.strict;
        let mut given_up = Vec::new();
        let prepared = prepare(&job, &mut given_up)?;
        if let Some(kept) = &prepared.kept {
            interfaces.keep_by(kept.keeper());
        }
        let grace = grace(&job, &mut given_up)?;
        let mut capture = Self::new(job, prepared, grace, interfaces)?;
        capture.shared.register.lock().general = given_up;
        let orphans = capture.interfaces.clean();
        capture.shared.register.lock().orphans = orphans;
        capture.shared.register.lock().manner = capture.options.attach.clone();
        capture.align(strict)?;
        capture.take_over()?;
        if strict && let Some(degradation) = capture.shared.report().degradations.first() {
            return Err(refused(degradation));
        }
        let shared = Arc::clone(&capture.shared);
        let receipt = capture.kept.as_ref().map(Kept::receipt);
        Ok((capture, Opened { shared, receipt }))
    }

    /// Puts together what was loaded and attached.
    pub(super) fn new(
        job: Job,
        prepared: Prepared,
        grace: Grace,
        interfaces: Interfaces,
    ) -> Result<Self, Error> {
        let Prepared {
            loaded,
            epoch,
            kept,
            departed,
        } = prepared;
        let shared = Arc::new(Shared {
            slab: loaded.slab,
            ledger: loaded.ledger,
            register: Register::new(departed),
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
            kept.as_ref().map(Kept::owner),
        )?;
        let slots = shared.slab.len() as usize;
        Ok(Self {
            interfaces,
            control: job.control,
            queue: job.queue,
            shared,
            index,
            clock: loaded.clock,
            ticks,
            wall: Wall::read(),
            grace,
            closer,
            limits: job.options.timeouts.into(),
            options: job.options.clone(),
            changing: None,
            epoch,
            names: HashMap::new(),
            sweep_at: 0,
            entries: zeroed::slice(slots),
            standings: zeroed::slice(slots),
            filters: Filters::new(job.options.filter),
            due: zeroed::slice(slots),
            whole_at: 0,
            deaf: job.options.workings.deaf,
            out: VecDeque::new(),
            promised: 0,
            emptied: 0,
            kept,
        })
    }

    /// Looks at both clocks.
    pub(super) fn read_clock(&self) -> Result<Ticks, Error> {
        self.clock
            .read(self.shared.slab.globals())
            .map_err(no_clock)
    }
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

/// Sizes for as many flows as are asked for.
pub(super) fn sizes(options: &Options) -> Sizes {
    Sizes {
        slots: options.max_flows.unwrap_or(DEFAULT_FLOWS),
        cpus: cpus(),
        decapsulate: options.tunnels == Tunnels::Inner,
        ports: options.tunnel_ports.ports(),
    }
}

pub(super) fn grace(job: &Job, given_up: &mut Vec<Degradation>) -> Result<Grace, Error> {
    let grace = (job.options.workings.grace)().map_err(no_grace)?;
    if matches!(grace, Grace::MapInMap { .. }) {
        given_up.push(stand_in::membarrier(trouble::no_membarrier()));
    }
    Ok(grace)
}

fn no_grace(error: io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot wait for grace periods").with_source(error)
}

fn no_clock(error: io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot read the kernel's clock").with_source(error)
}

fn refused(degradation: &Degradation) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("cannot open without giving something up: {degradation}"),
    )
    .with_remedy("follow the remedy given, or leave `strict` off")
}
