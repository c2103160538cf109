//! Sums of flows by interface, by process and by name. A sampled flow counts as the flows that it stands for.

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use mermin_core::{
    Flow,
    flow::{Application, Process},
};
use mermin_program::stands_for;

use super::{KEPT, tally::Tally};

/// Flows of one interface, process or name.
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
/// A protocol and a name in its messages.
type NameKey = (&'static str, Arc<str>);

/// The part of a flow in its groups.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Joined {
    /// The group has the flow's sums. The interface always has; processes and names are known some time after a flow
    /// begins, and then its earlier packets are added.
    source: bool,
    destination: bool,
    name: bool,
    /// All groups count it as an open flow.
    is_counted: bool,
}

impl Group {
    /// Adds the packets since the latest frame. The first time, the flow's `earlier` packets are added too.
    fn join(&mut self, has_joined: &mut bool, earlier: [u64; 2], more: [u64; 2]) {
        if !std::mem::replace(has_joined, true) {
            self.tally.add_earlier(earlier);
        }
        self.tally.add(more);
    }

    /// Changes the number of open flows.
    fn count(&mut self, change: fn(u64, u64) -> u64, interval: u64) {
        self.flows = change(self.flows, interval);
        self.tally.is_estimate |= interval > 1;
    }

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
    /// A flow is in the sums of one name.
    names: HashMap<NameKey, Group>,
}

impl Groups {
    /// Adds octets and packets of a flow: `more` since the latest frame, after `earlier` ones.
    pub(super) fn add(
        &mut self,
        flow: &Flow,
        joined: &mut Joined,
        earlier: [u64; 2],
        more: [u64; 2],
    ) {
        if more[1] == 0 && !lacks(flow, *joined) {
            return;
        }
        self.interface(flow).tally.add(more);
        let [source, destination] = processes(flow);
        if let Some(process) = source {
            let group = self.process(process);
            group.join(&mut joined.source, earlier, more);
        }
        if let Some(process) = destination {
            let group = self.process(process);
            group.join(&mut joined.destination, earlier, more);
        }
        if let Some(key) = name(flow) {
            self.name(key).join(&mut joined.name, earlier, more);
        }
    }

    /// Counts a flow as open, unless it is counted.
    pub(super) fn enter(&mut self, flow: &Flow, joined: &mut Joined) {
        if !std::mem::replace(&mut joined.is_counted, true) {
            self.count(flow, u64::saturating_add);
        }
    }

    /// Undoes [`enter`](Self::enter), for a flow of the same groups.
    pub(super) fn leave(&mut self, flow: &Flow, joined: &mut Joined) {
        if std::mem::take(&mut joined.is_counted) {
            self.count(flow, u64::saturating_sub);
        }
    }

    fn count(&mut self, flow: &Flow, change: fn(u64, u64) -> u64) {
        let interval = stands_for(flow);
        self.interface(flow).count(change, interval);
        for process in processes(flow).into_iter().flatten() {
            self.process(process).count(change, interval);
        }
        if let Some(key) = name(flow) {
            self.name(key).count(change, interval);
        }
    }

    /// Ends a frame of this duration. Idle groups are removed once the rows of their flows are removed.
    pub(super) fn end_frame(&mut self, took: Duration, is_over: bool) {
        let stays = |group: &mut Group| group.end_frame(took) || is_over;
        self.interfaces.retain(|_, group| stays(group));
        self.processes.retain(|_, group| stays(group));
        self.names.retain(|_, group| stays(group));
    }

    /// Returns the interfaces, in no order.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = &Group> {
        self.interfaces.values()
    }

    /// Returns the processes, in no order.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &Group> {
        self.processes.values()
    }

    /// Returns the names, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Group> {
        self.names.values()
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

    fn name(&mut self, key: NameKey) -> &mut Group {
        let (protocol, name) = (key.0, Arc::clone(&key.1));
        of(&mut self.names, key, || format!("{protocol} {name}"))
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

/// Returns true if two states of a flow have the same groups.
pub(super) fn are_same(one: &Flow, other: &Flow) -> bool {
    one.interface.index == other.interface.index
        && one.source_process == other.source_process
        && one.destination_process == other.destination_process
        && one.application == other.application
}

/// Returns true if a group of the flow lacks its sums.
fn lacks(flow: &Flow, joined: Joined) -> bool {
    let [source, destination] = processes(flow);
    source.is_some() && !joined.source
        || destination.is_some() && !joined.destination
        || !joined.name && name(flow).is_some()
}

/// Returns the processes on both sides of a flow. If both are the same, it is the source's alone.
fn processes(flow: &Flow) -> [Option<&Process>; 2] {
    let source = flow.source_process.as_deref();
    let destination = flow.destination_process.as_deref();
    let other = destination.filter(|it| source.is_none_or(|source| key(source) != key(it)));
    [source, other]
}

fn key(process: &Process) -> ProcessKey {
    (process.pid, process.executable.clone())
}

/// Returns the name that a flow asked for: the server of TLS, the host of HTTP, or the question of DNS.
fn name(flow: &Flow) -> Option<NameKey> {
    let Application {
        tls,
        http_host,
        dns,
        ..
    } = flow.application.as_deref()?;
    let server = tls.as_ref().and_then(|tls| tls.server_name.as_ref());
    let question = dns.as_ref().map(|dns| &dns.question);
    let named = [
        ("tls", server),
        ("http", http_host.as_ref()),
        ("dns", question),
    ];
    let mut named = named.into_iter();
    named.find_map(|(protocol, name)| Some((protocol, Arc::clone(name?))))
}

#[cfg(test)]
mod tests;
