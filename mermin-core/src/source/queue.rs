//! The bounded queue between the capture thread and the stream.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use super::records::Records;
use crate::{error::Error, flow::Flow};

/// Capacity of the queue in records. The stream may have as many again: records that it took from the queue and has not
/// returned yet.
pub(super) const CAPACITY: usize = 4096;

/// Number of records that a replay fetches at once.
const REFILL: usize = 256;

/// The queue. One thread puts records, one task takes them.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    flows: VecDeque<Flow>,
    /// Records of a replay, which has no thread.
    records: Option<Records>,
    end: Option<End>,
    waker: Option<Waker>,
    /// The capture thread left flows in the table because there was no room.
    wanted: bool,
}

impl State {
    /// Fetches more records of a replay when all earlier ones are taken.
    fn refill(&mut self) {
        if !self.flows.is_empty() {
            return;
        }
        match self.records.as_mut().map(|records| records.take(REFILL)) {
            Some(Some(flows)) => self.flows = flows.into(),
            Some(None) => {
                let end = self.records.take().map_or(Ok(()), Records::end);
                self.end = Some(End::of(end));
            }
            None => {}
        }
    }
}

#[derive(Debug)]
enum End {
    Done,
    Failed(Error),
}

impl End {
    fn of(result: Result<(), Error>) -> Self {
        match result {
            Ok(()) => Self::Done,
            Err(error) => Self::Failed(error),
        }
    }
}

/// Result of taking records from the queue.
#[derive(Debug)]
pub(super) struct Taken {
    /// The capture thread waits for room.
    pub(super) wanted: bool,
}

impl Queue {
    /// Creates the queue of a replay.
    pub(super) fn of(records: Records) -> Self {
        let state = State {
            records: Some(records),
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Ends the queue of a replay, and discards the records that were not fetched yet. Has no effect on the queue of a
    /// capture.
    pub(super) fn cut(&self) {
        let mut state = self.lock();
        if state.records.take().is_some() {
            state.end = Some(End::Done);
        }
    }

    /// A panic in another thread leaves the state valid, because every change is one assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of records that still fit.
    pub(super) fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.lock().flows.len())
    }

    /// Returns the number of waiting records.
    pub(super) fn len(&self) -> usize {
        self.lock().flows.len()
    }

    /// Asks to be woken when the stream takes records. Returns false, without asking, if more than half of the queue is
    /// free already.
    pub(super) fn want_room(&self) -> bool {
        let mut state = self.lock();
        state.wanted = state.flows.len() >= CAPACITY / 2;
        state.wanted
    }

    /// Adds records and leaves `flows` empty.
    pub(super) fn put(&self, flows: &mut VecDeque<Flow>) {
        if flows.is_empty() {
            return;
        }
        let waker = {
            let mut state = self.lock();
            if state.flows.is_empty() {
                std::mem::swap(&mut state.flows, flows);
            } else {
                state.flows.append(flows);
            }
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ends the queue. Only the first call has an effect.
    pub(super) fn end(&self, result: Result<(), Error>) {
        let waker = {
            let mut state = self.lock();
            if state.end.is_none() {
                state.end = Some(End::of(result));
            }
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Returns the error that ended the queue, once.
    pub(super) fn failure(&self) -> Option<Error> {
        match self.lock().end.replace(End::Done) {
            Some(End::Failed(error)) => Some(error),
            Some(End::Done) | None => None,
        }
    }

    /// Moves all records to the end of `into`. If there are none and the queue has ended, returns its error once, and
    /// then `None`.
    pub(super) fn take(
        &self,
        context: &Context<'_>,
        into: &mut VecDeque<Flow>,
    ) -> Poll<Option<Result<Taken, Error>>> {
        let mut state = self.lock();
        state.refill();
        if !state.flows.is_empty() {
            if into.is_empty() {
                std::mem::swap(&mut state.flows, into);
            } else {
                into.append(&mut state.flows);
            }
            let wanted = std::mem::take(&mut state.wanted);
            return Poll::Ready(Some(Ok(Taken { wanted })));
        }
        if let Some(end) = state.end.take() {
            state.end = Some(End::Done);
            Poll::Ready(match end {
                End::Done => None,
                End::Failed(error) => Some(Err(error)),
            })
        } else {
            wake_later(state, context);
            Poll::Pending
        }
    }

    /// Returns true if no further records will come. Otherwise the task is woken when that changes.
    pub(super) fn poll_ended(&self, context: &Context<'_>) -> bool {
        let mut state = self.lock();
        state.refill();
        let ended = state.end.is_some();
        if !ended {
            wake_later(state, context);
        }
        ended
    }
}

/// Wakes the task with the next records, or the end.
fn wake_later(mut state: MutexGuard<'_, State>, context: &Context<'_>) {
    let own = context.waker();
    let known = |waker: &Waker| waker.will_wake(own);
    if !state.waker.as_ref().is_some_and(known) {
        let former = state.waker.replace(own.clone());
        // Dropping a waker may run any code, so the lock must be released first.
        drop(state);
        drop(former);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    use std::task::Wake;

    use super::*;
    use crate::{error::ErrorKind, flow::example::plain};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn flows(count: usize) -> VecDeque<Flow> {
        (0..count).map(|_| plain()).collect()
    }

    #[test]
    fn queue_yields_flows_before_the_end_and_the_error_once() {
        let queue = Queue::default();
        let context = Context::from_waker(Waker::noop());
        queue.put(&mut flows(3));
        queue.put(&mut flows(2));
        queue.end(Err(Error::new(ErrorKind::System, "cannot go on")));
        queue.end(Ok(()));
        let mut taken = VecDeque::new();
        assert!(matches!(
            queue.take(&context, &mut taken),
            Poll::Ready(Some(Ok(_)))
        ));
        assert_eq!(taken.len(), 5);
        taken.clear();
        assert!(matches!(
            queue.take(&context, &mut taken),
            Poll::Ready(Some(Err(_)))
        ));
        assert!(matches!(
            queue.take(&context, &mut taken),
            Poll::Ready(None)
        ));
        assert!(matches!(
            queue.take(&context, &mut taken),
            Poll::Ready(None)
        ));
    }

    #[test]
    fn flows_and_end_wake_waiters() {
        let queue = Queue::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let context = Context::from_waker(&waker);
        let mut taken = VecDeque::new();
        assert!(queue.take(&context, &mut taken).is_pending());
        queue.put(&mut flows(1));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(queue.take(&context, &mut taken).is_ready());
        taken.clear();
        assert!(queue.take(&context, &mut taken).is_pending());
        queue.end(Ok(()));
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn emptying_a_full_queue_reports_the_waiting_producer() {
        let queue = Queue::default();
        let context = Context::from_waker(Waker::noop());
        queue.put(&mut flows(CAPACITY));
        assert_eq!(queue.room(), 0);
        assert!(queue.want_room());
        let mut taken = VecDeque::new();
        let Poll::Ready(Some(Ok(first))) = queue.take(&context, &mut taken) else {
            panic!("flows are there");
        };
        assert!(first.wanted);
        assert_eq!(queue.room(), CAPACITY);
        assert!(!queue.want_room());
    }
}
