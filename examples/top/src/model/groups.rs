//! Sums of flows by interface and by process.

use std::{collections::HashMap, hash::Hash, time::Duration};

use mermin_core::{Flow, flow::Process};

use super::tally::Tally;

/// Flows that have something in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// That are open.
    pub(crate) flows: u64,
    pub(crate) tally: Tally,
}

/// All sums.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    interfaces: HashMap<u32, Group>,
    /// A flow is in the sums of both of its ends.
    processes: HashMap<u32, Group>,
}

impl Groups {
    /// Adds octets and packets of a flow.
    pub(super) fn add(&mut self, flow: &Flow, more: [u64; 2]) {
        self.interface(flow).tally.add(more);
        for process in processes(flow) {
            self.process(process).tally.add(more);
        }
    }

    /// Flows are counted anew.
    pub(super) fn begin_count(&mut self) {
        for group in self
            .interfaces
            .values_mut()
            .chain(self.processes.values_mut())
        {
            group.flows = 0;
        }
    }

    pub(super) fn count(&mut self, flow: &Flow) {
        self.interface(flow).flows += 1;
        for process in processes(flow) {
            self.process(process).flows += 1;
        }
    }

    pub(super) fn end_frame(&mut self, took: Duration) {
        for group in self
            .interfaces
            .values_mut()
            .chain(self.processes.values_mut())
        {
            group.tally.end_frame(took);
        }
    }

    /// By interface, in no order.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &Group> {
        self.interfaces.values()
    }

    /// By process, in no order.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &Group> {
        self.processes.values()
    }

    fn interface(&mut self, flow: &Flow) -> &mut Group {
        of(&mut self.interfaces, flow.interface.index, || {
            flow.interface.name.to_string()
        })
    }

    fn process(&mut self, process: &Process) -> &mut Group {
        of(&mut self.processes, process.pid, || {
            let name = process.executable.as_deref().unwrap_or("?");
            format!("{name} [{}]", process.pid)
        })
    }
}

fn of<K: Eq + Hash>(
    groups: &mut HashMap<K, Group>,
    key: K,
    name: impl FnOnce() -> String,
) -> &mut Group {
    groups.entry(key).or_insert_with(|| Group {
        name: name(),
        ..Group::default()
    })
}

/// Processes at the ends of a flow, one that is at both once.
fn processes(flow: &Flow) -> impl Iterator<Item = &Process> {
    let source = flow.source_process.as_deref();
    let destination = flow.destination_process.as_deref();
    let other = destination.filter(|it| source.is_none_or(|source| source.pid != it.pid));
    source.into_iter().chain(other)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Model, tests::flow};

    #[test]
    fn a_flow_is_in_the_sums_of_its_interface_and_of_both_processes() {
        let mut model = Model::default();
        let mut local = flow(1, 10);
        local.source_process = Some(Arc::new(Process::new(7)));
        let mut other = Process::new(8);
        other.executable = Some("curl".into());
        local.destination_process = Some(Arc::new(other));
        let mut both = flow(2, 1);
        both.source_process = Some(Arc::new(Process::new(7)));
        both.destination_process.clone_from(&both.source_process);
        for _ in 0..2 {
            model.open(&[local.clone(), both.clone()]);
            model.end_frame(Duration::from_secs(1));
        }
        let told = |groups: Vec<&Group>| {
            let mut told: Vec<(String, u64, u64)> = groups
                .iter()
                .map(|group| (group.name.clone(), group.flows, group.tally.packets))
                .collect();
            told.sort();
            told
        };
        let interfaces = told(model.groups.interfaces().collect());
        assert_eq!(interfaces, [("eth0".to_owned(), 2, 11)]);
        let processes = told(model.groups.processes().collect());
        let expected = [("? [7]", 2, 11), ("curl [8]", 1, 10)];
        assert_eq!(
            processes,
            expected.map(|(name, flows, packets)| (name.to_owned(), flows, packets))
        );
    }
}
