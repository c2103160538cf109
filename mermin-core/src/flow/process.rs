//! The process at one endpoint of a flow.

use std::sync::Arc;

/// A process of this host that had the socket of one endpoint of a flow open at the time of the look-up, or, if none had, that
/// opened the socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Process {
    /// Process id, as the capturing process sees it.
    pub pid: u32,
    /// Name of its executable, without directories. Absent if it cannot be read, for example because the process
    /// belongs to another user.
    pub executable: Option<Arc<str>>,
    /// Id of its control group in the unified hierarchy (`bpf_get_current_cgroup_id`): the inode of the group's directory.
    pub cgroup_id: Option<u64>,
    /// Id of its container, 64 hexadecimal digits, from the name of its control group.
    pub container_id: Option<Arc<str>>,
}

impl Process {
    /// Creates a process with only its id.
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
