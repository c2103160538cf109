//! Wake-ups of a ring buffer, apart from its content.
//!
//! poll(2) finds a ring readable while any record waits (`kernel/bpf/ringbuf.c`, `ringbuf_map_poll_kern`). A kernel program decides for
//! each record if it wakes the waiting thread. Such a wake-up is an edge, and epoll(7) keeps it until it is read.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::event::{
    Timespec,
    epoll::{self, CreateFlags, Event, EventData, EventFlags},
};

/// The wake-ups since they were last taken. Its descriptor is readable if there were any.
#[derive(Debug)]
pub(crate) struct WakeUps(OwnedFd);

impl WakeUps {
    /// Watches a ring. A ring that has records is a wake-up.
    ///
    /// # Errors
    /// The kernel's: EMFILE, ENOMEM.
    pub(crate) fn new(ring: BorrowedFd<'_>) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let flags = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, ring, EventData::new_u64(0), flags)?;
        Ok(Self(epoll))
    }

    /// Returns true if there were wake-ups since the last call. It does not wait.
    pub(crate) fn take(&self) -> bool {
        let mut events = [Event {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        }];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let taken = epoll::wait(&self.0, &mut events[..], Some(&at_once));
        taken.is_ok_and(|number| number != 0)
    }
}

impl AsFd for WakeUps {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
