//! Decides when to check the file again: after inotify events, and periodically.

use std::{io, mem::MaybeUninit, os::fd::OwnedFd, path::Path, time::Duration};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    fs::inotify::{self, CreateFlags, WatchFlags},
    io::{Errno, read, retry_on_intr, write},
};

use super::directories::directories;

/// Changes within this time count as one: editors write, rename and set modes.
const QUIET: Duration = Duration::from_millis(100);
/// In a directory that changes all the time, the file is checked after this many of these intervals.
const IMPATIENT: u32 = 20;
/// Interval of reading the file's attributes, because the kernel does not report every change, for example of a
/// replaced parent directory.
const GLANCE: Duration = Duration::from_secs(1);
/// After this many of these intervals, the content is read.
const UNASKED: u32 = 10;

/// Events of a name in a directory, and of the directory itself.
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
    /// The system's error.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            stop: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// Watches the directories of a path. A directory that is already watched is not watched twice. A missing one is
    /// found by the periodic checks.
    pub(super) fn watch(&self, path: &Path) {
        for directory in directories(path) {
            let _ = inotify::add_watch(&self.inotify, &directory, CHANGES);
        }
    }

    /// Ends [`wait`](Self::wait).
    pub(super) fn stop(&self) {
        // It fails if it was already written.
        let _ = write(&self.stop, &1_u64.to_ne_bytes());
    }

    /// Waits until the file must be read, also if it is `another`. Returns false at the end.
    pub(super) fn wait(&self, another: impl Fn() -> bool) -> bool {
        for _ in 0..UNASKED {
            let [stopped, changed] = ready([&self.stop, &self.inotify], GLANCE);
            if stopped {
                return false;
            }
            if changed {
                return self.rest();
            }
            if another() {
                return true;
            }
        }
        true
    }

    /// Waits until there are no more changes. Returns false at the end.
    fn rest(&self) -> bool {
        self.drain();
        for _ in 0..IMPATIENT {
            // Events do not wake it in this time, because the directory may be one of logs.
            let [stopped] = ready([&self.stop], QUIET);
            if stopped {
                return false;
            }
            if !self.drain() {
                break;
            }
        }
        true
    }

    /// Reads pending events. Their content does not matter, because the file is checked.
    fn drain(&self) -> bool {
        let mut octets = [MaybeUninit::<u8>::uninit(); 4_096];
        let mut came = false;
        loop {
            match read(&self.inotify, &mut octets) {
                Ok(_) => came = true,
                Err(Errno::INTR) => {}
                Err(_) => return came,
            }
        }
    }
}

/// Waits until a descriptor is readable, or until the timeout; returns which are.
fn ready<const N: usize>(of: [&OwnedFd; N], timeout: Duration) -> [bool; N] {
    let mut fds = of.map(|fd| PollFd::new(fd, PollFlags::IN));
    let until = Timespec::try_from(timeout).ok();
    if retry_on_intr(|| poll(&mut fds, until.as_ref())).is_err() {
        // Polling failed, so only the periodic checks are left.
        std::thread::sleep(timeout);
        return [false; N];
    }
    fds.map(|fd| !fd.revents().is_empty())
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::atomic::{AtomicBool, Ordering},
        thread,
        time::Instant,
    };

    use super::*;

    #[test]
    fn busy_directory_does_not_cause_constant_reads() {
        let directory = std::env::temp_dir().join(format!("mermin-notice-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let notices = Notices::new().unwrap();
        notices.watch(&directory.join("mermin.hcl"));
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    fs::write(directory.join("log"), "x").unwrap();
                }
            });
            let begun = Instant::now();
            for _ in 0..3 {
                assert!(notices.wait(|| false));
            }
            assert!(begun.elapsed() >= 3 * QUIET, "{:?}", begun.elapsed());
            done.store(true, Ordering::Relaxed);
        });
        notices.stop();
        assert!(!notices.wait(|| false));
        fs::remove_dir_all(&directory).unwrap();
    }
}
