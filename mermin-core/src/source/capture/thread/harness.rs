//! A capture without hooks. The lab calls its steps one at a time to measure them.

use std::{
    fmt,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use mermin_bpf::abi::{
    ledger::{HookDirection, link},
    slot::state,
};

use super::{Capture, PERIOD};
use crate::{
    bpf::{clock::monotonic, loaded::Programs},
    error::{Error, ErrorKind},
    flow::{EndReason, Flow},
    report::{Feature, Stats},
    source::{
        FlowSourceBuilder,
        capture::{
            arguments::{CaptureArguments, Purpose},
            exporter::record::RecordContext,
            interfaces::Candidates,
            parts::Parts,
            pinned::prepare,
            registry::Ledgers,
            setup,
        },
        control::Control,
        engine::Counters as _,
        open_flows::OpenFlows,
        queue::{Queue, Taken},
    },
    table::timeouts::nanoseconds,
};

/// Interface of test runs without a context.
const LOOPBACK: u32 = 1;
/// Longer than any default timeout, ns.
const HOUR: u64 = 3_600_000_000_000;

/// Sums over the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableSums {
    /// Live flows.
    pub flows: u64,
    /// Packets of these flows in both directions.
    pub packets: u64,
    /// IP octets of these flows in both directions.
    pub octets: u64,
}

/// Duration of each phase of closing all flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Flows closed.
    pub flows: u64,
    /// Marking the slots.
    pub mark: Duration,
    /// Removing the flows from the index.
    pub delete: Duration,
    /// The grace period.
    pub grace: Duration,
    /// Reading the last counters, making the records, clearing the slots.
    pub records: Duration,
    /// Returning the slots.
    pub give_back: Duration,
}

/// An engine whose steps are called by hand.
pub(crate) struct Harness {
    capture: Capture,
    queue: Arc<Queue>,
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Harness").finish_non_exhaustive()
    }
}

impl Harness {
    pub(crate) fn open(options: FlowSourceBuilder) -> Result<Self, Error> {
        let (options, selector) = options.live()?;
        let control = Control::new().map_err(|error| {
            Error::new(ErrorKind::Exhausted, "cannot create an event descriptor").with_source(error)
        })?;
        let arguments = CaptureArguments {
            selector,
            options,
            control: Arc::new(control),
            queue: Arc::new(Queue::default()),
            purpose: Purpose::Capture,
        };
        let mut given_up = Vec::new();
        let prepared = prepare(&arguments, &mut given_up)?;
        // `drops` are the caller's to look for. Without another option the figures would be those of other programs.
        if let Some(row) = given_up.iter().find(|row| row.feature != Feature::Drops) {
            return Err(Error::new(ErrorKind::Unsupported, row.to_string()));
        }
        let grace = setup::grace(&arguments, &mut Vec::new())?;
        let candidates = Candidates::open(&arguments.options, arguments.selector.clone())?;
        let (parts, _) = Parts::new(&arguments, prepared, grace, candidates)?;
        let shared = &parts.shared;
        if let Some((place, _)) = shared.ledger.watch(LOOPBACK, link::ETHERNET) {
            shared.registry.counted(
                LOOPBACK,
                Ledgers {
                    name: Arc::from("lo"),
                    place,
                    directions: &[HookDirection::Ingress, HookDirection::Egress],
                },
            );
        }
        let capture = Capture::new(parts, arguments.options, Vec::new());
        Ok(Self {
            capture,
            queue: arguments.queue,
        })
    }

    pub(crate) fn programs(&self) -> &Arc<Programs> {
        &self.capture.parts.shared.programs
    }

    pub(crate) fn stats(&self) -> Stats {
        self.capture.parts.shared.stats()
    }

    pub(crate) fn read(&self) -> TableSums {
        let Parts { slots, clock, .. } = &self.capture.parts;
        let mut reading = TableSums::default();
        for slot in slots.used() {
            if slots.slab().state(slot) == state::LIVE {
                let flow = slots.slab().snapshot(slot, &clock.ticks());
                reading.flows += 1;
                reading.packets += flow.packets();
                reading.octets += flow.sides.iter().map(|side| side.octets).sum::<u64>();
            }
        }
        reading
    }

    /// Reads every open flow as [`OpenFlows`] does; this thread fills the pages.
    pub(crate) fn open_flows(&mut self) -> Result<TableSums, Error> {
        let mut reading = TableSums::default();
        let mut open = OpenFlows::new(Arc::clone(&self.capture.parts.control));
        let context = &mut Context::from_waker(Waker::noop());
        loop {
            let page = pin!(open.next_page()).poll(context);
            match page {
                Poll::Pending => self.capture.fill_pages()?,
                Poll::Ready(None) => return Ok(reading),
                Poll::Ready(Some(page)) => {
                    for flow in page {
                        reading.flows += 1;
                        for half in [&flow.forward, &flow.reverse] {
                            reading.packets += half.packets.total;
                            reading.octets += half.octets.total;
                        }
                    }
                }
            }
        }
    }

    pub(crate) fn touch(&self) -> u64 {
        let slots = &self.capture.parts.slots;
        slots.used().map(|slot| slots.slab().touch(slot)).sum()
    }

    /// Every live flow.
    #[cfg(feature = "pcap")]
    pub(crate) fn flows(&self) -> impl Iterator<Item = crate::table::snapshot::FlowSnapshot> {
        let Parts { slots, clock, .. } = &self.capture.parts;
        slots
            .used()
            .filter(|&slot| slots.slab().state(slot) == state::LIVE)
            .map(|slot| slots.slab().snapshot(slot, &clock.ticks()))
    }

    pub(crate) fn index_defects(&self) -> Vec<String> {
        self.capture.parts.closer.index_defects()
    }

    pub(crate) fn make_due(&mut self) {
        self.capture.parts.slots.look_at_all();
    }

    pub(crate) fn listen(&mut self) {
        self.capture.take_new_flow_hints();
    }

    pub(crate) fn sweep(&mut self) -> Result<(), Error> {
        self.capture.sweep(monotonic())
    }

    pub(crate) fn close_all(&mut self) -> Result<Phases, Error> {
        let parts = &mut self.capture.parts;
        let mut phases = Phases::default();
        let mut slots = Vec::new();
        let mut lap = Lap::start();
        let slab = parts.slots.slab();
        for slot in parts.slots.used() {
            if slab.state(slot) == state::LIVE && slab.begin_close(slot) {
                slots.push(slot);
            }
        }
        phases.flows = slots.len() as u64;
        phases.mark = lap.lap();
        for &slot in &slots {
            parts.closer.remove_key(slot);
        }
        phases.delete = lap.lap();
        parts.closer.wait_for_grace()?;
        phases.grace = lap.lap();
        let records = RecordContext::new(&mut parts.clock, parts.interfaces.names());
        for &slot in &slots {
            let slots = &mut parts.slots;
            parts
                .exporter
                .end(slots, &records, slot, EndReason::ForcedEnd);
        }
        phases.records = lap.lap();
        for &slot in &slots {
            parts.closer.give_back(slot);
        }
        phases.give_back = lap.lap();
        parts.exporter.enqueue();
        Ok(phases)
    }

    pub(crate) fn expire(&mut self) -> Result<u64, Error> {
        let mut records = 0;
        self.make_due();
        loop {
            self.capture.sweep_cycle(monotonic() + HOUR)?;
            records += self.take().len() as u64;
            let parts = &self.capture.parts;
            // The sweep's count: reading all slots here would take as long as closing some.
            let open = parts.shared.counts.open.load(Ordering::Relaxed);
            if open == 0 && parts.closer.in_flight() == 0 {
                return Ok(records);
            }
            parts.control.wait(PERIOD);
        }
    }

    pub(crate) fn jump(&mut self, ahead: Duration) -> Result<(), Error> {
        self.make_due();
        self.capture
            .sweep_cycle(monotonic().saturating_add(nanoseconds(ahead)))?;
        self.capture.finish_all()?;
        self.capture.parts.exporter.enqueue();
        Ok(())
    }

    pub(crate) fn take(&mut self) -> Vec<Flow> {
        let mut flows = std::collections::VecDeque::new();
        let context = Context::from_waker(Waker::noop());
        match self.queue.take(&context, &mut flows) {
            Poll::Ready(taken) => {
                // As a stream does.
                if matches!(taken, Some(Ok(Taken { wanted: true }))) {
                    self.capture.parts.control.wake();
                }
                flows.into()
            }
            Poll::Pending => Vec::new(),
        }
    }
}

/// A stopwatch that restarts each time it is read.
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
