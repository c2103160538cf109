//! Processes that open sockets: attaches the program that notes them.

use std::{io, os::fd::AsFd as _};

use super::{arguments::Purpose, fallback};
use crate::{
    bpf::openers::{OpenerFacts, OpenerProgram},
    probe::unavailable::Unavailable,
    process::OpenedBy,
    report::Degradation,
    source::options::Options,
    sys::{cgroup::Root, netns::is_first_pid_namespace},
};

/// Returns what the program needs to know of this kernel, if a source with these options has the program.
///
/// One that is passed to another process has it not: that process may not look into others. In a PID namespace of its own, this process knows
/// others by other numbers, which is a degradation of all look-ups already.
pub(super) fn facts(
    options: &Options,
    purpose: &Purpose,
    given_up: &mut Vec<Degradation>,
) -> Option<OpenerFacts> {
    let is_asked = options.process && matches!(purpose, Purpose::Capture);
    if !is_asked || !is_first_pid_namespace() {
        return None;
    }
    // Before the kernel's types are read, and before memory for each flow is asked for.
    if Root::open().is_err() {
        given_up.push(fallback::openers(no_root()));
        return None;
    }
    OpenerFacts::read()
        .map_err(|error| given_up.push(fallback::openers(unusable(&error))))
        .ok()
}

/// Attaches the program to all processes of the host.
pub(super) fn attach(program: OpenerProgram) -> Result<OpenedBy, Degradation> {
    let groups = Root::open().map_err(|_| fallback::openers(no_root()))?;
    match program.attach(groups.as_fd()) {
        Ok(openers) => Ok(OpenedBy::new(openers, groups)),
        Err(error) => Err(fallback::openers(unusable(&error))),
    }
}

fn no_root() -> Unavailable {
    Unavailable {
        cause: "the root of the unified hierarchy of control groups is not visible".into(),
        remedy: "mount it: `mount -t cgroup2 none /sys/fs/cgroup/unified`; in a container, see the host's processes and grant CAP_SYS_PTRACE"
            .into(),
    }
}

fn unusable(error: &io::Error) -> Unavailable {
    Unavailable {
        cause: format!("who opens a socket cannot be noted: {error}").into(),
        remedy: "use Linux 5.14 or newer with `CONFIG_CGROUP_BPF` and `CONFIG_DEBUG_INFO_BTF`, and grant CAP_PERFMON"
            .into(),
    }
}
