//! Network namespaces: the one of the calling thread, and entering another.
//!
//! A thread's namespace decides what its new sockets and its bpf(2) attachments refer to; other threads are not
//! affected. Sockets stay in the namespace that they were created in.
#![expect(
    unsafe_code,
    reason = "what a host can do is tried in a namespace of its own, and unshare(2) is unsafe for its other flags"
)]

use std::{
    fs::{File, Metadata},
    io,
    os::{fd::BorrowedFd, unix::fs::MetadataExt},
    path::Path,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The namespace of the calling thread.
pub(crate) const OWN: &str = "/proc/thread-self/ns/net";

/// Identity of a network namespace among all that exist at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NetnsId {
    /// Device of the namespace file system.
    pub(crate) device: u64,
    /// Inode there, as `ls -l /proc/self/ns/net` shows it.
    pub(crate) inode: u64,
}

impl From<Metadata> for NetnsId {
    fn from(metadata: Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// The calling thread's network namespace.
pub(crate) fn current() -> io::Result<NetnsId> {
    at(Path::new(OWN))
}

/// The namespace at a path, such as `/run/netns/<name>` or `/proc/<pid>/ns/net`.
pub(crate) fn at(path: &Path) -> io::Result<NetnsId> {
    Ok(std::fs::metadata(path)?.into())
}

/// Opens the namespace at a path. Below `/proc` of another process that needs the right to inspect it (ptrace(2)).
pub(crate) fn open(path: &Path) -> io::Result<(File, NetnsId)> {
    let file = File::open(path)?;
    let id = file.metadata()?.into();
    Ok((file, id))
}

/// True if the PID namespace of this process is the machine's first (`PROC_PID_INIT_INO`).
pub(crate) fn is_first_pid_namespace() -> bool {
    const FIRST: u64 = 0xefff_fffc;
    std::fs::metadata("/proc/self/ns/pid").is_ok_and(|namespace| namespace.ino() == FIRST)
}

/// Moves the calling thread into a namespace. Needs `CAP_SYS_ADMIN` in it and in the thread's user namespace.
pub(crate) fn enter(namespace: BorrowedFd<'_>) -> io::Result<()> {
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))?;
    Ok(())
}

/// Moves the calling thread into a new namespace, which ends with the thread.
pub(crate) fn enter_new() -> io::Result<()> {
    // SAFETY: no file descriptor table is unshared; that is the one thing the function's contract is about.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn thread_namespace_inode_equals_the_one_others_see() {
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
    fn entering_a_namespace_moves_one_thread_only() {
        let here = current().unwrap();
        let moved = std::thread::spawn(move || {
            if let Err(error) = enter_new() {
                eprintln!("skipped: cannot make a network namespace: {error}");
                assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
                return;
            }
            assert_ne!(current().unwrap(), here);
            let (namespace, id) = open(Path::new("/proc/self/ns/net")).unwrap();
            assert_eq!(id, here);
            enter(namespace.as_fd()).unwrap();
            assert_eq!(current().unwrap(), here);
        });
        moved.join().unwrap();
        assert_eq!(current().unwrap(), here);
    }

    #[test]
    fn other_files_are_no_network_namespace() {
        assert!(open(Path::new("/proc/self/ns/does-not-exist")).is_err());
        let (file, _) = open(Path::new("/proc/self/status")).unwrap();
        assert!(enter(file.as_fd()).is_err());
    }
}
