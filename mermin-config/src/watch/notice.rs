//! When to look at the file again: by inotify, and from time to time.

use std::{io, mem::MaybeUninit, os::fd::OwnedFd, path::Path, time::Duration};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    fs::inotify::{self, CreateFlags, WatchFlags},
    io::{Errno, read, retry_on_intr, write},
};

use super::directories::directories;

/// Changes that follow each other within this are one: editors write, rename and set modes.
const QUIET: Duration = Duration::from_millis(100);
/// A file that never comes to rest is looked at this often.
const IMPATIENT: u32 = 20;
/// Where the kernel reports nothing the file is looked at this often.
const UNASKED: Duration = Duration::from_secs(10);

/// What may become of a name in a directory, and of the directory.
const CHANGES: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

#[derive(Debug)]
pub(super) struct Notices {
    inotify: OwnedFd,
    stop: OwnedFd,
}

impl Notices {
    /// # Errors
    /// Where the system has no room for it.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            stop: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// Watches the directories of a path. One that is watched already is not watched twice; one that is not there is
    /// found later, because its own parent is looked at from time to time.
    pub(super) fn watch(&self, path: &Path) {
        for directory in directories(path) {
            let _ = inotify::add_watch(&self.inotify, &directory, CHANGES);
        }
    }

    /// Ends [`wait`](Self::wait).
    pub(super) fn stop(&self) {
        // It fails where it was written already.
        let _ = write(&self.stop, &1_u64.to_ne_bytes());
    }

    /// Waits until the file should be looked at; false when it is over.
    pub(super) fn wait(&self) -> bool {
        let mut timeout = UNASKED;
        for _ in 0..IMPATIENT {
            match self.poll(timeout) {
                Polled::Stopped => return false,
                Polled::Changed => timeout = QUIET,
                Polled::Quiet => break,
            }
        }
        true
    }

    fn poll(&self, timeout: Duration) -> Polled {
        let mut fds = [
            PollFd::new(&self.stop, PollFlags::IN),
            PollFd::new(&self.inotify, PollFlags::IN),
        ];
        let timeout = Timespec::try_from(timeout).ok();
        if retry_on_intr(|| poll(&mut fds, timeout.as_ref())).is_err() {
            // Nothing can be waited for: the file is still looked at from time to time.
            std::thread::sleep(UNASKED);
            return Polled::Quiet;
        }
        let [stop, inotify] = fds.map(|fd| !fd.revents().is_empty());
        if stop {
            Polled::Stopped
        } else if inotify {
            self.drain();
            Polled::Changed
        } else {
            Polled::Quiet
        }
    }

    /// Takes what has come; that it came is enough, because the file is looked at.
    fn drain(&self) {
        let mut octets = [MaybeUninit::<u8>::uninit(); 4_096];
        loop {
            match read(&self.inotify, &mut octets) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}

enum Polled {
    Stopped,
    Changed,
    Quiet,
}
