//! Running processes and the sockets that each has open: `/proc` (proc(5)).

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::container;
use crate::{
    flow::Process,
    sys::netns::{self, NetnsId},
};

const PROC: &str = "/proc";
const NAMESPACE: &str = "ns/net";
/// Mount points of the unified hierarchy: alone, and beside version 1.
const CGROUPS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// The process that had a socket open during the scan.
#[derive(Debug)]
struct Owner {
    process: Arc<Process>,
    /// Its directory in `/proc`, or that of the thread whose files these are.
    directory: Arc<Path>,
    descriptor: u32,
}

impl Owner {
    /// True if the process still has the socket open, and still executes a program of the same name. Since the scan it may have passed the
    /// socket on, ended, or executed another program.
    fn has(&self, socket: u32) -> bool {
        let link = self.directory.join(format!("fd/{}", self.descriptor));
        let found = fs::read_link(link).ok();
        found.and_then(|link| inode(link.to_str()?)) == Some(socket)
            && executable(&self.directory) == self.process.executable
    }
}

/// The result of one scan of all processes.
#[derive(Debug, Default)]
pub(super) struct Owners {
    by_inode: HashMap<u32, Owner>,
    /// A path to each network namespace that has a process.
    pub(super) namespaces: HashMap<NetnsId, PathBuf>,
}

impl Owners {
    /// Scans all readable processes while `go_on` returns true: their network namespaces and, with `sockets`, their
    /// sockets.
    pub(super) fn read(sockets: bool, go_on: impl Fn() -> bool) -> Self {
        let mut owners = Self::default();
        let mut pids: Vec<u32> = fs::read_dir(PROC)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        pids.sort_unstable();
        for pid in pids.into_iter().take_while(|_| go_on()) {
            owners.look_at(pid, sockets);
        }
        owners
    }

    /// Returns the process that has a socket open. If several share it, the one with the lowest id during the scan. `None` if that one has
    /// it no more: another scan may find the next one.
    pub(super) fn of(&self, inode: u32) -> Option<&Arc<Process>> {
        let owner = self.by_inode.get(&inode)?;
        owner.has(inode).then_some(&owner.process)
    }

    fn look_at(&mut self, pid: u32, with_sockets: bool) {
        let own = Path::new(PROC).join(pid.to_string());
        let Some((id, own)) = living(own) else {
            return;
        };
        self.namespaces
            .entry(id)
            .or_insert_with(|| own.join(NAMESPACE));
        if !with_sockets {
            return;
        }
        let sockets = sockets(&own);
        if sockets.is_empty() {
            return;
        }
        let process = Arc::new(describe(pid, &own));
        let directory: Arc<Path> = own.into();
        for (inode, descriptor) in sockets {
            self.by_inode.entry(inode).or_insert_with(|| Owner {
                process: Arc::clone(&process),
                directory: Arc::clone(&directory),
                descriptor,
            });
        }
    }
}

/// Returns the directory of a process, and its network namespace. A process whose first thread has ended goes on in others, and shows nothing
/// in its own directory: then it is that of another thread.
fn living(process: PathBuf) -> Option<(NetnsId, PathBuf)> {
    match netns::at(&process.join(NAMESPACE)) {
        Ok(id) => return Some((id, process)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_) => return None,
    }
    let threads = fs::read_dir(process.join("task")).ok()?.flatten();
    threads
        .map(|thread| thread.path())
        .find_map(|thread| Some((netns::at(&thread.join(NAMESPACE)).ok()?, thread)))
}

/// Returns the inode and a descriptor of each socket that a process has open.
fn sockets(own: &Path) -> HashMap<u32, u32> {
    let descriptors = fs::read_dir(own.join("fd")).into_iter().flatten();
    let socket = |entry: fs::DirEntry| {
        let inode = inode(fs::read_link(entry.path()).ok()?.to_str()?)?;
        Some((inode, entry.file_name().to_str()?.parse().ok()?))
    };
    descriptors.flatten().filter_map(socket).collect()
}

/// Parses `socket:[4711]`.
fn inode(link: &str) -> Option<u32> {
    link.strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

fn describe(pid: u32, own: &Path) -> Process {
    let mut process = Process::new(pid);
    process.executable = executable(own);
    let cgroup = fs::read_to_string(own.join("cgroup")).unwrap_or_default();
    process.container_id = container::of(&cgroup).map(Into::into);
    process.cgroup_id = container::unified(&cgroup).and_then(cgroup_id);
    process
}

/// Returns the name of the program that a process executes.
fn executable(own: &Path) -> Option<Arc<str>> {
    let path = fs::read_link(own.join("exe")).ok()?;
    let name = path.file_name()?.to_str()?;
    // The kernel appends this if the file was replaced or removed.
    Some(name.strip_suffix(" (deleted)").unwrap_or(name).into())
}

/// Returns the id of a control group: the inode of its directory. Only the unified hierarchy has the file.
fn cgroup_id(path: &str) -> Option<u64> {
    CGROUPS.iter().find_map(|root| {
        let directory = Path::new(root).join(path.trim_start_matches('/'));
        directory.join("cgroup.procs").metadata().ok()?;
        let is_unified = Path::new(root).join("cgroup.controllers").exists();
        is_unified
            .then(|| Some(directory.metadata().ok()?.ino()))
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, os::fd::AsRawFd as _};

    use super::*;

    #[test]
    fn own_socket_is_found() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let link = format!("/proc/self/fd/{}", socket.as_raw_fd());
        let inode = inode(fs::read_link(link).unwrap().to_str().unwrap()).unwrap();
        let owners = Owners::read(true, || true);
        let owner = owners.of(inode).unwrap();
        assert_eq!(owner.pid, std::process::id());
        let own = std::env::current_exe().unwrap();
        let name = own.file_name().unwrap().to_str();
        assert_eq!(owner.executable.as_deref(), name);
        assert!(owners.namespaces.contains_key(&netns::current().unwrap()));
        drop(socket);
        assert!(owners.of(inode).is_none(), "it has the socket no more");
        assert!(Owners::read(true, || true).of(inode).is_none());
    }
}
