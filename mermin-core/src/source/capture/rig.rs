//! A capture without hooks, its steps one at a time: what the lab measures.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use mermin_bpf::abi::{
    ledger::{Direction, link},
    slot::state,
};

use super::{
    Job, PERIOD,
    interfaces::{Interfaces, NOTIFICATIONS},
    open::{self, Capture},
    pinned::prepare,
    register::{Ledgers, Registered},
};
use crate::source::handle::Counters as _;
use crate::{
    attach::Manner,
    bpf::{clock::monotonic, index::Keys, object::Programs},
    error::{Error, ErrorKind},
    filter::Filter,
    flow::{EndReason, Flow},
    report::Stats,
    source::{control::Control, options::Options, queue::Queue},
    table::{Timeouts, moment::Moment},
};

/// Interface that test runs without a context are on.
const LOOPBACK: u32 = 1;
/// Longer than any timeout's default, ns.
const HOUR: u64 = 3_600_000_000_000;

/// What reading the table gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Live flows.
    pub flows: u64,
    /// Their packets in both directions.
    pub packets: u64,
    /// Their IP octets in both directions.
    pub octets: u64,
}

/// What each phase of closing all flows took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Flows closed.
    pub flows: u64,
    /// Marking the slots and gathering the keys.
    pub mark: Duration,
    /// Deleting the keys from the index, in batches.
    pub delete: Duration,
    /// The grace period.
    pub grace: Duration,
    /// Reading the last counters, making the records, scrubbing the slots.
    pub records: Duration,
    /// Giving the slots back, one system call each.
    pub give_back: Duration,
}

/// An engine whose steps are called by hand.
pub(crate) struct Rig {
    capture: Capture,
}

impl fmt::Debug for Rig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rig").finish_non_exhaustive()
    }
}

impl Rig {
    pub(crate) fn open(max_flows: u32, timeouts: Timeouts, filter: Filter) -> Result<Self, Error> {
        let options = Options {
            timeouts,
            filter,
            max_flows: Some(max_flows),
            ..Options::default()
        };
        let control = Control::new().map_err(|error| {
            Error::new(ErrorKind::Exhausted, "cannot create an event descriptor").with_source(error)
        })?;
        let job = Job {
            selector: options.validate()?,
            options,
            control: Arc::new(control),
            queue: Arc::new(Queue::default()),
        };
        let prepared = prepare(&job, &mut Vec::new())?;
        let grace = open::grace(&job, &mut Vec::new())?;
        let interfaces = Interfaces::open(job.selector.clone(), Manner::default(), NOTIFICATIONS)?;
        let capture = Capture::new(job, prepared, grace, interfaces)?;
        let registered = Registered {
            ledgers: capture
                .shared
                .ledger
                .watch(LOOPBACK, link::ETHERNET)
                .map(|place| Ledgers {
                    name: Arc::from("lo"),
                    place,
                    directions: &[Direction::Ingress, Direction::Egress],
                }),
            ..Registered::default()
        };
        let mut entries = capture.shared.register.lock();
        entries.interfaces.insert(LOOPBACK, registered);
        drop(entries);
        Ok(Self { capture })
    }

    pub(crate) fn programs(&self) -> &Arc<Programs> {
        &self.capture.shared.programs
    }

    pub(crate) fn stats(&self) -> Stats {
        self.capture.shared.stats()
    }

    pub(crate) fn read(&self) -> Reading {
        let Capture { shared, ticks, .. } = &self.capture;
        let mut reading = Reading::default();
        for slot in 0..shared.slab.touched() {
            if shared.slab.state(slot) == state::LIVE {
                let flow = shared.slab.observe(slot, ticks);
                reading.flows += 1;
                reading.packets += flow.packets();
                reading.octets += flow.sides.iter().map(|side| side.octets).sum::<u64>();
            }
        }
        reading
    }

    pub(crate) fn touch(&self) -> u64 {
        let slab = &self.capture.shared.slab;
        (0..slab.touched()).map(|slot| slab.touch(slot)).sum()
    }

    /// Every live flow.
    #[cfg(feature = "pcap")]
    pub(crate) fn flows(&self) -> impl Iterator<Item = crate::table::observation::Observation> {
        let Capture { shared, ticks, .. } = &self.capture;
        (0..shared.slab.touched())
            .filter(|&slot| shared.slab.state(slot) == state::LIVE)
            .map(|slot| shared.slab.observe(slot, ticks))
    }

    pub(crate) fn make_due(&mut self) {
        for due in &mut self.capture.due {
            if *due != Moment::CLOSING {
                *due = Moment::NOW;
            }
        }
    }

    pub(crate) fn listen(&mut self) {
        self.capture.listen();
    }

    pub(crate) fn sweep(&mut self) -> Result<(), Error> {
        self.capture.sweep(monotonic())
    }

    pub(crate) fn close_all(&mut self) -> Result<Phases, Error> {
        let capture = &mut self.capture;
        let mut phases = Phases::default();
        let mut keys = Keys::default();
        let mut slots = Vec::new();
        let mut lap = Lap::start();
        for slot in 0..capture.shared.slab.touched() {
            if capture.shared.slab.state(slot) == state::LIVE
                && capture.shared.slab.begin_close(slot)
            {
                capture.shared.slab.give_key(slot, &mut keys);
                slots.push(slot);
            }
        }
        phases.flows = slots.len() as u64;
        phases.mark = lap.lap();
        capture.index.delete(&keys).map_err(system)?;
        phases.delete = lap.lap();
        capture.grace.wait().map_err(system)?;
        phases.grace = lap.lap();
        let frame = capture.frame();
        for &slot in &slots {
            capture.end(slot, EndReason::ForcedEnd, &frame);
        }
        phases.records = lap.lap();
        for &slot in &slots {
            capture.index.give_back(slot).map_err(system)?;
        }
        phases.give_back = lap.lap();
        capture.deliver();
        Ok(phases)
    }

    pub(crate) fn expire(&mut self) -> Result<u64, Error> {
        let mut records = 0;
        self.make_due();
        loop {
            self.capture.round(monotonic() + HOUR)?;
            self.capture.control.wait(PERIOD);
            records += self.take().len() as u64;
            if self.read().flows == 0 && self.capture.closer.in_flight() == 0 {
                self.capture.finish_closed()?;
                self.capture.deliver();
                return Ok(records + self.take().len() as u64);
            }
        }
    }

    pub(crate) fn jump(&mut self, ahead: Duration) -> Result<(), Error> {
        let ahead = u64::try_from(ahead.as_nanos()).unwrap_or(u64::MAX);
        self.make_due();
        self.capture.round(monotonic().saturating_add(ahead))?;
        self.capture.finish_all()?;
        self.capture.deliver();
        Ok(())
    }

    pub(crate) fn take(&mut self) -> Vec<Flow> {
        let mut flows = std::collections::VecDeque::new();
        let context = Context::from_waker(Waker::noop());
        match self.capture.queue.take(&context, &mut flows) {
            Poll::Ready(_) => flows.into(),
            Poll::Pending => Vec::new(),
        }
    }
}

fn system(error: std::io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot close flows").with_source(error)
}

/// A stopwatch that begins anew each time it is read.
struct Lap(Instant);

impl Lap {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.0, now))
    }
}
