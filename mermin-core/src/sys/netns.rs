//! Network namespaces: which one the calling thread is in, and entering another.
//!
//! A thread's namespace decides what its new sockets and its bpf(2) attachments refer to; other threads are not
//! affected. Sockets stay where they were made.
#![expect(
    unsafe_code,
    reason = "what a host can do is tried in a namespace of its own, and unshare(2) is unsafe for its other flags"
)]

#[cfg(test)]
use std::os::unix::fs::MetadataExt;
use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The namespace of the calling thread, whichever thread that is.
#[cfg(test)]
const OWN: &str = "/proc/thread-self/ns/net";

/// What tells a network namespace from all others that exist at the same time.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NetnsId {
    /// Device of the namespace file system.
    pub(crate) device: u64,
    /// Inode there, as `ls -l /proc/self/ns/net` shows it.
    pub(crate) inode: u64,
}

/// The calling thread's network namespace.
#[cfg(test)]
pub(crate) fn current() -> io::Result<NetnsId> {
    let metadata = std::fs::metadata(OWN)?;
    Ok(NetnsId {
        device: metadata.dev(),
        inode: metadata.ino(),
    })
}

/// Moves the calling thread into a namespace, named as `/run/netns/<name>` or `/proc/<pid>/ns/net`.
pub(crate) fn enter_path(path: &Path) -> io::Result<()> {
    enter(File::open(path)?.as_fd())
}

/// Moves the calling thread into a namespace. Needs `CAP_SYS_ADMIN` in it and in the thread's user namespace.
pub(crate) fn enter(namespace: BorrowedFd<'_>) -> io::Result<()> {
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))?;
    Ok(())
}

/// Moves the calling thread into a namespace made for it, which goes when the thread ends.
pub(crate) fn enter_new() -> io::Result<()> {
    // SAFETY: no file descriptor table is unshared; that is the one thing the function's contract is about.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_knows_its_namespace_by_the_inode_others_see() {
        let here = current().unwrap();
        assert_eq!(
            here.inode,
            std::fs::metadata("/proc/self/ns/net").unwrap().ino()
        );
        assert_eq!(
            here,
            std::thread::spawn(|| current().unwrap()).join().unwrap()
        );
    }

    #[test]
    fn a_thread_that_moves_does_not_move_the_others() {
        let here = current().unwrap();
        let moved = std::thread::spawn(move || {
            if let Err(error) = enter_new() {
                eprintln!("skipped: cannot make a network namespace: {error}");
                assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
                return;
            }
            assert_ne!(current().unwrap(), here);
            enter_path(Path::new("/proc/self/ns/net")).unwrap();
            assert_eq!(current().unwrap(), here);
        });
        moved.join().unwrap();
        assert_eq!(current().unwrap(), here);
    }

    #[test]
    fn what_is_no_network_namespace_is_refused() {
        assert!(enter_path(Path::new("/proc/self/ns/does-not-exist")).is_err());
        assert!(enter_path(Path::new("/proc/self/status")).is_err());
    }
}
