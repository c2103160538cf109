//! Processes that have the local sockets of flows: by `sock_diag(7)` and `/proc`, in a thread of its own.
//!
//! The kernel program knows no process. A flow's two ends are looked up as sockets when the flow is first looked at: in the network
//! namespace that is watched, and else in those of other processes. The socket's inode leads to the process that has it open.
//! Records take what is known when they are made; nobody waits.

mod addresses;
mod container;
mod lookup;
mod namespaces;
mod owners;
mod socket;

use crate::{
    probe::privilege::{CAP_SYS_ADMIN, CAP_SYS_PTRACE, lacks},
    report::{Degradation, Feature},
    sys::netns::is_first_pid_namespace,
};

pub(crate) use self::lookup::{Ends, Lookup};

/// Things that this process cannot see of others.
pub(crate) fn degradations() -> Vec<Degradation> {
    let mut found = Vec::new();
    if !is_first_pid_namespace() {
        found.push(Degradation::new(
            Feature::Process,
            "this process is in a PID namespace of its own",
            "processes of that namespace alone are looked at",
            "flows of all others have no process",
            "run it with the host's processes: `hostPID: true`, or `docker run --pid=host`",
        ));
    }
    if lacks(CAP_SYS_PTRACE) {
        found.push(Degradation::new(
            Feature::Process,
            "CAP_SYS_PTRACE is missing",
            "processes of the same user alone are looked at",
            "flows of all others have no process",
            "grant CAP_SYS_PTRACE",
        ));
    }
    if lacks(CAP_SYS_ADMIN) {
        found.push(Degradation::new(
            Feature::Process,
            "CAP_SYS_ADMIN is missing",
            "sockets of the watched network namespace alone are looked at",
            "flows of containers have no process",
            "grant CAP_SYS_ADMIN",
        ));
    }
    found
}
