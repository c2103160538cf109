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
    bpf::{grace::Grace, index::Index, pin::supply::RemainingSlots, slab::Slab},
    error::{Error, ErrorKind},
    flow::EndReason,
    source::control::Control,
};

/// Free slots returned to the kernel program in one round: about 3 ms.
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
            grace,
            thread,
            remaining: RemainingSlots::default(),
        })
    }

    /// Returns the number of flows that were handed over and are not closed.
    pub(super) fn in_flight(&self) -> usize {
        self.thread.in_flight()
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
        &self,
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
                self.give_back(slot)?;
            }
        }
        Ok((closed.batch.detached, closed.grace))
    }

    /// Empties and returns the slots of flows whose last records were acknowledged, and some of the slots that were
    /// not on the stack.
    pub(super) fn reap_acked_slots(
        &mut self,
        slots: &mut SlotTable,
        exporter: &mut Exporter,
    ) -> Result<(), Error> {
        while let Some(slot) = exporter.empty_acked(slots) {
            self.give_back(slot)?;
        }
        let returned = self.remaining.give_back(&self.index, RETURNED_AT_ONCE);
        returned.map_err(not_back)
    }

    /// Removes flows from the index at once. A program run may still count into them.
    pub(super) fn delete(&self, flows: &[Ending]) {
        thread::delete(&self.slab, &self.index, flows);
    }

    /// Removes the flow in a slot from the index, if the index leads to it.
    pub(super) fn remove(&self, slot: u32) {
        self.index.remove(&self.slab, slot);
    }

    /// As [`Index::defects`].
    #[cfg(feature = "__lab")]
    pub(super) fn index_defects(&self) -> Vec<String> {
        self.index.defects(&self.slab, 0)
    }

    /// Waits until every program run that began before has ended.
    pub(super) fn wait_for_grace(&self) -> Result<(), Error> {
        self.grace.wait().map_err(no_grace)
    }

    /// Returns an empty slot to the kernel program.
    pub(super) fn give_back(&self, slot: u32) -> Result<(), Error> {
        self.index.give_back(slot).map_err(not_back)
    }

    /// Starts to return the free slots that are in no stack, some in each round.
    pub(super) fn take_remaining(&mut self, remaining: RemainingSlots) {
        self.remaining = remaining;
    }
}

fn no_grace(error: io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot wait for a grace period").with_source(error)
}

fn not_back(error: io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot give a slot back").with_source(error)
}
