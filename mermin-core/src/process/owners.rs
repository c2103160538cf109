//! The processes there are, and the sockets that each has open: `/proc` (proc(5)).

use std::{
    collections::{HashMap, HashSet},
    fs,
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
/// Where the unified hierarchy is, and where it is beside others.
const CGROUPS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// One look at all processes.
#[derive(Debug, Default)]
pub(super) struct Owners {
    by_inode: HashMap<u32, Arc<Process>>,
    /// A path to each network namespace that a process is in.
    pub(super) namespaces: HashMap<NetnsId, PathBuf>,
}

impl Owners {
    /// Looks at all processes that may be looked at, as long as it is to `go_on`: at their network namespaces, and at their
    /// `sockets` where those are asked for.
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

    /// The process that has a socket open; of several that share it the one with the lowest number.
    pub(super) fn of(&self, inode: u32) -> Option<&Arc<Process>> {
        self.by_inode.get(&inode)
    }

    fn look_at(&mut self, pid: u32, with_sockets: bool) {
        let own = Path::new(PROC).join(pid.to_string());
        let namespace = own.join("ns/net");
        if let Ok(id) = netns::at(&namespace) {
            self.namespaces.entry(id).or_insert(namespace);
        }
        if !with_sockets {
            return;
        }
        let sockets = sockets(&own);
        if sockets.is_empty() {
            return;
        }
        let process = Arc::new(describe(pid, &own));
        for inode in sockets {
            self.by_inode
                .entry(inode)
                .or_insert_with(|| Arc::clone(&process));
        }
    }
}

/// Inodes of the sockets that a process has open.
fn sockets(own: &Path) -> HashSet<u32> {
    let descriptors = fs::read_dir(own.join("fd")).into_iter().flatten();
    let links = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    links.filter_map(|link| inode(link.to_str()?)).collect()
}

/// `socket:[4711]`.
fn inode(link: &str) -> Option<u32> {
    link.strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

fn describe(pid: u32, own: &Path) -> Process {
    let mut process = Process::new(pid);
    let executable = fs::read_link(own.join("exe"));
    process.executable = executable.ok().and_then(|path| {
        let name = path.file_name()?.to_str()?;
        // The kernel says so of a file that was replaced or removed.
        Some(name.strip_suffix(" (deleted)").unwrap_or(name).into())
    });
    let cgroup = fs::read_to_string(own.join("cgroup")).unwrap_or_default();
    process.container_id = container::of(&cgroup).map(Into::into);
    process.cgroup_id = container::unified(&cgroup).and_then(cgroup_id);
    process
}

/// A group's id is the inode of its directory, where only the unified hierarchy has the file.
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
    fn the_own_socket_is_found() {
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
        assert!(Owners::read(true, || true).of(inode).is_none());
    }
}
