//! Attributes of the processes at the source and the destination.

use super::{name::Name, visitor::Visit};
use crate::flow::{Flow, Process};

/// Attributes of the process at one end of a flow.
pub(super) struct ProcessAttributes {
    pub(super) pid: Name,
    pub(super) executable: Name,
    pub(super) cgroup: Name,
    pub(super) container: Name,
}

pub(super) static SOURCE: ProcessAttributes = ProcessAttributes {
    pid: Name::new("process.pid"),
    executable: Name::new("process.executable.name"),
    cgroup: Name::new("process.cgroup.id"),
    container: Name::new("source.container.id"),
};

pub(super) static DESTINATION: ProcessAttributes = ProcessAttributes {
    pid: Name::new("flow.reverse.process.pid"),
    executable: Name::new("flow.reverse.process.executable.name"),
    cgroup: Name::new("flow.reverse.process.cgroup.id"),
    container: Name::new("destination.container.id"),
};

/// Visits the attributes of both processes.
pub(super) fn give<'a>(visit: &mut impl Visit<'a>, flow: &'a Flow) {
    for (names, process) in [
        (&SOURCE, &flow.source_process),
        (&DESTINATION, &flow.destination_process),
    ] {
        if let Some(process) = process {
            one(visit, names, process);
        }
    }
}

fn one<'a>(visit: &mut impl Visit<'a>, names: &'static ProcessAttributes, process: &'a Process) {
    visit.number(&names.pid, process.pid.into());
    if let Some(executable) = &process.executable {
        visit.text(&names.executable, executable);
    }
    if let Some(cgroup) = process.cgroup_id {
        visit.number(&names.cgroup, cgroup);
    }
    if let Some(container) = &process.container_id {
        visit.text(&names.container, container);
    }
}
