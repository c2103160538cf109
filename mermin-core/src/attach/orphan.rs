//! Orphans: filters of a killed process. They count into maps that nobody reads, and are removed.
//!
//! Filters of a pinned instance wait for the next source of its name. They become orphans when nothing is pinned any
//! more, for example because the BPF file system disappeared with its container. The programs that such a filter
//! calls no longer exist then.

use std::{collections::HashMap, io};

use mermin_bpf::abi::ledger;

use super::{
    Hooks,
    owner::Owner,
    tc::{self, Whose},
};
use crate::{
    iface::Interface,
    report::{HookDirection, Orphan},
    sys::bpf_program,
};

/// The decision about a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Its owner is alive, or the next one will take it over.
    Stays,
    Removed,
    /// Its process is dead, and it is unknown if another process will take it over.
    Said,
}

impl Hooks {
    /// Removes the orphans of a network namespace. A filter that cannot be read or removed stays.
    ///
    /// TCX links end with their process or their pin, so none of them are orphans.
    pub(crate) fn remove_orphans(&self, interfaces: &[Interface]) -> Vec<Orphan> {
        let with_qdisc = tc::with_qdisc(&self.netlink).unwrap_or_default();
        // Each owner's address is taken once and held until the end. A child of this process, between fork and exec, could
        // hold an address that was taken, released and taken again, and the owner would look alive.
        let mut heirs = HashMap::new();
        let mut is_dead = |token| {
            let heir = heirs.entry(token).or_insert_with(|| Owner::succeed(token));
            heir.is_some()
        };
        let mut orphans = Vec::new();
        for interface in interfaces
            .iter()
            .filter(|at| with_qdisc.contains(&at.index))
        {
            for direction in [
                ledger::HookDirection::Ingress,
                ledger::HookDirection::Egress,
            ] {
                let found = tc::owned(&self.netlink, interface.index, direction);
                for (whose, filter) in found.unwrap_or_default() {
                    let (priority, handle) = (filter.priority, filter.handle);
                    let remedy = match self.fate(whose, filter.program, &mut is_dead) {
                        Fate::Removed => {
                            let index = interface.index;
                            if tc::remove(&self.netlink, index, direction, &filter).is_err() {
                                continue;
                            }
                            None
                        }
                        Fate::Said => {
                            let name = &interface.name;
                            Some(tc::delete_command(name, direction, priority, handle))
                        }
                        Fate::Stays => continue,
                    };
                    orphans.push(Orphan {
                        interface: interface.name.clone(),
                        direction: HookDirection::of(direction),
                        priority,
                        handle,
                        remedy,
                    });
                }
            }
        }
        orphans
    }

    fn fate(
        &self,
        whose: Whose,
        program: Option<u32>,
        is_dead: &mut impl FnMut(u64) -> bool,
    ) -> Fate {
        let token = match whose {
            Whose::Process(token) if is_dead(token) => return Fate::Removed,
            Whose::Process(_) | Whose::Unknown => return Fate::Stays,
            Whose::Staying(token) => token,
        };
        let Some(program) = program else {
            return Fate::Stays;
        };
        let pinned_hooks = self.pinned.as_ref();
        let is_ours = pinned_hooks.is_some_and(|hooks| hooks.knows(program));
        if is_ours || token.is_some_and(|token| !is_dead(token)) {
            return Fate::Stays;
        }
        staying(&bpf_program::hands_over(program), token.is_some())
    }
}

/// Decides about a filter of a pinned instance whose process is dead, if its name has the token.
fn staying(hands_over: &io::Result<bool>, is_told: bool) -> Fate {
    match hands_over {
        Ok(false) => Fate::Removed,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && is_told => Fate::Said,
        // Pins keep the programs that it calls.
        Ok(true) | Err(_) => Fate::Stays,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_filter_is_removed_after_its_pins() {
        let denied = || Err(io::ErrorKind::PermissionDenied.into());
        let gone = || Err(io::ErrorKind::NotFound.into());
        for (hands_over, is_told, expected) in [
            (Ok(true), true, Fate::Stays),
            (Ok(false), true, Fate::Removed),
            (Ok(false), false, Fate::Removed),
            (denied(), true, Fate::Said),
            // A filter of a version without tokens: its process may be alive.
            (denied(), false, Fate::Stays),
            (gone(), true, Fate::Stays),
        ] {
            assert_eq!(staying(&hands_over, is_told), expected, "{hands_over:?}");
        }
    }
}
