//! The closer: deletes keys of ended flows from the index, waits until no program run counts into them, reads their
//! final counters, and returns their slots to the kernel program.

mod thread;

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use self::thread::GraceThread;
use super::{
    exporter::{Exporter, record::RecordContext},
    slots::SlotTable,
};
use crate::{
    bpf::{
        free::FreeSlots, grace::Grace, index::Index, pin::free_stack::RemainingSlots, slab::Slab,
    },
    error::{Error, ErrorKind},
    flow::EndReason,
    source::control::Control,
};

/// Largest number of an earlier process's free slots that one cycle returns to the kernel program.
const RETURNED_AT_ONCE: u32 = 8192;

/// A flow that ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) slot: u32,
    pub(super) reason: EndReason,
    /// The filter rejects the flow, so its end needs no room in the queue.
    pub(super) rejected: bool,
}

/// Flows that are being closed.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) flows: Vec<Ending>,
    /// Interfaces that wait for the same grace period.
    pub(super) detached: Vec<u32>,
}

/// Flows of a batch after its grace period, whose last records wait for room in the queue.
#[derive(Debug)]
struct Waiting {
    flows: VecDeque<Ending>,
    /// Interfaces that waited for this batch's grace period.
    detached: Vec<u32>,
}

/// A batch after its grace period: no program run counts into its flows any more.
#[derive(Debug)]
pub(super) struct Closed {
    batch: Batch,
    result: io::Result<()>,
    /// Length of the grace period.
    grace: Duration,
}

/// Ends flows.
#[derive(Debug)]
pub(super) struct Closer {
    slab: Arc<Slab>,
    index: Arc<Index>,
    free: FreeSlots,
    /// For this thread. The closer's thread has its own.
    grace: Grace,
    thread: GraceThread,
    waiting: VecDeque<Waiting>,
    /// Free slots of an earlier process that are not on this process's stack yet.
    remaining: RemainingSlots,
}

impl Closer {
    /// Starts the thread that waits for grace periods. Dropping this value waits for the thread.
    pub(super) fn start(
        slab: Arc<Slab>,
        index: Index,
        free: FreeSlots,
        grace: Grace,
        control: Arc<Control>,
    ) -> Result<Self, Error> {
        let index = Arc::new(index);
        let other = Grace::like(&grace).map_err(|error| {
            Error::new(ErrorKind::System, "cannot wait for grace periods").with_source(error)
        })?;
        let thread = GraceThread::start(Arc::clone(&slab), Arc::clone(&index), other, control)?;
        Ok(Self {
            slab,
            index,
            free,
            grace,
            thread,
            waiting: VecDeque::new(),
            remaining: RemainingSlots::default(),
        })
    }

    /// Returns the number of flows that were handed over and have no last record yet.
    #[cfg(feature = "__lab")]
    pub(super) fn in_flight(&self) -> usize {
        let waiting: usize = self.waiting.iter().map(|batch| batch.flows.len()).sum();
        self.thread.in_flight() + waiting
    }

    /// Returns the number of slots that the kernel program can take.
    pub(super) fn free_slots(&self) -> u32 {
        self.free.stack_height() + self.slab.len() - self.slab.touched()
    }

    /// Returns true if last records wait for room in the queue.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Hands a batch to the thread.
    pub(super) fn close(&mut self, batch: Batch) {
        self.thread.close(batch);
    }

    /// Returns the next closed batch, if there is one.
    pub(super) fn next(&mut self) -> Option<Closed> {
        self.thread.next()
    }

    /// Waits for the next closed batch; `None` if no flow is being closed.
    pub(super) fn wait(&mut self) -> Option<Closed> {
        self.thread.wait()
    }

    /// Ends the flows of a batch that the filter rejects. The other flows of the batch wait for
    /// [`make_records`](Self::make_records). Returns the duration of the grace period.
    pub(super) fn after_grace(
        &mut self,
        closed: Closed,
        slots: &mut SlotTable,
        exporter: &mut Exporter,
        records: &RecordContext<'_>,
    ) -> Result<Duration, Error> {
        closed.result.map_err(no_grace)?;
        let Batch { flows, detached } = closed.batch;
        let mut waiting = VecDeque::with_capacity(flows.len());
        for ending in flows {
            if ending.rejected {
                self.end(ending, slots, exporter, records);
            } else {
                waiting.push_back(ending);
            }
        }
        self.waiting.push_back(Waiting {
            flows: waiting,
            detached,
        });
        Ok(closed.grace)
    }

    /// Makes at most `room` last records, the oldest first. Unless the source is pinned, this gives the flows' slots back to
    /// the kernel program. Returns the interfaces of the batches whose last records are all made.
    pub(super) fn make_records(
        &mut self,
        mut room: usize,
        slots: &mut SlotTable,
        exporter: &mut Exporter,
        records: &RecordContext<'_>,
    ) -> Vec<u32> {
        let mut detached = Vec::new();
        while let Some(mut batch) = self.waiting.pop_front() {
            while room != 0
                && let Some(ending) = batch.flows.pop_front()
            {
                room -= 1;
                self.end(ending, slots, exporter, records);
            }
            if !batch.flows.is_empty() {
                self.waiting.push_front(batch);
                break;
            }
            detached.append(&mut batch.detached);
        }
        detached
    }

    fn end(
        &mut self,
        ending: Ending,
        slots: &mut SlotTable,
        exporter: &mut Exporter,
        records: &RecordContext<'_>,
    ) {
        exporter.fulfil_promise(ending.rejected);
        if exporter.end(slots, records, ending.slot, ending.reason) {
            self.give_back(ending.slot);
        }
    }

    /// Returns free slots to the kernel program: those of flows whose last records were acknowledged, which are emptied
    /// first; those that CPUs took and did not use; and some of an earlier process.
    pub(super) fn return_free_slots(&mut self, slots: &mut SlotTable, exporter: &mut Exporter) {
        while let Some(slot) = exporter.clear_acked(slots) {
            self.give_back(slot);
        }
        self.free.give_spares_back();
        self.remaining.give_back(&mut self.free, RETURNED_AT_ONCE);
    }

    /// Marks flows as closing and removes them from the index, at once. A program run may still count into them.
    pub(super) fn unlist(&self, flows: &[Ending]) {
        thread::unlist(&self.slab, &self.index, flows);
    }

    /// Removes a key from the index, if it leads to this slot. Does not mark the slot.
    pub(super) fn remove_key(&self, slot: u32) {
        self.index.remove(&self.slab, slot);
    }

    /// As [`Index::defects`] and [`FreeSlots::defects`].
    #[cfg(feature = "__lab")]
    pub(super) fn index_defects(&self) -> Vec<String> {
        let mut defects = self.index.defects(&self.slab, 0);
        defects.extend(self.free.defects(&self.slab));
        defects
    }

    /// Waits until every program run that began before has ended.
    pub(super) fn wait_for_grace(&self) -> Result<(), Error> {
        self.grace.wait().map_err(no_grace)
    }

    /// Gives an empty slot back to the kernel program.
    pub(super) fn give_back(&mut self, slot: u32) {
        self.free.give_back(slot);
    }

    /// Notes free slots of an earlier process. Each cycle returns some of them.
    pub(super) fn take_remaining(&mut self, remaining: RemainingSlots) {
        self.remaining = remaining;
    }
}

fn no_grace(error: io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot wait for a grace period").with_source(error)
}
