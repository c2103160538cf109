//! Processes at the two ends.

use super::value::Value;
use crate::flow::{Flow, Process};

/// Names of what is known of one.
pub(super) struct Names {
    pub(super) pid: &'static str,
    pub(super) executable: &'static str,
    pub(super) cgroup: &'static str,
    pub(super) container: &'static str,
}

pub(super) const SOURCE: Names = Names {
    pid: "process.pid",
    executable: "process.executable.name",
    cgroup: "process.cgroup.id",
    container: "source.container.id",
};

pub(super) const DESTINATION: Names = Names {
    pid: "flow.reverse.process.pid",
    executable: "flow.reverse.process.executable.name",
    cgroup: "flow.reverse.process.cgroup.id",
    container: "destination.container.id",
};

/// Gives what is known of both.
pub(super) fn give<'a>(visit: &mut impl FnMut(&'static str, Value<'a>), flow: &'a Flow) {
    for (names, process) in [
        (&SOURCE, &flow.source_process),
        (&DESTINATION, &flow.destination_process),
    ] {
        if let Some(process) = process {
            one(visit, names, process);
        }
    }
}

fn one<'a>(visit: &mut impl FnMut(&'static str, Value<'a>), names: &Names, process: &'a Process) {
    visit(names.pid, Value::Number(process.pid.into()));
    if let Some(executable) = &process.executable {
        visit(names.executable, Value::Text((&**executable).into()));
    }
    if let Some(cgroup) = process.cgroup_id {
        visit(names.cgroup, Value::Number(cgroup));
    }
    if let Some(container) = &process.container_id {
        visit(names.container, Value::Text((&**container).into()));
    }
}
