//! The descriptor that wakes the thread of a source.

use std::{
    io, iter,
    os::fd::{BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// The value of a wake-up. A request for a page uses [`PAGE`], because it needs no sweep.
const WAKE: u64 = 1;
const PAGE: u64 = 1 << 32;

/// Wakes one thread, from any thread. A wake-up lasts until the thread waits, and a second one adds nothing.
#[derive(Debug)]
pub(super) struct WakeFd(OwnedFd);

impl WakeFd {
    pub(super) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self(eventfd(0, flags)?))
    }

    pub(super) fn wake(&self) {
        self.add(WAKE);
    }

    pub(super) fn wake_for_page(&self) {
        self.add(PAGE);
    }

    fn add(&self, count: u64) {
        // A full counter wakes the thread, too.
        let _ = rustix::io::write(&self.0, &count.to_ne_bytes());
    }

    /// Waits for a wake-up, until one of `others` is readable, or until the time is over. Returns true if it was woken
    /// for more than a page.
    pub(super) fn wait(&self, longest: Duration, others: &[BorrowedFd<'_>]) -> bool {
        let others = others.iter().map(|other| PollFd::new(other, PollFlags::IN));
        let own = PollFd::new(&self.0, PollFlags::IN);
        let mut fds: Vec<_> = iter::once(own).chain(others).collect();
        let timeout = Timespec {
            tv_sec: i64::try_from(longest.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(longest.subsec_nanos()),
        };
        // An interrupted wait counts as a short one.
        let ready = poll(&mut fds, Some(&timeout)).is_ok_and(|ready| ready != 0);
        let mut count = [0; 8];
        if ready && fds.first().is_some_and(|own| !own.revents().is_empty()) {
            let _ = rustix::io::read(&self.0, &mut count);
        }
        !u64::from_ne_bytes(count).is_multiple_of(PAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wake_ups_before_a_wait_end_it_once() {
        let fd = WakeFd::new().unwrap();
        assert!(!fd.wait(Duration::ZERO, &[]));
        fd.wake_for_page();
        assert!(!fd.wait(Duration::MAX, &[]), "only a page");
        fd.wake();
        fd.wake_for_page();
        fd.wake();
        assert!(fd.wait(Duration::MAX, &[]));
        assert!(!fd.wait(Duration::ZERO, &[]));
    }
}
