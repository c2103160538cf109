//! Time that a test advances.

use std::{
    collections::BTreeMap,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use crate::sink::{Sleep, Timer};

/// A [`Timer`] whose time a test changes, by [`advance`](Self::advance). The time of [`passing`](Self::passing) also advances
/// by itself. Clones share the time.
#[derive(Clone)]
pub struct ManualTimer {
    state: Arc<Mutex<State>>,
}

struct State {
    now: Instant,
    passes: bool,
    number: u64,
    waiting: BTreeMap<u64, Waker>,
}

impl Default for ManualTimer {
    fn default() -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                now: Instant::now(),
                passes: false,
                number: 0,
                waiting: BTreeMap::new(),
            })),
        }
    }
}

impl ManualTimer {
    /// A timer whose time advances at once whenever a task waits.
    #[must_use]
    pub fn passing() -> Self {
        let timer = Self::default();
        timer.lock().passes = true;
        timer
    }

    /// Advances the time by this much.
    pub fn advance(&self, time: Duration) {
        let mut state = self.lock();
        state.now += time;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Timer for ManualTimer {
    fn sleep(&self, time: Duration) -> Sleep {
        let mut state = self.lock();
        state.number += 1;
        Box::pin(Wait {
            timer: self.clone(),
            until: state.now + time,
            number: state.number,
        })
    }

    fn now(&self) -> Instant {
        self.lock().now
    }
}

impl fmt::Debug for ManualTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualTimer").finish_non_exhaustive()
    }
}

struct Wait {
    timer: ManualTimer,
    until: Instant,
    number: u64,
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let mut state = self.timer.lock();
        if state.passes {
            state.now = state.now.max(self.until);
        }
        if state.now >= self.until {
            return Poll::Ready(());
        }
        let former = state.waiting.insert(self.number, waker);
        drop(state);
        drop(former);
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let waker = self.timer.lock().waiting.remove(&self.number);
        drop(waker);
    }
}
