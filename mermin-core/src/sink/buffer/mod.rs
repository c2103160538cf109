//! A bounded buffer before a sink.
//!
//! A call of `export`, `idle` or `close` also polls the worker behind the buffer. So the buffer needs no thread and no runtime of its
//! own.

mod overflow;

use std::{
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Instant,
};

pub use self::overflow::Overflow;
use self::overflow::Waiting;
use super::{
    Batching, BoxError, DropReason, FlowSink, Meter, Refusal, Repeat, Sleep, ThreadTimer, Timer,
    meter::Queue,
};
use crate::flow::Flow;

/// Puts a buffer of this many records before a sink. `export` returns when the records are in the buffer, and the
/// [meter](FlowSink::meter) counts their outcomes. An error of the sink drops the batch under [`DropReason::Refused`]
/// or [`DropReason::GaveUp`], and the next batch is exported. With [`retry`](super::retry) inside and no time limit
/// ([`Backoff::elapsed`](super::Backoff::elapsed)), an outage fills the buffer, and no record is dropped for the outage
/// before the buffer is full.
///
/// `Ok` means that each record is in memory or was dropped by the policy. A killed process loses the records in the
/// buffer, also those of a pinned source. Without a buffer, records of a pinned source wait in the flow table, and none
/// is lost.
///
/// ```
/// use mermin_core::sink::{Backoff, Batching, FlowSink, Overflow, buffered, from_fn, retry};
///
/// # async fn send(_: usize) -> Result<(), std::io::Error> { Ok(()) }
/// let sink = from_fn(|flows| send(flows.len()));
/// let sink = buffered(retry(sink, Backoff::default()), 65_536, Overflow::DropOldest)
///     .batch(Batching::default().records(1_000));
/// let meter = sink.meter(); // to read from another thread
/// # let _ = meter.map(|meter| meter.stats());
/// ```
pub fn buffered<S: FlowSink + 'static>(
    sink: S,
    capacity: usize,
    overflow: Overflow,
) -> Buffered<S> {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            waiting: Waiting::new(capacity),
            closing: false,
            wanted: 0,
            waker: None,
        }),
    });
    let meter = Meter::around(sink.meter(), Some(Arc::clone(&shared) as _));
    Buffered {
        worker: Worker::New(sink),
        shared,
        meter,
        overflow,
        batching: Batching::default(),
        timer: Arc::new(ThreadTimer::default()),
    }
}

/// See [`buffered`].
pub struct Buffered<S> {
    worker: Worker<S>,
    shared: Arc<Shared>,
    meter: Meter,
    overflow: Overflow,
    batching: Batching,
    timer: Arc<dyn Timer>,
}

/// A sink, and the result of its `close`.
type Closed<S> = (S, Result<(), BoxError>);

/// The worker that empties the buffer.
enum Worker<S> {
    /// The worker has not begun.
    New(S),
    Working(Pin<Box<dyn Future<Output = Closed<S>> + Send>>),
    /// The worker has called the sink's `close`, which failed. The next call of `close` starts the worker again.
    NotClosed(S),
    /// The sink is closed, or the buffer is being dropped.
    Done,
}

struct Shared {
    state: Mutex<State>,
}

struct State {
    waiting: Waiting,
    closing: bool,
    /// Number of records for which a call of `export` has no room.
    wanted: usize,
    /// The waker of the worker, while it waits for records.
    waker: Option<Waker>,
}

impl Shared {
    /// Each change is complete before anything can panic, so a poisoned lock protects valid data.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_to_close(&self) {
        let mut state = self.lock();
        state.closing = true;
        wake(state);
    }
}

/// Wakes the task that last polled the worker. A program may have moved the sink to another task since.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// A call of `export`. When it is dropped, it wants no room any more.
struct Wanting(Arc<Shared>);

impl Drop for Wanting {
    fn drop(&mut self) {
        self.0.lock().wanted = 0;
    }
}

impl Queue for Shared {
    fn waiting(&self) -> (u64, Option<Instant>) {
        let state = self.lock();
        (state.waiting.len() as u64, state.waiting.oldest())
    }
}

impl<S: FlowSink + 'static> Buffered<S> {
    /// Limits of the batches that the sink gets from the buffer. Default: all records that wait, at most 4,096.
    #[must_use]
    pub fn batch(mut self, batching: Batching) -> Self {
        self.batching = batching;
        self
    }

    /// The timer. Default: [`ThreadTimer`].
    #[must_use]
    pub fn timer(mut self, timer: impl Timer + 'static) -> Self {
        self.timer = Arc::new(timer);
        self.meter.follow(&self.timer);
        self
    }

    /// Polls the worker. Ready when the worker has called the sink's `close`.
    fn poll_worker(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if let Worker::New(_) = self.worker
            && let Worker::New(sink) = std::mem::replace(&mut self.worker, Worker::Done)
        {
            let work = WorkerLoop {
                shared: Arc::clone(&self.shared),
                meter: self.meter.clone(),
                batching: self.batching,
                timer: Arc::clone(&self.timer),
                waited: None,
            };
            self.worker = Worker::Working(Box::pin(work.run(sink)));
        }
        let Worker::Working(work) = &mut self.worker else {
            return Poll::Ready(Ok(()));
        };
        let (sink, result) = ready!(work.as_mut().poll(context));
        self.worker = match &result {
            Ok(()) => Worker::Done,
            Err(_) => Worker::NotClosed(sink),
        };
        Poll::Ready(result)
    }

    /// Lets the worker take what waits, before records are dropped for lack of room.
    fn make_way(&mut self, records: usize, context: &mut Context<'_>) {
        if self.overflow == Overflow::Block {
            return;
        }
        let mut state = self.shared.lock();
        if !state.waiting.has_room_for(records) {
            state.wanted = records;
            wake(state);
            // A sink that is closed takes nothing.
            let _ = self.poll_worker(context);
        }
    }

    /// Puts records into the buffer by the policy. Returns the number of records that were stored or dropped.
    fn push(&self, flows: &[Flow]) -> usize {
        // The time is read outside the lock, because the timer may be code of the embedding program.
        let now = self.timer.now();
        let mut state = self.shared.lock();
        let handled = match self.overflow {
            Overflow::Block => {
                let fits = state.waiting.has_room_for(flows.len());
                // A batch waits until it fits as a whole. A dropped call must not leave half of it here, because the
                // whole batch is exported again. Only a batch larger than the buffer is stored in pieces.
                if fits {
                    state.waiting.push(flows, now)
                } else {
                    0
                }
            }
            Overflow::DropNewest => {
                let stored = state.waiting.push(flows, now);
                let dropped = flows.len() - stored;
                self.meter.dropped(DropReason::Newest, dropped);
                flows.len()
            }
            Overflow::DropOldest => {
                let dropped = state.waiting.make_room(flows.len());
                let kept = state.waiting.room().min(flows.len());
                let too_many = flows.len() - kept;
                state
                    .waiting
                    .push(flows.get(too_many..).unwrap_or_default(), now);
                self.meter.dropped(DropReason::Oldest, dropped + too_many);
                flows.len()
            }
        };
        state.wanted = flows.len() - handled;
        self.meter.accepted(handled);
        wake(state);
        handled
    }
}

impl<S: FlowSink + 'static> FlowSink for Buffered<S> {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        let mut rest = flows;
        let in_progress = self.meter.begins(0, self.timer.now());
        let _wanting = Wanting(Arc::clone(&self.shared));
        poll_fn(|context| {
            self.make_way(rest.len(), context);
            loop {
                let handled = self.push(rest);
                rest = rest.get(handled..).unwrap_or_default();
                in_progress.left(rest.len());
                // The worker takes stored records, and may so make room for the rest.
                let before = self.shared.lock().waiting.room();
                let closed = self.poll_worker(context).is_ready();
                if rest.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                if closed {
                    return Poll::Ready(Err("the sink is closed".into()));
                }
                if self.shared.lock().waiting.room() <= before {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    async fn idle(&mut self) {
        poll_fn(|context| self.poll_worker(context).map(|_| ())).await;
    }

    async fn close(&mut self) -> Result<(), BoxError> {
        self.shared.begin_to_close();
        self.worker = match std::mem::replace(&mut self.worker, Worker::Done) {
            Worker::NotClosed(sink) => Worker::New(sink),
            worker => worker,
        };
        poll_fn(|context| self.poll_worker(context)).await
    }

    fn meter(&self) -> Option<Meter> {
        Some(self.meter.clone())
    }
}

impl<S> Drop for Buffered<S> {
    fn drop(&mut self) {
        // Afterwards the sink counts nothing more. It may have counted records of the batch being sent.
        self.worker = Worker::Done;
        let inside = self.meter.inside();
        let dropped = self.shared.lock().waiting.clear(inside);
        self.meter.dropped(DropReason::Closed, dropped);
    }
}

impl<S> fmt::Debug for Buffered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffered")
            .field("overflow", &self.overflow)
            .field("meter", &self.meter)
            .finish_non_exhaustive()
    }
}

/// The worker: takes batches from the buffer and exports them to the sink.
struct WorkerLoop {
    shared: Arc<Shared>,
    meter: Meter,
    batching: Batching,
    timer: Arc<dyn Timer>,
    /// The wait of an incomplete batch for further records, once it has begun.
    waited: Option<Sleep>,
}

impl WorkerLoop {
    /// Runs until the buffer is closed and empty, then closes the sink.
    async fn run<S: FlowSink>(mut self, mut sink: S) -> Closed<S> {
        let mut batch = Vec::new();
        while self.next(&mut sink, &mut batch).await {
            self.waited = None;
            let inside = self.meter.inside();
            self.shared.lock().waiting.note_inside(inside);
            let outcome = sink.export(&batch).await;
            match outcome {
                Ok(()) => self.meter.delivered(batch.len()),
                Err(error) => {
                    self.meter.failed(&error);
                    let reason = match Refusal::of(&*error) {
                        Some(Repeat::Never) => DropReason::Refused,
                        _ => DropReason::GaveUp,
                    };
                    self.meter.dropped(reason, batch.len());
                }
            }
            self.shared.lock().waiting.finish_sending();
        }
        let closed = sink.close().await;
        (sink, closed)
    }

    /// Takes the next batch, and runs the sink's `idle` until there is one. False if no further batch will come.
    async fn next(&mut self, sink: &mut impl FlowSink, batch: &mut Vec<Flow>) -> bool {
        let mut idle = pin!(sink.idle());
        let mut idles = true;
        poll_fn(|context| {
            let taken = self.poll(context, batch);
            if taken.is_pending() && idles {
                idles = idle.as_mut().poll(context).is_pending();
            }
            taken
        })
        .await
    }

    fn poll(&mut self, context: &mut Context<'_>, batch: &mut Vec<Flow>) -> Poll<bool> {
        let shared = Arc::clone(&self.shared);
        let waker = context.waker().clone();
        let mut state = shared.lock();
        let cut = self.batching.cut(state.waiting.flows().iter());
        if cut.records == 0 && state.closing {
            return Poll::Ready(false);
        }
        // In a full buffer, a batch cannot wait for further records: none come before there is room.
        let full = state.waiting.room() == 0 || !state.waiting.has_room_for(state.wanted);
        let complete = cut.complete || state.closing || full;
        if cut.records != 0 && complete {
            state.waiting.take(cut.records, batch);
            return Poll::Ready(true);
        }
        let former = state.waker.replace(waker);
        drop(state);
        drop(former);
        if cut.records != 0 && self.is_old(context) {
            shared.lock().waiting.take(cut.records, batch);
            return Poll::Ready(true);
        }
        Poll::Pending
    }

    fn is_old(&mut self, context: &mut Context<'_>) -> bool {
        let patience = self.batching.greatest_age();
        if patience.is_zero() {
            return true;
        }
        let timer = &self.timer;
        let waited = self.waited.get_or_insert_with(|| timer.sleep(patience));
        waited.as_mut().poll(context).is_ready()
    }
}

#[cfg(test)]
mod tests;
