//! The loop of a live capture. It owns the parts, and calls each with the parts that the call needs.

#[cfg(feature = "__lab")]
pub(in crate::source) mod harness;

use std::{os::fd::AsFd as _, sync::atomic::Ordering, time::Duration};

use super::{
    closer::Closed,
    drain::{Drain, Drained},
    events,
    exporter::record::RecordContext,
    parts::Parts,
    pinned::{FlowToClose, PinnedInstance},
    reconfigure::{PartsToChange, Reconfiguration},
    sweep::{Sweep, Swept},
};
use crate::{
    bpf::clock::monotonic, error::Error, source::options::Options, table::timeouts::nanoseconds,
};

/// Time from one sweep to the next.
const PERIOD: Duration = Duration::from_millis(100);

/// The capture thread's work.
pub(super) struct Capture {
    parts: Parts,
    reconfiguration: Reconfiguration,
    /// Flows of a former process that are still to be closed. Each stays here until a sweep has room to close it.
    to_close: Vec<FlowToClose>,
    /// Time of the next regular sweep, monotonic ns. A cycle before it may leave the sweep out.
    sweep_at: u64,
    /// Something woke the thread, so a cycle is due before that time: a request, room in the queue, a grace period that has
    /// passed, or the thread's own [`wait_for_room`](Self::wait_for_room).
    is_woken: bool,
    sweeps: events::Sweeps,
}

impl Capture {
    /// Creates the capture. It does no work before [`run`](Self::run).
    pub(super) fn new(parts: Parts, options: Options, to_close: Vec<FlowToClose>) -> Self {
        Self {
            parts,
            reconfiguration: Reconfiguration::new(options),
            to_close,
            sweep_at: 0,
            is_woken: false,
            sweeps: events::Sweeps::default(),
        }
    }

    /// Captures until the source is closed or abandoned, or the path of the network namespace no longer leads to it.
    ///
    /// # Errors
    /// The first error that ends the capture, such as that of a network namespace that is gone.
    pub(super) fn run(mut self) -> Result<(), Error> {
        if let Some(instance) = &mut self.parts.instance {
            instance.begin();
        }
        while !self.parts.control.is_closing() && !self.parts.interfaces.is_over() {
            if self.parts.control.is_abandoned() {
                return self.abandon();
            }
            // A change is begun here. The next calls of `run_once` carry it out. The answer follows these calls.
            self.begin_reconfigure();
            self.run_once()?;
            if self.reconfiguration.is_pending() && self.parts.interfaces.is_settled() {
                self.reconfiguration.finish();
            }
        }
        let persists = self
            .parts
            .instance
            .as_ref()
            .is_some_and(PinnedInstance::persists);
        if persists && !self.parts.interfaces.is_over() {
            return self.leave_to_next();
        }
        // A program that cannot be detached is in the report.
        let _ = self.detach();
        self.drain()?;
        if let Some(instance) = &mut self.parts.instance {
            instance.close();
        }
        self.parts.interfaces.end()
    }

    /// Begins the next requested change, once the previous one is complete.
    fn begin_reconfigure(&mut self) {
        if self.reconfiguration.is_pending() {
            return;
        }
        if let Some(request) = self.parts.control.next_request() {
            let parts = PartsToChange {
                interfaces: &mut self.parts.interfaces,
                exporter: &mut self.parts.exporter,
                slots: &mut self.parts.slots,
                clock: &mut self.parts.clock,
            };
            self.reconfiguration.begin(request, parts);
            self.sweep_at = 0;
        }
    }

    /// Fills requested pages, runs a cycle if one is due, takes one step with interfaces if there is one, and waits until
    /// something is due.
    ///
    /// The cycle comes before the step with interfaces, because a step may take two grace periods of the kernel, and due
    /// flows must not wait for the step. Only one step is taken before the clock is read again. The wait comes last,
    /// when its duration is known.
    fn run_once(&mut self) -> Result<(), Error> {
        self.fill_pages()?;
        self.parts.exporter.read_crowded_sections(&self.parts.slots);
        let now = monotonic();
        if now >= self.sweep_at || self.is_woken {
            self.sweep_cycle(now)?;
        }
        let (interfaces, mut around) = self.parts.surroundings();
        interfaces.step(now, &mut around);
        let now = monotonic();
        let sweep = Duration::from_nanos(self.sweep_at.saturating_sub(now));
        let timeout = sweep.min(self.parts.interfaces.poll_timeout(now));
        let Parts {
            control,
            interfaces,
            exporter,
            ..
        } = &self.parts;
        let others = [Some(interfaces.events().as_fd()), exporter.wake_ups()];
        let others: Vec<_> = others.into_iter().flatten().collect();
        self.is_woken = control.wait_for(timeout, &others);
        Ok(())
    }

    /// Fills the requested pages of open flows.
    fn fill_pages(&mut self) -> Result<(), Error> {
        for request in self.parts.control.page_requests() {
            self.parts.clock.read()?;
            let records = RecordContext::new(&mut self.parts.clock, self.parts.interfaces.names());
            let (slots, exporter) = (&mut self.parts.slots, &mut self.parts.exporter);
            let filled = request.fill(slots.used().end, |slot| {
                exporter.open_flow(slots, &records, slot)
            });
            filled.send();
        }
        Ok(())
    }

    /// Runs one cycle at `now` (monotonic ns): the sweep, if it is useful, and the work around it. The order matters:
    ///
    /// 1. With `names`, sections of payloads, because a name must be known before its flow's last record is made.
    /// 2. Last records of flows whose grace period has passed. They come before records of open flows, so that their
    ///    slots are free before the kernel program runs out of slots.
    /// 3. Free slots: those of flows whose last records were acknowledged, those that CPUs took in advance and did not
    ///    need, and those that an earlier process left free. While half of the slots wait for acknowledgements, a pinned
    ///    source closes only flows that the filter rejects.
    /// 4. Hints of new flows. A slot that was just returned may have a new flow already. Steps 2 and 3 marked it as
    ///    free, so the hint makes it due. If it were marked later, it would lose the hint.
    /// 5. The sweep. Step 3 comes first, because each slot that it returns may let the sweep close one more flow. The flows
    ///    that the sweep found to close go to the closer, which works until the next sweep. If last records fill the queue,
    ///    the cycle leaves the sweep out: the sweep would only read the same due flows again. It is made all the same if it
    ///    could close many flows, or if the next regular sweep is due.
    /// 6. The queue: all records of the cycle are put into it at once. The consumer is woken once, after the journal has
    ///    everything that the next process needs.
    /// 7. The request for room. It comes after the queue has the records of this cycle, because it is made only if the queue is
    ///    at least half full.
    fn sweep_cycle(&mut self, now: u64) -> Result<(), Error> {
        self.parts.exporter.read_sections(&self.parts.slots);
        self.finish_closed()?;
        self.parts
            .closer
            .return_free_slots(&mut self.parts.slots, &mut self.parts.exporter);
        self.take_new_flow_hints();
        // Times in the table are the kernel's.
        let kernel_now = self.parts.clock.kernel(now);
        let is_useful = self.is_sweep_useful(now, kernel_now);
        if is_useful {
            self.sweep(kernel_now)?;
        }
        // This is read before `enqueue` wakes the consumer. The consumer may empty the queue at once, and the lack of room
        // would then be invisible: the flows that found no room would wait for the next regular sweep.
        let lacked_room =
            self.parts.exporter.room_in_queue() == 0 || self.parts.closer.has_waiting();
        self.parts.exporter.enqueue();
        if lacked_room {
            self.wait_for_room();
        }
        if is_useful {
            let took = Duration::from_nanos(monotonic().saturating_sub(now));
            self.parts.shared.swept(took);
            // If a sweep of a large table takes long, sweeps run less often, so they take at most a quarter of the time, unless
            // a consumer that takes records asks for more.
            let pause = PERIOD.max(took * 4);
            self.sweeps.swept(took, pause, PERIOD);
            self.sweep_at = now.saturating_add(nanoseconds(pause));
        }
        Ok(())
    }

    /// Returns false if last records have filled the queue and few flows could be closed, unless the next regular sweep is due.
    fn is_sweep_useful(&mut self, now: u64, kernel_now: u64) -> bool {
        let slots = self.parts.slots.slab().len();
        now >= self.sweep_at
            || !self.parts.closer.has_waiting()
            || self
                .parts
                .exporter
                .room(slots, kernel_now)
                .is_worth_a_sweep()
    }

    fn take_new_flow_hints(&mut self) {
        if !self.reconfiguration.options().test_hooks.ignores_hints {
            self.parts.slots.take_new_flow_hints();
        }
    }

    /// Reads every flow that may be due at `now` (the kernel program's monotonic ns).
    fn sweep(&mut self, now: u64) -> Result<(), Error> {
        self.parts.clock.read()?;
        let quiesced = self.parts.interfaces.quiesced();
        let limits = self.reconfiguration.options().timeouts.into();
        let records = RecordContext::new(&mut self.parts.clock, self.parts.interfaces.names());
        if !quiesced.is_empty() || !self.to_close.is_empty() {
            let slots = &mut self.parts.slots;
            self.parts.exporter.enrol_all(slots, &records);
        }
        let mut sweep = Sweep::new(
            &mut self.parts.slots,
            &mut self.parts.exporter,
            &records,
            &limits,
            now,
        );
        let all_closing = sweep.close_flows_of(&quiesced);
        sweep.close_taken_over(&mut self.to_close);
        let Swept {
            batch,
            open,
            resampled,
        } = sweep.run();
        if all_closing {
            self.parts.interfaces.mark_closing(&quiesced);
        }
        if let Some(sampler) = &mut self.parts.sampler {
            let closing = batch.flows.len() as u64;
            let free = self.parts.closer.free_slots();
            sampler.swept(now, self.parts.slots.slab(), open, closing, resampled, free);
        }
        self.parts.closer.close(batch);
        self.parts.shared.counts.open.store(open, Ordering::Relaxed);
        Ok(())
    }

    /// Asks the consumer to wake this thread when it takes records, or continues at once if more than half of the queue is
    /// free.
    fn wait_for_room(&self) {
        if !self.parts.exporter.want_room() {
            self.parts.control.wake();
        }
    }

    /// Makes the last records of flows whose grace period has passed, as far as the queue has room. Unless the source is
    /// pinned, their slots are free then.
    fn finish_closed(&mut self) -> Result<(), Error> {
        while let Some(closed) = self.parts.closer.next() {
            self.after_grace(closed)?;
        }
        self.make_last_records(self.parts.exporter.room_in_queue())
    }

    /// Waits for flows that are being closed, and makes their last records.
    fn finish_all(&mut self) -> Result<(), Error> {
        while let Some(closed) = self.parts.closer.wait() {
            self.after_grace(closed)?;
        }
        self.make_last_records(usize::MAX)
    }

    fn after_grace(&mut self, closed: Closed) -> Result<(), Error> {
        self.parts.clock.read()?;
        let records = RecordContext::new(&mut self.parts.clock, self.parts.interfaces.names());
        let (slots, exporter) = (&mut self.parts.slots, &mut self.parts.exporter);
        let grace = self
            .parts
            .closer
            .after_grace(closed, slots, exporter, &records)?;
        self.parts.shared.waited(grace);
        Ok(())
    }

    fn make_last_records(&mut self, room: usize) -> Result<(), Error> {
        if !self.parts.closer.has_waiting() {
            return Ok(());
        }
        self.parts.clock.read()?;
        let records = RecordContext::new(&mut self.parts.clock, self.parts.interfaces.names());
        let (slots, exporter) = (&mut self.parts.slots, &mut self.parts.exporter);
        let closer = &mut self.parts.closer;
        for index in closer.make_records(room, slots, exporter, &records) {
            self.parts.interfaces.grace_passed(index);
        }
        Ok(())
    }

    /// Ends the capture without a consumer.
    ///
    /// # Errors
    /// The first program that cannot be detached.
    fn abandon(&mut self) -> Result<(), Error> {
        let open_cancelled = self.parts.control.is_open_cancelled();
        match &mut self.parts.instance {
            Some(instance) if open_cancelled => instance.cancel_open(),
            Some(instance) => instance.close(),
            None => {}
        }
        self.detach()
    }

    /// Refuses further requests and detaches all programs, `mermin_drop` included.
    fn detach(&mut self) -> Result<(), Error> {
        self.parts.control.refuse_requests();
        self.parts.drop_link = None;
        self.parts.interfaces.detach_all()
    }

    /// Makes the last records of flows that are being closed, puts all records into the queue, and leaves everything
    /// else to the next process.
    fn leave_to_next(&mut self) -> Result<(), Error> {
        self.finish_all()?;
        self.parts.exporter.enqueue();
        if let Some(instance) = &mut self.parts.instance {
            instance.close();
        }
        Ok(())
    }

    /// Ends every open flow and puts its last record into the queue, as fast as the consumer takes records. The programs
    /// are detached; the report has those that could not be.
    fn drain(&mut self) -> Result<(), Error> {
        self.parts.closer.wait_for_grace()?;
        self.parts.exporter.read_sections(&self.parts.slots);
        self.finish_all()?;
        self.parts.clock.read()?;
        let records = RecordContext::new(&mut self.parts.clock, self.parts.interfaces.names());
        let slots = &mut self.parts.slots;
        self.parts.exporter.enrol_all(slots, &records);
        let mut drain = Drain::default();
        while !self.parts.control.is_abandoned() {
            self.fill_pages()?;
            let (slots, exporter) = (&mut self.parts.slots, &mut self.parts.exporter);
            self.parts.closer.return_free_slots(slots, exporter);
            let records = RecordContext::new(&mut self.parts.clock, self.parts.interfaces.names());
            let drained = drain.step(slots, exporter, &self.parts.closer, &records);
            if drained == Drained::Full {
                self.wait_for_room();
            } else {
                self.parts.shared.counts.open.store(0, Ordering::Relaxed);
            }
            self.parts.exporter.enqueue();
            if drained == Drained::Everything && self.parts.exporter.all_acked() {
                break;
            }
            self.parts.control.wait(PERIOD);
        }
        Ok(())
    }
}
