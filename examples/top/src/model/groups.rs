//! Sums of flows by interface and by process.

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use mermin_core::{Flow, flow::Process};

use super::{KEPT, tally::Tally};

/// Flows of one interface or process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// Number of open flows.
    pub(crate) flows: u64,
    pub(crate) tally: Tally,
    /// Frames since the group had a flow or traffic.
    idle: u64,
}

/// The executable is part of the key, because process ids are reused.
type ProcessKey = (u32, Option<Arc<str>>);

impl Group {
    /// Returns false if the group has been idle for longer than rows are kept.
    fn end_frame(&mut self, took: Duration) -> bool {
        self.tally.end_frame(took);
        let is_idle = self.flows == 0 && self.tally.packet_rate == 0.0;
        self.idle = if is_idle { self.idle + 1 } else { 0 };
        self.idle <= KEPT
    }
}

/// The sums of all groups.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    interfaces: HashMap<u32, Group>,
    /// A flow is in the sums of the processes on both sides.
    processes: HashMap<ProcessKey, Group>,
}

impl Groups {
    /// Adds octets and packets of a flow.
    pub(super) fn add(&mut self, flow: &Flow, more: [u64; 2]) {
        self.interface(flow).tally.add(more);
        for process in processes(flow) {
            self.process(process).tally.add(more);
        }
    }

    /// Starts to count open flows again.
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

    /// Ends a frame of this duration. Idle groups are removed once the rows of their flows are removed.
    pub(super) fn end_frame(&mut self, took: Duration, is_over: bool) {
        self.interfaces
            .retain(|_, group| group.end_frame(took) || is_over);
        self.processes
            .retain(|_, group| group.end_frame(took) || is_over);
    }

    /// Returns the interfaces, in no order.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &Group> {
        self.interfaces.values()
    }

    /// Returns the processes, in no order.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &Group> {
        self.processes.values()
    }

    fn interface(&mut self, flow: &Flow) -> &mut Group {
        of(&mut self.interfaces, flow.interface.index, || {
            flow.interface.name.to_string()
        })
    }

    fn process(&mut self, process: &Process) -> &mut Group {
        of(&mut self.processes, key(process), || {
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

/// Returns the processes on both sides of a flow. If both are the same, it is returned once.
fn processes(flow: &Flow) -> impl Iterator<Item = &Process> {
    let source = flow.source_process.as_deref();
    let destination = flow.destination_process.as_deref();
    let other = destination.filter(|it| source.is_none_or(|source| key(source) != key(it)));
    source.into_iter().chain(other)
}

fn key(process: &Process) -> ProcessKey {
    (process.pid, process.executable.clone())
}

#[cfg(test)]
mod tests {
    use mermin_core::flow::EndReason;

    use super::*;
    use crate::model::{Model, tests::flow};

    #[test]
    fn flow_adds_to_its_interface_and_both_processes() {
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

    /// Returns the names of the processes, in order.
    fn processes_of(model: &Model) -> Vec<&str> {
        let mut names: Vec<_> = model.groups.processes().map(|group| &*group.name).collect();
        names.sort_unstable();
        names
    }

    fn by(number: u16, packets: u64, executable: &str) -> Flow {
        let mut process = Process::new(7);
        process.executable = Some(executable.into());
        let mut flow = flow(number, packets);
        flow.source_process = Some(Arc::new(process));
        flow
    }

    #[test]
    fn reused_pid_is_another_process() {
        let mut model = Model::default();
        model.open(&[by(1, 10, "curl"), by(2, 5, "sshd")]);
        model.end_frame(Duration::from_secs(1));
        assert_eq!(processes_of(&model), ["curl [7]", "sshd [7]"]);
    }

    #[test]
    fn group_is_removed_after_its_rows_unless_the_source_ended() {
        for is_over in [false, true] {
            let mut model = Model::default();
            model.open(&[by(1, 10, "sshd"), by(2, 5, "curl")]);
            model.end_frame(Duration::from_secs(1));
            let mut end = by(2, 5, "curl");
            end.end_reason = EndReason::EndOfFlow;
            model.record(&end);
            model.is_over = is_over;
            for _ in 0..=KEPT + 1 {
                if model.row(end.id).is_some() {
                    assert_eq!(processes_of(&model), ["curl [7]", "sshd [7]"]);
                }
                model.open(&[by(1, 10, "sshd")]);
                model.end_frame(Duration::from_secs(1));
            }
            assert_eq!(model.row(end.id).is_some(), is_over);
            let left: &[&str] = if is_over {
                &["curl [7]", "sshd [7]"]
            } else {
                &["sshd [7]"]
            };
            assert_eq!(processes_of(&model), left);
            // The interface still has a flow.
            assert_eq!(model.groups.interfaces().count(), 1);
        }
    }
}
