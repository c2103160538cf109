//! Changes of a source's report, and the tasks that wait for one.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// Counts changes, and wakes the tasks that wait for the next. The lock is held only for a few assignments, because
/// waking or dropping a waker runs foreign code.
#[derive(Debug, Default)]
pub(super) struct Changes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Number of changes so far.
    version: u64,
    ended: bool,
    waiting: HashMap<u64, Waker>,
    /// Id of the next waiting task.
    next: u64,
}

/// A waiting task, and the change that it has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    number: u64,
    /// `None` before the first poll.
    version: Option<u64>,
}

impl Changes {
    /// A panic in another thread leaves the state valid, because every change is one assignment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces a change of the report. Do not hold a lock that the report takes: waking a task runs foreign code.
    pub(super) fn changed(&self) {
        self.wake(|state| state.version += 1);
    }

    /// Announces that the report will not change any more.
    pub(super) fn end(&self) {
        self.wake(|state| state.ended = true);
    }

    fn wake(&self, change: impl FnOnce(&mut State)) {
        let waiting = {
            let mut state = self.lock();
            change(&mut state);
            std::mem::take(&mut state.waiting)
        };
        waiting.into_values().for_each(Waker::wake);
    }

    /// Begins to wait. The first poll finds a change.
    pub(super) fn begin(&self) -> Seen {
        let mut state = self.lock();
        state.next += 1;
        Seen {
            number: state.next,
            version: None,
        }
    }

    /// Polls for a change: ready with true for a change since the last poll, and with false if there will be no more changes.
    pub(super) fn poll(&self, seen: &mut Seen, context: &Context<'_>) -> Poll<bool> {
        let waker = context.waker().clone();
        let mut state = self.lock();
        if seen.version != Some(state.version) {
            seen.version = Some(state.version);
            return Poll::Ready(true);
        }
        if state.ended {
            return Poll::Ready(false);
        }
        let former = state.waiting.insert(seen.number, waker);
        drop(state);
        drop(former);
        Poll::Pending
    }

    /// Ends the wait.
    pub(super) fn leave(&self, seen: &Seen) {
        let waker = self.lock().waiting.remove(&seen.number);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn change_and_end_wake_waiters() {
        let changes = Changes::default();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let context = Context::from_waker(&waker);
        let (mut one, mut gone) = (changes.begin(), changes.begin());
        for seen in [&mut one, &mut gone] {
            assert_eq!(changes.poll(seen, &context), Poll::Ready(true));
            assert_eq!(changes.poll(seen, &context), Poll::Pending);
        }
        changes.leave(&gone);
        changes.changed();
        changes.changed();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        // Two changes give one result.
        assert_eq!(changes.poll(&mut one, &context), Poll::Ready(true));
        assert_eq!(changes.poll(&mut one, &context), Poll::Pending);
        changes.end();
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        assert_eq!(changes.poll(&mut one, &context), Poll::Ready(false));
        // A late waiter finds the present report, and then the end.
        let mut late = changes.begin();
        assert_eq!(changes.poll(&mut late, &context), Poll::Ready(true));
        assert_eq!(changes.poll(&mut late, &context), Poll::Ready(false));
    }
}
