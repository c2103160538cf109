//! Filters that a killed process left: they count into maps that nobody reads, and are taken away.

use mermin_bpf::abi::ledger::Direction;

use super::{Hooks, owner::Owner, tc};
use crate::iface::Interface;

/// A filter that a killed process had left, and that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Orphan {
    /// The interface it was at.
    pub interface: String,
    /// `true` for the egress hook.
    pub egress: bool,
    /// Its `pref`.
    pub priority: u16,
    /// Its number there.
    pub handle: u32,
}

impl Hooks {
    /// Removes the orphans of a network namespace. What cannot be looked at or removed stays.
    ///
    /// Links of TCX go with their process, so there are none of those.
    pub(crate) fn remove_orphans(&self, interfaces: &[Interface]) -> Vec<Orphan> {
        let carriers = tc::carriers(&self.netlink).unwrap_or_default();
        let mut removed = Vec::new();
        for interface in interfaces.iter().filter(|at| carriers.contains(&at.index)) {
            for direction in [Direction::Ingress, Direction::Egress] {
                let found = tc::owned(&self.netlink, interface.index, direction);
                for (owner, filter) in found.unwrap_or_default() {
                    // Nobody else can come to own it while this is held.
                    let Some(_heir) = Owner::succeed(owner) else {
                        continue;
                    };
                    let (index, priority, handle) =
                        (interface.index, filter.priority, filter.handle);
                    if tc::remove(&self.netlink, index, direction, &filter).is_ok() {
                        removed.push(Orphan {
                            interface: interface.name.clone(),
                            egress: matches!(direction, Direction::Egress),
                            priority,
                            handle,
                        });
                    }
                }
            }
        }
        removed
    }
}
