//! Network namespaces of threads.

use std::{fs::File, io, os::fd::OwnedFd};

use rustix::thread::{self, UnshareFlags};

/// Moves the calling thread into a new network namespace. Threads that it starts later are in it, too.
///
/// # Errors
/// EPERM without `CAP_SYS_ADMIN`.
pub(super) fn enter_new() -> io::Result<()> {
    #[expect(
        deprecated,
        reason = "deprecated because of file tables, which a network namespace leaves alone; the new one is unsafe"
    )]
    thread::unshare(UnshareFlags::NEWNET)?;
    Ok(())
}

/// Returns the namespace of the calling thread.
///
/// # Errors
/// ENOENT without `/proc`.
pub(super) fn current() -> io::Result<OwnedFd> {
    Ok(File::open("/proc/thread-self/ns/net")?.into())
}
