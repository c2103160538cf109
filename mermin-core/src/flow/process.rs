//! The process at one end of a flow.

use std::sync::Arc;

/// A process of this host that had the socket of a flow's end open when that was looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Process {
    /// Its number, as the capturing process sees it.
    pub pid: u32,
    /// Name of its executable, without directories; absent where that cannot be read, as of a process of another user.
    pub executable: Option<Arc<str>>,
    /// Id of its control group in the unified hierarchy (`bpf_get_current_cgroup_id`): the inode of the group's directory.
    pub cgroup_id: Option<u64>,
    /// Id of its container, 64 hexadecimal digits, by the name of its control group.
    pub container_id: Option<Arc<str>>,
}

impl Process {
    /// One of which nothing but its number is known.
    #[must_use]
    pub const fn new(pid: u32) -> Self {
        Self {
            pid,
            executable: None,
            cgroup_id: None,
            container_id: None,
        }
    }
}
