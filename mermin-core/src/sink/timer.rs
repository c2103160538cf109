//! Waiting for a time, without a runtime.
//!
//! A runtime's own timer would tie this crate to that runtime, and a deadline checked only when other work happens may
//! be missed. So `Timer` is a trait. The default is one thread for all tasks, which exists only while a task waits. It
//! wakes tasks and runs none of their code.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

/// A wait.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits for a time. [`ThreadTimer`] works on any executor. A program with a runtime may use that runtime's timer
/// instead.
///
/// ```
/// use std::time::Duration;
/// use mermin_core::sink::{Sleep, Timer};
///
/// struct Tokio;
///
/// impl Timer for Tokio {
///     fn sleep(&self, time: Duration) -> Sleep {
///         Box::pin(tokio::time::sleep(time))
///     }
/// }
/// ```
pub trait Timer: Send + Sync {
    /// A future that is ready when this time has passed since the call.
    fn sleep(&self, time: Duration) -> Sleep;

    /// Now, on the clock that [`sleep`](Self::sleep) follows. Default: [`Instant::now`].
    fn now(&self) -> Instant {
        Instant::now()
    }
}

impl<T: Timer + ?Sized> Timer for Arc<T> {
    fn sleep(&self, time: Duration) -> Sleep {
        (**self).sleep(time)
    }

    fn now(&self) -> Instant {
        (**self).now()
    }
}

/// A timer with a thread of its own, `mermin-timer`, which ends when no task waits. Clones share the thread.
///
/// If the thread cannot be started, every wait ends at once.
#[derive(Clone, Default)]
pub struct ThreadTimer {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Wakers, by time and number.
    waiting: BTreeMap<(Instant, u64), Waker>,
    number: u64,
    is_running: bool,
}

impl Shared {
    /// Each change is complete before anything can panic, so a poisoned lock protects valid data.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes tasks at their times until no task waits.
    fn work(&self) {
        let mut state = self.lock();
        while let Some(next) = state.waiting.first_entry() {
            let left = next.key().0.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let waker = next.remove();
                // A waker may call this timer again, so the lock is released first.
                drop(state);
                waker.wake();
                state = self.lock();
            } else {
                state = self
                    .changed
                    .wait_timeout(state, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            }
        }
        state.is_running = false;
    }

    /// No thread runs: it has panicked, or could not be started. All waiting tasks poll again, and one of them starts a new
    /// thread.
    fn give_up(&self) {
        let waiting = {
            let mut state = self.lock();
            state.is_running = false;
            std::mem::take(&mut state.waiting)
        };
        for waker in waiting.into_values() {
            // This may run while the panic of a waker unwinds. A second panic would then abort the process.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}

/// A guard that is dropped when the thread ends. After a panic of a waker it calls `Shared::give_up`.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.give_up();
        }
    }
}

impl Timer for ThreadTimer {
    fn sleep(&self, time: Duration) -> Sleep {
        // A time beyond the clock's range becomes a century.
        let century = Duration::from_secs(100 * 365 * 86_400);
        let now = Instant::now();
        Box::pin(Wait {
            shared: Arc::clone(&self.shared),
            until: now
                .checked_add(time)
                .unwrap_or_else(|| now + century.min(time)),
            number: None,
        })
    }
}

impl fmt::Debug for ThreadTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadTimer").finish_non_exhaustive()
    }
}

struct Wait {
    shared: Arc<Shared>,
    until: Instant,
    number: Option<u64>,
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.until {
            return Poll::Ready(());
        }
        let shared = Arc::clone(&self.shared);
        let waker = context.waker().clone();
        let mut state = shared.lock();
        let number = *self.number.get_or_insert_with(|| {
            state.number += 1;
            state.number
        });
        let former = state.waiting.insert((self.until, number), waker);
        let first = state.waiting.first_key_value();
        let is_earliest = first.is_some_and(|(first, _)| *first == (self.until, number));
        let is_running = std::mem::replace(&mut state.is_running, true);
        drop(state);
        if is_running {
            // The thread must be woken only if this wait is new and the earliest. For any other wait, it wakes by itself in time.
            if is_earliest && former.is_none() {
                shared.changed.notify_one();
            }
            drop(former);
            return Poll::Pending;
        }
        drop(former);
        let running = Arc::clone(&shared);
        let started = thread::Builder::new()
            .name("mermin-timer".to_owned())
            .spawn(move || Running(running).0.work());
        if started.is_err() {
            shared.give_up();
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut state = self.shared.lock();
            let waker = state.waiting.remove(&(self.until, number));
            let is_last = state.waiting.is_empty();
            drop(state);
            drop(waker);
            if is_last {
                // The thread can end.
                self.shared.changed.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use futures::{executor::block_on, future::join};

    use super::*;

    #[test]
    fn waits_end_in_their_order_and_the_thread_ends_with_the_last() {
        let timer = ThreadTimer::default();
        let began = Instant::now();
        let order = Mutex::new(Vec::new());
        let wait = async |ms: u64| {
            timer.sleep(Duration::from_millis(ms)).await;
            assert!(began.elapsed() >= Duration::from_millis(ms));
            order.lock().unwrap().push(ms);
        };
        block_on(join(wait(60), join(wait(20), wait(40))));
        assert_eq!(*order.lock().unwrap(), [20, 40, 60]);
        let stopped = (0..1000).any(|_| {
            thread::sleep(Duration::from_millis(5));
            !timer.shared.lock().is_running
        });
        assert!(stopped);
    }

    #[test]
    fn cancelled_wait_leaves_no_state() {
        let timer = ThreadTimer::default();
        let mut wait = timer.sleep(Duration::MAX);
        let poll = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll.is_pending());
        drop(wait);
        assert!(timer.shared.lock().waiting.is_empty());
        block_on(timer.sleep(Duration::ZERO));
    }

    /// Ends the thread that wakes it.
    struct Panicking;

    impl Wake for Panicking {
        fn wake(self: Arc<Self>) {
            panic!("by a test");
        }
    }

    #[test]
    fn panicking_waker_does_not_block_others() {
        let timer = ThreadTimer::default();
        let waker = Waker::from(Arc::new(Panicking));
        let mut wait = timer.sleep(Duration::from_millis(20));
        let poll = wait.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(poll.is_pending());
        // This wait begins on the same thread, which ends meanwhile.
        block_on(timer.sleep(Duration::from_millis(40)));
        block_on(timer.sleep(Duration::from_millis(1)));
    }
}
