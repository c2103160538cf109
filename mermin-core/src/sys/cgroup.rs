//! The unified hierarchy of control groups: its root, and paths by id.
#![expect(unsafe_code, reason = "open_by_handle_at(2) has no safe wrapper")]

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::{Path, PathBuf},
};

/// Mount namespaces that are searched, as `/proc` shows them: this thread's, and the host's. A container sees a part of the hierarchy as the
/// whole.
const VIEWS: [(&str, &str); 2] = [
    ("/proc/thread-self/mountinfo", ""),
    ("/proc/1/mountinfo", "/proc/1/root"),
];
/// The id of the root, which is the inode of its directory.
const ROOT: u64 = 1;
/// A handle that is the id of a directory (`FILEID_KERNFS` of `include/linux/exportfs.h`).
const KERNFS: i32 = 0xfe;

/// `struct file_handle` with an id.
#[repr(C)]
struct Handle {
    octets: u32,
    kind: i32,
    id: u64,
}

/// The root of the unified hierarchy.
#[derive(Debug)]
pub(crate) struct Root(File);

impl Root {
    /// Opens it.
    ///
    /// # Errors
    /// `NotFound` if this process sees no root of it.
    pub(crate) fn open() -> io::Result<Self> {
        VIEWS
            .iter()
            .find_map(|(mounts, root)| {
                let mounts = fs::read_to_string(mounts).ok()?;
                let mut points = mounts.lines().filter_map(unified);
                points.find_map(|point| open(Path::new(&format!("{root}{point}"))))
            })
            .map(Self)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Returns the path of the control group with an id. It may have a prefix.
    ///
    /// # Errors
    /// The kernel's: ESTALE if there is no such group any more, EPERM without `CAP_DAC_READ_SEARCH`.
    pub(crate) fn path_of(&self, id: u64) -> io::Result<PathBuf> {
        let mut handle = Handle {
            octets: 8,
            kind: KERNFS,
            id,
        };
        let flags = libc::O_PATH | libc::O_CLOEXEC;
        // SAFETY: the handle is as long as it says and outlives the call.
        let opened = unsafe {
            libc::syscall(
                libc::SYS_open_by_handle_at,
                self.0.as_raw_fd(),
                &raw mut handle,
                flags,
            )
        };
        let opened = i32::try_from(opened).map_err(io::Error::other)?;
        if opened < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made the descriptor, and nobody else knows it.
        let opened = unsafe { OwnedFd::from_raw_fd(opened) };
        fs::read_link(format!("/proc/thread-self/fd/{}", opened.as_raw_fd()))
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The mount point in a line of `mountinfo`, if the unified hierarchy is mounted there. One with a space, which stands there as `\040`, is not
/// found.
fn unified(line: &str) -> Option<&str> {
    let (mount, system) = line.split_once(" - ")?;
    let is_unified = system.split(' ').next() == Some("cgroup2");
    mount.split(' ').nth(4).filter(|_| is_unified)
}

/// Opens a directory that is the root.
fn open(path: &Path) -> Option<File> {
    // Another file system may be mounted over it.
    path.join("cgroup.controllers").metadata().ok()?;
    let directory = File::open(path).ok()?;
    (directory.metadata().ok()?.ino() == ROOT).then_some(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_unified_hierarchy_counts() {
        let both = "39 30 0:37 / /sys/fs/cgroup/systemd rw,relatime shared:9 - cgroup cgroup rw,name=systemd\n\
                    40 30 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";
        let points: Vec<_> = both.lines().filter_map(unified).collect();
        assert_eq!(points, ["/sys/fs/cgroup/unified"]);
    }

    #[test]
    fn root_is_found_by_its_id() {
        let root = match Root::open() {
            Ok(root) => root,
            Err(error) => {
                assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
                return eprintln!("skipped: {error}");
            }
        };
        match root.path_of(ROOT) {
            Ok(path) => assert!(path.join("cgroup.controllers").exists()),
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EPERM)),
        }
        assert!(root.path_of(u64::MAX).is_err());
    }
}
