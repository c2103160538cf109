//! Descriptors that no forked child has a copy of. A lock that a file holds, or an address that a socket holds, is then
//! free when the process has ended, even if a child lives on.
//!
//! A forked child gets a copy of the forking thread's table of descriptors. So a thread with a table of its own opens,
//! holds and closes these descriptors, and does nothing else.
//!
//! A forked child has copies of everything except the threads. A page that the kernel clears in a child
//! (`MADV_WIPEONFORK`) distinguishes the two, and in the child closing, dropping and acknowledging do nothing. The
//! child also has copies of descriptors, and may outlive a killed parent. So threads with a descriptor table of their
//! own hold the lock of an instance and the address that identifies the owner of filters. A fork copies nothing of that
//! table: both are free when the process has ended. TCX links of an unpinned source stay until the child exits or
//! executes another program.
#![expect(
    unsafe_code,
    reason = "close_range(2) has no safe wrapper that unshares"
)]

use std::{
    fmt, io,
    sync::mpsc::{Sender, channel},
    thread,
};

use rustix::thread::CapabilitySet;

use super::capabilities::keep_only;

/// The thread makes system calls only.
const STACK: usize = 64 << 10;

/// A value that a thread of its own holds. The thread closes it soon after this is dropped; the drop does not wait.
pub(crate) struct Apart {
    _kept: Sender<()>,
}

impl Apart {
    /// Calls `make` in a new thread, which has the namespaces of the calling thread and none of its descriptors.
    ///
    /// # Errors
    /// The error of `make`, or the kernel's if the thread cannot be started.
    pub(crate) fn keep<K, E>(
        name: &str,
        make: impl FnOnce() -> Result<K, E> + Send + 'static,
    ) -> Result<Self, E>
    where
        E: From<io::Error> + Send + 'static,
    {
        let (keep, kept) = channel();
        let (answer, answered) = channel();
        thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK)
            .spawn(move || {
                leave_descriptors();
                match make() {
                    Ok(thing) => {
                        // Holding takes no capability. If the kernel refuses, the thread keeps those of the thread that started it.
                        let _ = keep_only(CapabilitySet::empty());
                        if answer.send(Ok(())).is_ok() {
                            // Returns when the holder is dropped.
                            let _ = kept.recv();
                        }
                        drop(thing);
                    }
                    Err(error) => drop(answer.send(Err(error))),
                }
            })
            .map_err(E::from)?;
        let gone = || Err(io::Error::other("the thread that holds it ended").into());
        answered.recv().unwrap_or_else(|_| gone())?;
        Ok(Self { _kept: keep })
    }
}

impl fmt::Debug for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Apart")
    }
}

/// Gives the calling thread an empty table of descriptors (Linux 5.9). If a seccomp filter refuses that, the thread keeps
/// the process's table, and a forked child holds copies until it ends.
fn leave_descriptors() {
    const UNSHARE: libc::c_uint = 1 << 1;
    let (first, last): (libc::c_uint, libc::c_uint) = (0, libc::c_uint::MAX);
    // SAFETY: no value of this thread owns a descriptor of the table that it leaves.
    let _ = unsafe { libc::syscall(libc::SYS_close_range, first, last, UNSHARE) };
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::fd::AsRawFd};

    use super::*;

    #[test]
    fn kept_descriptors_are_only_in_the_threads_table() {
        let (path, found) = channel();
        let kept = Apart::keep("kept", move || {
            let file = File::open("/proc/self")?;
            let own = std::fs::read_link("/proc/thread-self")?;
            let _ = path.send(format!("/proc/{}/fd/{}", own.display(), file.as_raw_fd()));
            Ok::<_, io::Error>(file)
        })
        .unwrap();
        let path = found.recv().unwrap();
        let number = path.rsplit('/').next().unwrap().to_owned();
        let target = std::fs::read_link(&path).unwrap();
        assert!(target.starts_with("/proc"), "{target:?}");
        let here = std::fs::read_link(format!("/proc/self/fd/{number}"));
        assert!(here.ok() != Some(target));
        drop(kept);
        while std::fs::read_link(&path).is_ok() {
            thread::yield_now();
        }
    }

    #[test]
    fn failed_keep_returns_the_error() {
        let made = Apart::keep("kept", || Err::<(), _>(io::Error::other("no")));
        assert_eq!(made.unwrap_err().to_string(), "no");
    }
}
