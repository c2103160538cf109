//! Columns of the processes on both sides of a flow.

use std::sync::Arc;

use mermin_core::{Flow, flow::Process};

use super::way::{Way, counted, small, text};

pub(super) fn of_process(name: &str) -> Option<Way> {
    match name {
        "source.container.id" => Some(container(|flow| &flow.source_process)),
        "destination.container.id" => Some(container(|flow| &flow.destination_process)),
        _ => process(name, |flow| &flow.source_process),
    }
}

type Which = fn(&Flow) -> &Option<Arc<Process>>;

pub(super) fn process(name: &str, which: Which) -> Option<Way> {
    Some(match name {
        "process.pid" => small(32, move |flow| Some(which(flow).as_ref()?.pid)),
        "process.executable.name" => text(move |flow| which(flow).as_ref()?.executable.as_deref()),
        "process.cgroup.id" => counted(move |flow| which(flow).as_ref()?.cgroup_id),
        _ => return None,
    })
}

fn container(which: Which) -> Way {
    text(move |flow| which(flow).as_ref()?.container_id.as_deref())
}
