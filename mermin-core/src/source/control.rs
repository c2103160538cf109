//! Requests of `FlowSource` and `Handle` to the thread of a source, and the end of that thread.
//!
//! Executors call `FlowSource` and `Handle`, so nothing here blocks on the thread. [`Control::over`] waits for it as a future.

mod wake_fd;

use std::{
    collections::VecDeque,
    io,
    os::fd::BorrowedFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use futures_channel::oneshot;

use self::wake_fd::WakeFd;
use super::{
    changes::Changes,
    options::Options,
    pages::{PageRequest, Pages},
    reconfigure::Reconfigured,
};
use crate::{
    error::{Error, ErrorKind},
    iface::select::Selector,
    sys::process_mark::ProcessMark,
};

/// New options, and the channel for the result of applying them.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) options: Options,
    pub(super) selector: Selector,
    pub(super) answer: oneshot::Sender<Result<Reconfigured, Error>>,
}

/// Requests, and the descriptor that wakes the thread.
///
/// None of these locks may be held while a waker is woken or dropped, because that may run any code, such as closing
/// this source.
///
/// A forked child has a copy but no thread, so its requests are ignored.
#[derive(Debug)]
pub(super) struct Control {
    wake: WakeFd,
    closing: AtomicBool,
    /// The task that waits for the source to be closed.
    closed: Mutex<Option<Waker>>,
    abandoned: AtomicBool,
    open_cancelled: AtomicBool,
    /// No thread serves this source.
    threadless: AtomicBool,
    /// Requested changes; `None` when no thread serves them any more.
    requests: Mutex<Option<VecDeque<Request>>>,
    /// Requested pages of open flows.
    pages: Pages,
    /// Tasks that wait for the thread to end; `None` when it has ended.
    waiting: Mutex<Option<Vec<oneshot::Sender<()>>>>,
    /// Changes of the report.
    changes: Arc<Changes>,
    process: ProcessMark,
}

impl Control {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            wake: WakeFd::new()?,
            closing: AtomicBool::new(false),
            closed: Mutex::new(None),
            abandoned: AtomicBool::new(false),
            open_cancelled: AtomicBool::new(false),
            threadless: AtomicBool::new(false),
            requests: Mutex::new(Some(VecDeque::new())),
            pages: Pages::new(),
            waiting: Mutex::new(Some(Vec::new())),
            changes: Arc::default(),
            process: ProcessMark::new()?,
        })
    }

    /// Returns true if this is a copy in a forked child. Threads of the parent may hold its locks, so the child must
    /// not take them, and its descriptor is also the parent's.
    pub(super) fn is_inherited(&self) -> bool {
        self.process.is_inherited()
    }

    /// Returns the changes of the report. Do not use them in a [copy](Self::is_inherited), because of their lock.
    pub(super) fn changes(&self) -> &Arc<Changes> {
        &self.changes
    }

    /// Wakes the thread.
    pub(super) fn wake(&self) {
        self.wake.wake();
    }

    /// Waits as [`WakeFd::wait`] does.
    pub(super) fn wait(&self, longest: Duration) {
        self.wake.wait(longest, &[]);
    }

    /// Waits as [`WakeFd::wait`] does.
    pub(super) fn wait_for(&self, longest: Duration, others: &[BorrowedFd<'_>]) -> bool {
        self.wake.wait(longest, others)
    }

    /// Requests a change. If no thread serves requests any more, the request is dropped, and so is its answer.
    pub(super) fn request(&self, request: Request) {
        if self.is_inherited() || self.is_abandoned() {
            return;
        }
        if let Some(requests) = &mut *lock(&self.requests) {
            requests.push_back(request);
        }
        self.wake();
    }

    pub(super) fn next_request(&self) -> Option<Request> {
        lock(&self.requests).as_mut()?.pop_front()
    }

    /// Rejects pending and future requests; each caller gets an error.
    pub(super) fn refuse_requests(&self) {
        let refused = lock(&self.requests).take();
        drop(refused);
    }

    /// Requests a page of open flows, as [`Pages::ask`] does.
    pub(super) fn ask_page(&self, request: PageRequest) {
        if !self.is_inherited() {
            self.pages.ask(request);
            self.wake.wake_for_page();
        }
    }

    pub(super) fn page_requests(&self) -> VecDeque<PageRequest> {
        self.pages.take()
    }

    /// Requests delivery of everything and the end of the source.
    pub(super) fn close(&self) {
        if self.is_inherited() {
            return;
        }
        self.closing.store(true, Ordering::Release);
        self.wake();
        let waker = lock(&self.closed).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Returns true if the source is closed. Otherwise the task is woken when it is. Only one task can wait.
    pub(super) fn poll_closing(&self, context: &Context<'_>) -> bool {
        // The waker is stored before the check, so that no close in between is missed.
        if !self.is_inherited() {
            let waker = context.waker().clone();
            let former = lock(&self.closed).replace(waker);
            drop(former);
        }
        self.is_closing()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Makes the thread detach everything and end, because nobody will take another flow. Does not wait for it.
    pub(super) fn abandon(&self) {
        if !self.is_inherited() {
            self.abandoned.store(true, Ordering::Release);
            self.wake();
        }
    }

    /// Abandons a source that nobody received.
    pub(super) fn cancel_open(&self) {
        self.open_cancelled.store(true, Ordering::Release);
        self.abandon();
    }

    pub(super) fn is_open_cancelled(&self) -> bool {
        self.open_cancelled.load(Ordering::Acquire)
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Returns an error if opening must not continue.
    ///
    /// # Errors
    /// `Closed`, when nobody waits for the source any more. The caller never gets this error.
    pub(super) fn go_on(&self) -> Result<(), Error> {
        if self.is_abandoned() {
            return Err(Error::new(ErrorKind::Closed, "cannot go on opening"));
        }
        Ok(())
    }

    /// Announces that the thread has ended and nothing of the source is attached.
    pub(super) fn end(&self) {
        self.refuse_requests();
        self.pages.end();
        self.changes.end();
        let waiting = lock(&self.waiting).take();
        for waiting in waiting.unwrap_or_default() {
            // The receiver may have been dropped.
            let _ = waiting.send(());
        }
    }

    /// Announces that nothing is attached, for a source without a thread.
    pub(super) fn end_without_thread(&self) {
        self.refuse_requests();
        self.pages.end();
        let waiting = lock(&self.waiting).take();
        drop(waiting);
        self.threadless.store(true, Ordering::Release);
    }

    /// Announces that the source has ended or was dropped. If there is a thread, it ends the report.
    pub(super) fn ended(&self) {
        if self.threadless.load(Ordering::Acquire) && !self.is_inherited() {
            self.changes.end();
        }
    }

    /// Waits until the thread has [ended](Self::end). In a forked child, which has no thread, it returns at once.
    pub(super) async fn over(&self) {
        if self.is_inherited() {
            return;
        }
        let over = lock(&self.waiting).as_mut().map(|waiting| {
            let (end, over) = oneshot::channel();
            waiting.push(end);
            over
        });
        if let Some(over) = over {
            // A dropped sender also means the end.
            let _ = over.await;
        }
    }
}

/// Owned by the thread of a source. Its drop announces the end, however the thread ends.
#[derive(Debug)]
pub(super) struct Running(pub(super) Arc<Control>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A panic in another thread leaves the data behind these locks valid, because every change is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::TryLockError,
        task::{Context, Poll, Wake, Waker},
    };

    use super::*;
    use crate::FlowSource;

    #[test]
    fn waiters_for_the_end_are_woken_and_later_ones_return_at_once() {
        let control = Arc::new(Control::new().unwrap());
        let running = Running(Arc::clone(&control));
        let mut context = Context::from_waker(Waker::noop());
        let mut first = pin!(control.over());
        assert_eq!(first.as_mut().poll(&mut context), Poll::Pending);
        // A cancelled wait does not disturb others.
        {
            let mut given_up = pin!(control.over());
            assert_eq!(given_up.as_mut().poll(&mut context), Poll::Pending);
        }
        drop(running);
        assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(pin!(control.over()).poll(&mut context), Poll::Ready(()));
        assert!(control.next_request().is_none());
    }

    /// Takes every lock of a source when it is woken and when it is dropped.
    struct Prober {
        control: Arc<Control>,
        held: Arc<AtomicBool>,
    }

    impl Prober {
        fn probe(&self) {
            let is_held = [
                matches!(
                    self.control.closed.try_lock(),
                    Err(TryLockError::WouldBlock)
                ),
                matches!(
                    self.control.requests.try_lock(),
                    Err(TryLockError::WouldBlock)
                ),
                matches!(
                    self.control.waiting.try_lock(),
                    Err(TryLockError::WouldBlock)
                ),
            ];
            if is_held.contains(&true) {
                self.held.store(true, Ordering::Relaxed);
            }
        }
    }

    impl Wake for Prober {
        fn wake(self: Arc<Self>) {
            self.probe();
        }
    }

    impl Drop for Prober {
        fn drop(&mut self) {
            self.probe();
        }
    }

    #[test]
    fn wakers_find_no_lock_held() {
        type Step = fn(&Control);
        let steps: [(&str, Step); 5] = [
            ("close", |control| control.close()),
            ("replaced", |control| {
                control.poll_closing(&Context::from_waker(Waker::noop()));
            }),
            ("refuse_requests", |control| control.refuse_requests()),
            ("end", |control| control.end()),
            ("end_without_thread", |control| control.end_without_thread()),
        ];
        for (name, step) in steps {
            let control = Arc::new(Control::new().unwrap());
            let held = Arc::new(AtomicBool::new(false));
            // One waker for each place, so that it is dropped there.
            let wakers = [(); 3].map(|()| {
                Waker::from(Arc::new(Prober {
                    control: Arc::clone(&control),
                    held: Arc::clone(&held),
                }))
            });
            let mut contexts = wakers.each_ref().map(Context::from_waker);
            control.poll_closing(&contexts[0]);
            let mut over = pin!(control.over());
            assert_eq!(over.as_mut().poll(&mut contexts[1]), Poll::Pending);
            let (answer, mut answered) = oneshot::channel();
            let (options, selector) = FlowSource::builder().live().unwrap();
            control.request(Request {
                options,
                selector,
                answer,
            });
            assert!(pin!(&mut answered).poll(&mut contexts[2]).is_pending());
            drop(wakers);
            step(&control);
            assert!(!held.load(Ordering::Relaxed), "{name}");
        }
    }
}
