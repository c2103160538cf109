//! Sockets of this host at the ends of flows, the processes that have them and those that listen: by `sock_diag(7)` and `/proc`, in a
//! thread of its own.
//!
//! The kernel program knows no process. A flow's two ends are looked up as sockets when the flow is first looked at: in the network
//! namespace that is watched, and else in those of other processes. The socket's inode leads to the process that has it open.
//! Records take what is known when they are made; nobody waits.

mod addresses;
mod container;
mod listening;
mod lookup;
mod namespaces;
mod owners;
mod socket;

use std::io;

use crate::{
    probe::privilege::{CAP_SYS_ADMIN, CAP_SYS_PTRACE, lacks},
    report::{Degradation, Feature},
    sys::netns::is_first_pid_namespace,
};

pub(crate) use self::lookup::{FlowEndpoints, Lookup, LookupResult, Wanted};

/// Things that this process cannot see of others, for what is `wanted`.
pub(crate) fn degradations(wanted: Wanted) -> Vec<Degradation> {
    let mut found = Vec::new();
    if wanted.listening_ports {
        found.extend(blind_to_namespaces());
    }
    if wanted.processes {
        found.extend(blind_to_processes());
    }
    found
}

/// No socket can be asked for.
pub(crate) fn no_listening_ports(error: &io::Error) -> Degradation {
    Degradation::new(
        Feature::ListeningPorts,
        format!("sockets cannot be looked up ({error})"),
        "the direction is told by packets and port numbers",
        "of a flow that was joined late it may be unknown",
        "load the kernel modules `tcp_diag` and `udp_diag`",
    )
}

/// Each alone hides the network namespaces of containers.
fn blind_to_namespaces() -> Option<Degradation> {
    let (cause, remedy) = if !is_first_pid_namespace() {
        (
            "this process is in a PID namespace of its own",
            "run it with the host's processes: `hostPID: true`, or `docker run --pid=host`",
        )
    } else if lacks(CAP_SYS_PTRACE) {
        ("CAP_SYS_PTRACE is missing", "grant CAP_SYS_PTRACE")
    } else if lacks(CAP_SYS_ADMIN) {
        ("CAP_SYS_ADMIN is missing", "grant CAP_SYS_ADMIN")
    } else {
        return None;
    };
    Some(Degradation::new(
        Feature::ListeningPorts,
        cause,
        "sockets of some network namespaces are not looked at",
        "the direction of a container's flow that was joined late may be unknown",
        remedy,
    ))
}

fn blind_to_processes() -> Vec<Degradation> {
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
