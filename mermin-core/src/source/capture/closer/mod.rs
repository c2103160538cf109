//! The closer: deletes keys of ended flows from the index, waits until no program run counts into them, reads their
//! final counters, and returns their slots to the kernel program.

mod thread;

use std::{io, sync::Arc, time::Duration};

use self::thread::GraceThread;
use super::{
    exporter::{Exporter, record::RecordContext},
    slots::SlotTable,
};
use crate::{
    bpf::{free::FreeSlots, grace::Grace, index::Index, pin::supply::RemainingSlots, slab::Slab},
    error::{Error, ErrorKind},
    flow::EndReason,
    source::control::Control,
};

/// Free slots returned to the kernel program in one round.
const RETURNED_AT_ONCE: u32 = 8192;

/// A flow that ends: its slot and the reason.
pub(super) type Ending = (u32, EndReason);

/// Flows that are being closed.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) flows: Vec<Ending>,
    /// Interfaces that wait for the same grace period.
    pub(super) detached: Vec<u32>,
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
    /// Free slots that an earlier process did not put on the stack.
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
            remaining: RemainingSlots::default(),
        })
    }

    /// Returns the number of flows that were handed over and are not closed.
    pub(super) fn in_flight(&self) -> usize {
        self.thread.in_flight()
    }

    /// Returns the number of slots that the kernel program can take.
    pub(super) fn free_slots(&self) -> u32 {
        self.free.stack_height() + self.slab.len() - self.slab.touched()
    }

    /// Hands a batch to the thread.
    pub(super) fn close(&mut self, batch: Batch) {
        self.thread.close(batch);
    }

    /// Returns the next closed batch, if there is one.
    pub(super) fn next(&mut self) -> Option<Closed> {
        self.thread.next()
    }

    /// Waits for the next closed batch; `None` if none is being closed.
    pub(super) fn wait(&mut self) -> Option<Closed> {
        self.thread.wait()
    }

    /// Makes the last records of a batch's flows and returns their slots to the kernel program. Returns the
    /// interfaces that waited for the same grace period, and its duration.
    pub(super) fn final_read(
        &mut self,
        closed: Closed,
        slots: &mut SlotTable,
        exporter: &mut Exporter,
        records: &RecordContext<'_>,
    ) -> Result<(Vec<u32>, Duration), Error> {
        closed.result.map_err(no_grace)?;
        for (slot, reason) in closed.batch.flows {
            let suppressed = exporter.is_suppressed(slots, records, slot);
            exporter.keep_promise(suppressed);
            if exporter.end(slots, records, slot, reason) {
                self.give_back(slot);
            }
        }
        Ok((closed.batch.detached, closed.grace))
    }

    /// Empties and returns the slots of flows whose last records were acknowledged, those that CPUs took and did not use,
    /// and some of those that were not on the stack.
    pub(super) fn reap_acked_slots(&mut self, slots: &mut SlotTable, exporter: &mut Exporter) {
        while let Some(slot) = exporter.empty_acked(slots) {
            self.give_back(slot);
        }
        self.free.give_spares_back();
        self.remaining.give_back(&mut self.free, RETURNED_AT_ONCE);
    }

    /// Removes flows from the index at once. A program run may still count into them.
    pub(super) fn delete(&self, flows: &[Ending]) {
        thread::delete(&self.slab, &self.index, flows);
    }

    /// Removes the flow in a slot from the index, if the index leads to it.
    pub(super) fn remove(&self, slot: u32) {
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

    /// Returns an empty slot to the kernel program.
    pub(super) fn give_back(&mut self, slot: u32) {
        self.free.give_back(slot);
    }

    /// Starts to return the free slots that are not on the stack, some in each round.
    pub(super) fn take_remaining(&mut self, remaining: RemainingSlots) {
        self.remaining = remaining;
    }
}

fn no_grace(error: io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot wait for a grace period").with_source(error)
}
