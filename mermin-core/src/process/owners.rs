//! Running processes and the sockets that each has open: `/proc` (proc(5)).

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
/// Mount points of the unified hierarchy: alone, and beside version 1.
const CGROUPS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// The result of one scan of all processes.
#[derive(Debug, Default)]
pub(super) struct Owners {
    by_inode: HashMap<u32, Arc<Process>>,
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

    /// Returns the process that has a socket open. If several share it, the one with the lowest id.
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

/// Returns the inodes of the sockets that a process has open.
fn sockets(own: &Path) -> HashSet<u32> {
    let descriptors = fs::read_dir(own.join("fd")).into_iter().flatten();
    let links = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    links.filter_map(|link| inode(link.to_str()?)).collect()
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
    let executable = fs::read_link(own.join("exe"));
    process.executable = executable.ok().and_then(|path| {
        let name = path.file_name()?.to_str()?;
        // The kernel appends this if the file was replaced or removed.
        Some(name.strip_suffix(" (deleted)").unwrap_or(name).into())
    });
    let cgroup = fs::read_to_string(own.join("cgroup")).unwrap_or_default();
    process.container_id = container::of(&cgroup).map(Into::into);
    process.cgroup_id = container::unified(&cgroup).and_then(cgroup_id);
    process
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
        assert!(Owners::read(true, || true).of(inode).is_none());
    }
}
