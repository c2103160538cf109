//! What the public side asks of the capture thread.

use std::{
    collections::VecDeque,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_channel::oneshot;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::{options::Options, reconfigure::Reconfigured};
use crate::{error::Error, iface::select::Selector};

/// Other options, and whom to tell what became of them.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) options: Options,
    pub(super) selector: Selector,
    pub(super) answer: oneshot::Sender<Result<Reconfigured, Error>>,
}

/// Requests and the descriptor that wakes the thread to look at them.
#[derive(Debug)]
pub(super) struct Control {
    wake: OwnedFd,
    closing: AtomicBool,
    abandoned: AtomicBool,
    declined: AtomicBool,
    /// Changes that were asked for; none when nobody serves them any more.
    requests: Mutex<Option<VecDeque<Request>>>,
    detached: Mutex<bool>,
    detaching: Condvar,
}

impl Control {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            closing: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            declined: AtomicBool::new(false),
            requests: Mutex::new(Some(VecDeque::new())),
            detached: Mutex::new(false),
            detaching: Condvar::new(),
        })
    }

    /// Makes the thread look. A wake-up that is pending already is as good.
    pub(super) fn wake(&self) {
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Waits until woken or until the time is over.
    pub(super) fn wait(&self, longest: Duration) {
        self.poll(&mut [self.poll_fd()], longest);
    }

    /// As [`wait`](Self::wait), and until there is something to read from `other`. Says whether it was woken.
    pub(super) fn wait_for(&self, longest: Duration, other: &impl AsFd) -> bool {
        let mut fds = [self.poll_fd(), PollFd::new(other, PollFlags::IN)];
        self.poll(&mut fds, longest)
    }

    fn poll_fd(&self) -> PollFd<'_> {
        PollFd::new(&self.wake, PollFlags::IN)
    }

    /// The first of `fds` is this value's own.
    fn poll(&self, fds: &mut [PollFd<'_>], longest: Duration) -> bool {
        let timeout = Timespec {
            tv_sec: i64::try_from(longest.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(longest.subsec_nanos()),
        };
        // An interrupted wait is a short one.
        let ready = poll(fds, Some(&timeout)).is_ok_and(|ready| ready != 0);
        let woken = ready && fds.first().is_some_and(|own| !own.revents().is_empty());
        if woken {
            let mut count = [0; 8];
            let _ = rustix::io::read(self.wake.as_fd(), &mut count);
        }
        woken
    }

    /// Asks for a change. One that nobody will serve any more is dropped, and its answer with it.
    pub(super) fn request(&self, request: Request) {
        if let Some(requests) = &mut *self.requests() {
            requests.push_back(request);
        }
        self.wake();
    }

    pub(super) fn next_request(&self) -> Option<Request> {
        self.requests().as_mut()?.pop_front()
    }

    fn requests(&self) -> MutexGuard<'_, Option<VecDeque<Request>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for everything to be delivered and ended.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.wake();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Nobody will take another flow. Returns when nothing is attached any more.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.wake();
        let mut detached = self.detached.lock().unwrap_or_else(PoisonError::into_inner);
        while !*detached {
            detached = self
                .detaching
                .wait(detached)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As [`abandon`](Self::abandon), by somebody who never got the source.
    pub(super) fn decline(&self) {
        self.declined.store(true, Ordering::Release);
        self.abandon();
    }

    pub(super) fn is_declined(&self) -> bool {
        self.declined.load(Ordering::Acquire)
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Tells whoever abandons the source that it may go on, and whoever asked for a change that none will come.
    pub(super) fn detached(&self) {
        *self.requests() = None;
        *self.detached.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.detaching.notify_all();
    }
}
