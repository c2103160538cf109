//! Finds the sockets of this host on both sides of a flow, the processes that have them open, and listening sockets.
//! It uses `sock_diag(7)` and `/proc`, in a thread of its own.
//!
//! The kernel program does not know processes. The thread looks up both endpoints of a flow as sockets when the
//! source first reads the flow: first in the watched network namespace, then in those of other processes. The
//! socket's inode leads to the process. A record has the results known when it is made; nothing waits for a look-up.
//!
//! To find a process, the thread takes three steps (`listening.rs` describes the look-up of listening sockets):
//!
//! 1. **Socket.** `sock_diag(7)` searches for a socket at either endpoint: first in the watched network namespace, then
//!    in those of other processes.
//!    * The thread keeps two netlink sockets in each namespace: one for sockets, one for addresses. To open
//!      them, the thread enters each namespace after a scan of all processes, and then returns to its own. They keep their
//!      namespace alive, so those of a container that is gone are closed within ten seconds, or within twenty times the
//!      duration of a scan if that is longer.
//!    * A match in the watched namespace is used. Among the others, a match is used only if no second namespace has one,
//!      because nothing says which is right.
//!    * This step skips listening sockets. A socket bound to all addresses matches only the namespace's own addresses;
//!      otherwise it would claim forwarded datagrams.
//!    * A closed socket (`TIME_WAIT`) has no inode, so its process is not found.
//! 2. **Process.** The thread searches `/proc/<pid>/fd` of all processes for the socket's inode. That is slow on a host
//!    with many processes, so it searches at most once a second and uses at most 5 % of the time; flows wait for the
//!    next search. If several processes share a socket, the record has the lowest PID. Sockets are passed on, and processes execute other
//!    programs: one that an earlier search found counts only if it still has the socket and executes the same program.
//! 3. **Container.** The process's cgroup path contains the container's id, as container runtimes write it.
//!
//! A program that runs where sockets are opened (`BPF_CGROUP_INET_SOCK_CREATE`) also catches processes that live less than
//! a second (`opened_by.rs`). Of 200 processes that open a connection, send a datagram and end 20 ms later, the look-up alone
//! names none; of 200 that end after 100 ms none, after half a second 26. With the program, joined by the cookie of the
//! socket that sends a flow's first packet, a trial named the processes of all 799 flows of the first two at a veth device.
//! At loopback it names no more than the look-up, because a packet at its ingress has no socket. It costs each socket that
//! any process opens 1.3 to 1.7 µs. It cannot replace the look-up: no hook of a control group names the process that
//! accepts a connection, an inherited socket was opened by another process, and sockets opened earlier have to be looked
//! up in any case.
//!
//! The same thread asks for [translations](crate::nat) of addresses.
//!
//! When the source ends, look-ups that are still in the queue are dropped.

mod addresses;
mod container;
mod listening;
mod lookup;
mod namespaces;
mod opened_by;
mod owners;
mod socket;

use std::io;

use crate::{
    flow::Protocol,
    probe::privilege::{
        CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN, CAP_SYS_PTRACE, lacks,
    },
    report::{Degradation, Feature},
    sys::netns::is_first_pid_namespace,
};

pub(crate) use self::{
    lookup::{FlowEndpoints, Lookup, LookupResult, Question, SocketFinder, Wanted},
    opened_by::OpenedBy,
};

/// Returns degradations for information about other processes that this process cannot read but `wanted` needs.
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

/// Returns the degradation for a host that does not answer requests for sockets.
pub(crate) fn no_listening_ports(error: &io::Error) -> Degradation {
    Degradation::new(
        Feature::ListeningPorts,
        format!("sockets cannot be looked up ({error})"),
        "packets and port numbers decide the direction",
        "the direction of a flow that began before the capture may be unknown",
        "load the kernel modules `tcp_diag` and `udp_diag`",
    )
}

/// Returns the degradations for a protocol whose sockets the kernel does not look up.
pub(crate) fn no_module(wanted: Wanted, protocol: Protocol) -> Vec<Degradation> {
    let module = if protocol == Protocol::TCP {
        "tcp_diag"
    } else {
        "udp_diag"
    };
    let name = protocol.to_string().to_uppercase();
    let row = |feature, fallback: String, effect: String| {
        let cause = format!("the kernel module `{module}` is missing");
        let remedy = format!("type `modprobe {module}`");
        Degradation::new(feature, cause, fallback, effect, remedy)
    };
    let mut found = Vec::new();
    if wanted.listening_ports {
        found.push(row(
            Feature::ListeningPorts,
            format!("packets and port numbers decide the direction of {name} flows"),
            format!("the direction of a {name} flow that began before the capture may be unknown"),
        ));
    }
    if wanted.processes {
        found.push(row(
            Feature::Process,
            format!("only sockets of other protocols than {name} are looked up"),
            format!("{name} flows have no process"),
        ));
    }
    found
}

/// Returns a degradation if this process cannot enter the network namespaces of containers.
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
        "sockets of some network namespaces are not looked up",
        "the direction of a container's flow that began before the capture may be unknown",
        remedy,
    ))
}

fn blind_to_processes() -> Vec<Degradation> {
    let mut found = Vec::new();
    if !is_first_pid_namespace() {
        found.push(Degradation::new(
            Feature::Process,
            "this process is in a PID namespace of its own",
            "only processes of that namespace are looked up",
            "flows of all others have no process",
            "run it with the host's processes: `hostPID: true`, or `docker run --pid=host`",
        ));
    }
    if lacks(CAP_SYS_PTRACE) {
        found.push(Degradation::new(
            Feature::Process,
            "CAP_SYS_PTRACE is missing",
            "only processes of the same user are looked up",
            "flows of all others have no process",
            "grant CAP_SYS_PTRACE",
        ));
    }
    if lacks(CAP_DAC_READ_SEARCH) && lacks(CAP_DAC_OVERRIDE) {
        found.push(Degradation::new(
            Feature::Process,
            "CAP_DAC_READ_SEARCH is missing",
            "only processes of the same user are looked up",
            "flows of all others have no process",
            "grant CAP_DAC_READ_SEARCH",
        ));
    }
    if lacks(CAP_SYS_ADMIN) {
        found.push(Degradation::new(
            Feature::Process,
            "CAP_SYS_ADMIN is missing",
            "only sockets of the watched network namespace are looked up",
            "flows of containers have no process",
            "grant CAP_SYS_ADMIN",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_module_is_a_degradation_of_each_wanted_feature() {
        for (processes, listening_ports, features) in [
            (false, true, &[Feature::ListeningPorts][..]),
            (true, false, &[Feature::Process]),
            (true, true, &[Feature::ListeningPorts, Feature::Process]),
        ] {
            let wanted = Wanted {
                processes,
                listening_ports,
            };
            for (protocol, module) in [(Protocol::TCP, "tcp_diag"), (Protocol::UDP, "udp_diag")] {
                let rows = no_module(wanted, protocol);
                let found: Vec<Feature> = rows.iter().map(|row| row.feature).collect();
                assert_eq!(found, features);
                for row in rows {
                    let cause = format!("the kernel module `{module}` is missing");
                    assert_eq!(row.cause, cause);
                    assert_eq!(row.remedy, format!("type `modprobe {module}`"));
                }
            }
        }
    }
}
