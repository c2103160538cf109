//! Taking flows out of the index and waiting for the grace period, beside the sweep: neither waits for the other.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use super::{Control, shared::Shared};
use crate::{
    bpf::{
        grace::Grace,
        index::{Index, Keys},
        pin::lock::Lock,
        slab::Slab,
    },
    error::{Error, ErrorKind},
    flow::EndReason,
    points::{Point, pass},
};

/// What is on its way out.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Flows: their slots, and why each ends.
    pub(super) flows: Vec<(u32, EndReason)>,
    /// Interfaces that wait for the same grace period.
    pub(super) left: Vec<u32>,
}

/// Flows that are marked before their keys are deleted. While a flow is marked and has its key, a SYN that should begin
/// another is counted into it; the fewer at once, the shorter that time.
const MARKED_AT_ONCE: usize = 128;

/// A batch that no program run counts into any more.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) batch: Batch,
    pub(super) result: io::Result<()>,
    /// How long the grace period took.
    pub(super) grace: Duration,
}

/// The thread that deletes and waits.
#[derive(Debug)]
pub(super) struct Closer {
    batches: Sender<Batch>,
    closed: Receiver<Closed>,
    in_flight: usize,
}

impl Closer {
    /// Starts the thread. It ends when this value is dropped and its last wait is over.
    pub(super) fn start(
        shared: Arc<Shared>,
        index: Arc<Index>,
        grace: Grace,
        control: Arc<Control>,
        owner: Option<Arc<Lock>>,
    ) -> Result<Self, Error> {
        let (batches, received) = channel();
        let (done, closed) = channel();
        thread::Builder::new()
            .name("mermin-grace".to_owned())
            .spawn(move || {
                work(&shared.slab, &index, &grace, &control, &received, &done);
                // Nobody else may own these flows while this thread closes some.
                drop(owner);
            })
            .map_err(|error| {
                Error::new(ErrorKind::Exhausted, "cannot start the grace thread").with_source(error)
            })?;
        Ok(Self {
            batches,
            closed,
            in_flight: 0,
        })
    }

    /// Flows that were handed over and are not closed yet.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Hands a batch over.
    pub(super) fn close(&mut self, batch: Batch) {
        let flows = batch.flows.len();
        let is_empty = flows == 0 && batch.left.is_empty();
        if !is_empty && self.batches.send(batch).is_ok() {
            self.in_flight += flows;
        }
    }

    /// The next batch that is closed, if one is.
    pub(super) fn next(&mut self) -> Option<Closed> {
        let closed = self.closed.try_recv().ok()?;
        self.in_flight -= closed.batch.flows.len();
        Some(closed)
    }

    /// The next batch that is closed, waited for; `None` when none is on its way.
    pub(super) fn wait(&mut self) -> Option<Closed> {
        if self.in_flight == 0 {
            return None;
        }
        let closed = self.closed.recv().ok()?;
        self.in_flight -= closed.batch.flows.len();
        Some(closed)
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
        // What has gathered meanwhile shares the grace period.
        for more in batches.try_iter() {
            batch.flows.extend(more.flows);
            batch.left.extend(more.left);
        }
        let result = delete(slab, index, &batch.flows);
        let began = Instant::now();
        let result = result.and_then(|()| grace.wait());
        pass(Point::Quiet);
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

/// Marks flows as closing and takes them out of the index. One that the kernel program has replaced is out already, and its
/// key leads to another.
pub(super) fn delete(slab: &Slab, index: &Index, slots: &[(u32, EndReason)]) -> io::Result<()> {
    let mut keys = Keys::default();
    for marked in slots.chunks(MARKED_AT_ONCE) {
        keys.clear();
        for &(slot, _) in marked {
            if slab.begin_close(slot) {
                slab.give_key(slot, &mut keys);
                pass(Point::Marked);
            }
        }
        index.delete(&keys)?;
        pass(Point::Unlisted);
    }
    Ok(())
}
