//! The process that opened a socket, as a record names it.

use std::{collections::HashMap, sync::Arc};

use mermin_bpf::abi::opener::{NAME, Opener};

use super::container;
use crate::{
    bpf::openers::{FirstSender, Openers},
    flow::{Process, Protocol},
    sys::cgroup::Root,
};

/// Processes that opened the sockets of flows.
pub(crate) struct OpenedBy {
    openers: Openers,
    groups: Root,
    /// Containers of control groups, since the last [`forget`](Self::forget).
    containers: HashMap<u64, Option<Arc<str>>>,
}

impl OpenedBy {
    pub(crate) fn new(openers: Openers, groups: Root) -> Self {
        Self {
            openers,
            groups,
            containers: HashMap::new(),
        }
    }

    /// Returns the process that opened the socket which sent a flow's first packet, at the place of that side: source or destination. It is of
    /// this flow if the flow had not ended when this was called.
    pub(super) fn find(
        &mut self,
        slot: u32,
        protocol: Protocol,
        is_source_higher: bool,
    ) -> [Option<Arc<Process>>; 2] {
        let sender = self.openers.of(slot);
        let Some(FirstSender { opener, is_higher }) = sender else {
            return [None, None];
        };
        // A tunnel has a protocol of its own, and may have the port of a socket whose packet is inside.
        if opener.protocol != u32::from(protocol.0) {
            return [None, None];
        }
        let process = Some(Arc::new(self.process(&opener)));
        if is_higher == is_source_higher {
            [process, None]
        } else {
            [None, process]
        }
    }

    /// Forgets control groups, which may be gone.
    pub(super) fn forget(&mut self) {
        self.containers.clear();
    }

    fn process(&mut self, opener: &Opener) -> Process {
        let mut process = Process::new(opener.pid);
        process.executable = name(&opener.name).map(Into::into);
        process.cgroup_id = Some(opener.cgroup);
        process.container_id = self.container(opener.cgroup);
        process
    }

    /// A control group that is gone has no path any more.
    fn container(&mut self, group: u64) -> Option<Arc<str>> {
        if let Some(known) = self.containers.get(&group) {
            return known.clone();
        }
        let path = self.groups.path_of(group).ok()?;
        let found: Option<Arc<str>> = container::id(path.to_str()?).map(Into::into);
        self.containers.insert(group, found.clone());
        found
    }
}

/// The name before the zero. `None` if there is none, or if it may be cut.
fn name(octets: &[u8; NAME]) -> Option<&str> {
    let end = octets.iter().position(|octet| *octet == 0)?;
    let name = str::from_utf8(&octets[..end]).ok()?;
    (!name.is_empty() && end < NAME - 1).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_that_may_be_cut_is_none() {
        let of = |text: &str| {
            let mut octets = [0; NAME];
            octets[..text.len()].copy_from_slice(text.as_bytes());
            name(&octets).map(str::to_owned)
        };
        assert_eq!(of("curl").as_deref(), Some("curl"));
        assert_eq!(of(""), None);
        assert_eq!(of(&"x".repeat(NAME - 2)), Some("x".repeat(NAME - 2)));
        assert_eq!(of(&"x".repeat(NAME - 1)), None);
        assert_eq!(of(&"x".repeat(NAME)), None);
    }
}
