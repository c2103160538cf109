//! The thread that removes flows from the index and waits for grace periods, in parallel with the sweep.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use rustix::thread::CapabilitySet;

use super::{Batch, Closed, Ending};
use crate::{
    bpf::{grace::Grace, index::Index, slab::Slab},
    error::{Error, ErrorKind},
    failpoint::{FailPoint, fail_point},
    probe::privilege,
    source::control::Control,
    sys::capabilities::keep_only,
};

/// The thread that deletes keys and waits for grace periods.
#[derive(Debug)]
pub(super) struct GraceThread {
    /// `None` when the thread must end.
    batches: Option<Sender<Batch>>,
    closed: Receiver<Closed>,
    in_flight: usize,
    thread: Option<JoinHandle<()>>,
}

impl GraceThread {
    pub(super) fn start(
        slab: Arc<Slab>,
        index: Arc<Index>,
        grace: Grace,
        control: Arc<Control>,
    ) -> Result<Self, Error> {
        let (batches, received) = channel();
        let (done, closed) = channel();
        let thread = thread::Builder::new()
            .name("mermin-grace".to_owned())
            .spawn(move || {
                // If the kernel refuses, the thread keeps the capabilities of the thread that started it.
                let _ = keep_only(needed(&grace));
                work(&slab, &index, &grace, &control, &received, &done);
            })
            .map_err(|error| {
                Error::new(ErrorKind::Exhausted, "cannot start the grace thread").with_source(error)
            })?;
        Ok(Self {
            batches: Some(batches),
            closed,
            in_flight: 0,
            thread: Some(thread),
        })
    }

    #[cfg(feature = "__lab")]
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn close(&mut self, batch: Batch) {
        let flows = batch.flows.len();
        let is_empty = flows == 0 && batch.detached.is_empty();
        let batches = self.batches.as_ref().filter(|_| !is_empty);
        if batches.is_some_and(|batches| batches.send(batch).is_ok()) {
            self.in_flight += flows;
        }
    }

    pub(super) fn next(&mut self) -> Option<Closed> {
        let closed = self.closed.try_recv().ok()?;
        self.in_flight -= closed.batch.flows.len();
        Some(closed)
    }

    pub(super) fn wait(&mut self) -> Option<Closed> {
        if self.in_flight == 0 {
            return None;
        }
        let closed = self.closed.recv().ok()?;
        self.in_flight -= closed.batch.flows.len();
        Some(closed)
    }
}

impl Drop for GraceThread {
    /// Waits for the thread. While it runs, no other process may own the flows: the caller still holds the instance's
    /// lock.
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has already been printed.
            let _ = thread.join();
        }
    }
}

/// Returns the capabilities that waiting takes. membarrier(2) takes none. A map takes those that the kernel asks for at every use of bpf(2).
fn needed(grace: &Grace) -> CapabilitySet {
    if matches!(grace, Grace::MapInMap { .. }) {
        privilege::for_bpf()
    } else {
        CapabilitySet::empty()
    }
}

fn work(
    slab: &Slab,
    index: &Index,
    grace: &Grace,
    control: &Control,
    batches: &Receiver<Batch>,
    done: &Sender<Closed>,
) {
    while let Ok(mut batch) = batches.recv() {
        // Batches that arrived in the meantime share the grace period.
        for more in batches.try_iter() {
            batch.flows.extend(more.flows);
            batch.detached.extend(more.detached);
        }
        unlist(slab, index, &batch.flows);
        let began = Instant::now();
        let result = grace.wait();
        fail_point(FailPoint::Quiet);
        let closed = Closed {
            batch,
            result,
            grace: began.elapsed(),
        };
        if done.send(closed).is_err() {
            return;
        }
        control.wake();
    }
}

/// Marks flows as closing and removes them from the index. A flow that the kernel program replaced stays without the mark,
/// and the index does not lead to it any more.
pub(super) fn unlist(slab: &Slab, index: &Index, flows: &[Ending]) {
    for &Ending { slot, .. } in flows {
        slab.begin_close(slot);
        fail_point(FailPoint::Marked);
        index.remove(slab, slot);
        fail_point(FailPoint::Unlisted);
    }
}
