//! The process that opened a socket: from a program that runs when a socket is opened to user space.

/// Octets of a name, with the zero at its end.
pub const NAME: usize = 64;

/// The sender of a flow's first packet, in a word for each slot: the cookie of its socket, and the side that it is.
pub mod sender {
    /// The sender is the higher endpoint.
    pub const IS_HIGHER: u64 = 1 << 63;
    /// The cookie; 0 if no socket of this host sent the packet. The kernel counts cookies from 1 on.
    pub const COOKIE: u64 = !IS_HIGHER;
}

/// An element of [`MAP_OPENERS`](super::names::MAP_OPENERS).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opener {
    /// Id of the process's control group in the unified hierarchy.
    pub cgroup: u64,
    /// `CLOCK_BOOTTIME` of the socket's start, ns.
    pub opened: u64,
    /// PID in the first PID namespace.
    pub pid: u32,
    /// The socket's protocol.
    pub protocol: u32,
    /// Name of the file that the process executed then, with a zero at its end. Empty if it cannot be read, cut if it is longer.
    pub name: [u8; NAME],
}

/// Offsets of the running kernel that the program reads from an array of constants, by their place there, in octets.
pub mod fact {
    /// `task_struct.tgid`.
    pub const PID: usize = 0;
    /// `task_struct.mm`.
    pub const MEMORY: usize = 1;
    /// `mm_struct.exe_file`.
    pub const FILE: usize = 2;
    /// `file.f_path.dentry`.
    pub const ENTRY: usize = 3;
    /// `dentry.d_name.name`.
    pub const NAME: usize = 4;
    /// Number of facts.
    pub const COUNT: usize = 5;
}
