//! Attaches a filter to a hook with clsact and `cls_bpf`, on any kernel.
//!
//! **Ownership of the qdisc.** The first source adds the clsact qdisc and the last one removes it, in any process.
//! The filters' names record in the kernel that a source added the qdisc (`mark`): a source that adds the qdisc, or finds a marked
//! filter on it, marks its own filter with `+clsact`. Detaching deletes the qdisc if the deleted filter had the mark
//! and no filter is left in either direction. If the filter was already gone, the qdisc may be a new one of another
//! program, so it stays.
//!
//! The kernel has no "delete if empty". Sources take turns (`turn`), so they do not delete each other's filters. A
//! filter that another program adds in the microseconds between the last check and the deletion is deleted too. This
//! can only happen if the source added the qdisc.

pub(crate) mod filter;
mod mark;
mod qdisc;
mod refusal;
mod turn;

use std::{collections::BTreeSet, fmt, io, rc::Rc};

use mermin_bpf::abi::ledger::HookDirection;

pub(super) use self::mark::Whose;
use self::{
    filter::Filter,
    mark::Mark,
    qdisc::Qdisc,
    refusal::{conflict, explain_filter, explain_qdisc, ingress_only},
};
use super::{
    hook::{Hook, word},
    program::Program,
};
use crate::{
    error::{Error, ErrorKind},
    sys::{bpf_link, netlink::Netlink, netlink::errno},
};

/// Number of attempts to attach while another program removes the qdisc.
const TRIES: u32 = 4;
const CAPABILITY: &str = "CAP_NET_ADMIN";

/// A filter of this source. Dropping it deletes the filter; a failure is ignored.
pub(super) struct Attachment {
    netlink: Rc<Netlink>,
    interface: String,
    ifindex: u32,
    direction: HookDirection,
    priority: u16,
    handle: u32,
    /// Distinguishes the filter from another that got its handle after a deletion.
    program: u32,
    owns_qdisc: bool,
    deleted: bool,
}

/// Adds a filter, and the qdisc if there is none.
pub(super) fn attach(
    netlink: &Rc<Netlink>,
    program: Program<'_>,
    hook: &Hook<'_>,
    priority: u16,
    owner: Option<u64>,
) -> Result<Attachment, Error> {
    let refused = |error| hook.refused("attach by tc to", CAPABILITY, error);
    let identity = bpf_link::identify(program.fd).map_err(refused)?;
    let ifindex = hook.index();
    let _turn = turn::take(ifindex);
    let mut tries = 1;
    loop {
        let added = qdisc::add(netlink, ifindex).map_err(|error| explain_qdisc(hook, error))?;
        let found = qdisc::get(netlink, ifindex).map_err(refused)?;
        if found == Some(Qdisc::Ingress) && hook.direction == HookDirection::Egress {
            // Not tried: an ingress qdisc accepts an egress filter, and runs it for ingress.
            return Err(ingress_only(hook));
        }
        let owns_qdisc = added || marked(netlink, ifindex).map_err(refused)?;
        let name = name(program, owner, owns_qdisc);
        match filter::add(netlink, ifindex, hook.direction, priority, program, &name) {
            Ok(handle) => {
                return Ok(Attachment {
                    netlink: Rc::clone(netlink),
                    interface: hook.interface.name.clone(),
                    ifindex,
                    direction: hook.direction,
                    priority,
                    handle,
                    program: identity.id,
                    owns_qdisc,
                    deleted: false,
                });
            }
            Err(error) => {
                let there = filter::list(netlink, ifindex, hook.direction).unwrap_or_default();
                if added {
                    delete_empty_qdisc(netlink, ifindex);
                }
                let qdisc_may_have_gone =
                    matches!(errno(&error), Some(libc::EINVAL | libc::ENOENT))
                        && conflict(&there, priority).is_none();
                if tries == TRIES || !qdisc_may_have_gone {
                    return Err(explain_filter(&there, hook, priority, error));
                }
                tries += 1;
            }
        }
    }
}

/// Returns the filters at a hook that run one of these programs.
pub(super) fn attachments_of(
    netlink: &Rc<Netlink>,
    hook: &Hook<'_>,
    programs: &[u32],
) -> Result<Vec<Attachment>, Error> {
    let filters = filter::list(netlink, hook.index(), hook.direction)
        .map_err(|error| hook.refused("list the filters at", CAPABILITY, error))?;
    let ours = filters.into_iter().filter_map(|filter| {
        let program = filter.program.filter(|id| programs.contains(id))?;
        Some(Attachment {
            netlink: Rc::clone(netlink),
            interface: hook.interface.name.clone(),
            ifindex: hook.index(),
            direction: hook.direction,
            priority: filter.priority,
            handle: filter.handle,
            program,
            owns_qdisc: filter.name.as_deref().is_some_and(bears_mark),
            deleted: false,
        })
    });
    Ok(ours.collect())
}

/// Returns true if a filter at a hook runs one of these programs.
pub(super) fn runs_one(
    netlink: &Netlink,
    ifindex: u32,
    direction: HookDirection,
    programs: &[u32],
) -> io::Result<bool> {
    let filters = filter::list(netlink, ifindex, direction)?;
    let mut ours = filters.iter().filter_map(|filter| filter.program);
    Ok(ours.any(|id| programs.contains(&id)))
}

impl Attachment {
    pub(super) fn priority(&self) -> u16 {
        self.priority
    }

    /// Replaces the program of the filter from the next packet on.
    pub(super) fn replace(
        &mut self,
        program: Program<'_>,
        hook: &Hook<'_>,
        owner: Option<u64>,
    ) -> Result<(), Error> {
        let refused = |error| hook.refused("replace the filter at", CAPABILITY, error);
        let identity = bpf_link::identify(program.fd).map_err(refused)?;
        let name = name(program, owner, self.owns_qdisc);
        let _turn = turn::take(self.ifindex);
        let replaced = filter::replace(
            &self.netlink,
            self.ifindex,
            self.direction,
            (self.priority, self.handle),
            program,
            &name,
        );
        replaced.map_err(refused)?;
        self.program = identity.id;
        Ok(())
    }

    /// Returns the id of its program.
    pub(super) fn program(&self) -> u32 {
        self.program
    }

    pub(super) fn detach(&mut self) -> Result<(), Error> {
        self.delete().map_err(|error| {
            let message = format!(
                "cannot remove the filter from the {} of `{}`",
                word(self.direction),
                self.interface
            );
            let kind = match errno(&error) {
                Some(libc::EPERM | libc::EACCES) => ErrorKind::PermissionDenied,
                _ => ErrorKind::System,
            };
            Error::new(kind, message)
                .with_remedy(format!(
                    "keep {CAPABILITY} until the end, or remove it by hand: `{}`",
                    delete_command(&self.interface, self.direction, self.priority, self.handle)
                ))
                .with_source(error)
        })
    }

    /// Forgets the filter without deleting anything.
    pub(super) fn forget(mut self) {
        self.deleted = true;
    }

    fn delete(&mut self) -> io::Result<()> {
        let _turn = turn::take(self.ifindex);
        if !self.is_there()? {
            self.deleted = true;
            return Ok(());
        }
        let deleted = filter::delete(
            &self.netlink,
            self.ifindex,
            self.direction,
            self.priority,
            self.handle,
        );
        if let Err(error) = deleted {
            // Another program may have deleted it or the interface first.
            self.deleted = !self.is_there()?;
            return if self.deleted { Ok(()) } else { Err(error) };
        }
        self.deleted = true;
        if self.owns_qdisc {
            delete_empty_qdisc(&self.netlink, self.ifindex);
        }
        Ok(())
    }

    pub(super) fn is_there(&self) -> io::Result<bool> {
        let filters = filter::list(&self.netlink, self.ifindex, self.direction)?;
        Ok(filters.iter().any(|filter| self.is(filter)))
    }

    fn is(&self, filter: &Filter) -> bool {
        filter.chain == 0
            && filter.priority == self.priority
            && filter.handle == self.handle
            && filter.program == Some(self.program)
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if !self.deleted {
            let _ = self.delete();
        }
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("ifindex", &self.ifindex)
            .field("direction", &self.direction)
            .field("priority", &self.priority)
            .field("handle", &self.handle)
            .field("program", &self.program)
            .field("owns_qdisc", &self.owns_qdisc)
            .finish_non_exhaustive()
    }
}

/// Returns the command that removes a filter.
pub(super) fn delete_command(
    interface: &str,
    direction: HookDirection,
    priority: u16,
    handle: u32,
) -> String {
    let direction = word(direction);
    format!("tc filter del dev {interface} {direction} pref {priority} handle {handle:#x} bpf")
}

/// Returns all filters on an interface's qdisc.
fn filters(netlink: &Netlink, ifindex: u32) -> io::Result<Vec<Filter>> {
    let mut filters = filter::list(netlink, ifindex, HookDirection::Ingress)?;
    filters.extend(filter::list(netlink, ifindex, HookDirection::Egress)?);
    Ok(filters)
}

/// Returns true if a filter's mark says that a source added the qdisc.
fn marked(netlink: &Netlink, ifindex: u32) -> io::Result<bool> {
    let filters = filters(netlink, ifindex)?;
    Ok(filters
        .iter()
        .filter_map(|filter| filter.name.as_deref())
        .any(bears_mark))
}

fn name(program: Program<'_>, owner: Option<u64>, owns_qdisc: bool) -> String {
    let whose = match owner {
        _ if program.stays => Whose::Staying(owner),
        Some(token) => Whose::Process(token),
        None => Whose::Unknown,
    };
    Mark { whose, owns_qdisc }.name(program.name)
}

fn bears_mark(name: &str) -> bool {
    Mark::read(name).is_some_and(|mark| mark.owns_qdisc)
}

/// Returns the indexes of interfaces with a qdisc that can have filters (`clsact` or `ingress`).
pub(super) fn with_qdisc(netlink: &Netlink) -> io::Result<BTreeSet<u32>> {
    qdisc::with_qdisc(netlink)
}

/// Returns the filters of sources at a hook, and their owners.
pub(super) fn owned(
    netlink: &Netlink,
    ifindex: u32,
    direction: HookDirection,
) -> io::Result<Vec<(Whose, Filter)>> {
    let filters = filter::list(netlink, ifindex, direction)?;
    Ok(filters
        .into_iter()
        .filter(|filter| filter.chain == 0 && filter.handle != 0)
        .filter_map(|filter| Some((Mark::read(filter.name.as_deref()?)?.whose, filter)))
        .collect())
}

/// Removes a filter without an owner. Also removes the qdisc, if this was the last filter and a source added the
/// qdisc.
pub(super) fn remove(
    netlink: &Netlink,
    ifindex: u32,
    direction: HookDirection,
    orphan: &Filter,
) -> io::Result<()> {
    let _turn = turn::take(ifindex);
    // Another filter may have got its handle since the listing.
    if !filter::list(netlink, ifindex, direction)?.contains(orphan) {
        return Err(io::ErrorKind::NotFound.into());
    }
    filter::delete(netlink, ifindex, direction, orphan.priority, orphan.handle)?;
    if orphan.name.as_deref().is_some_and(bears_mark) {
        delete_empty_qdisc(netlink, ifindex);
    }
    Ok(())
}

/// Deletes an empty qdisc. In doubt it stays: an empty qdisc costs nothing, but a lost filter may be a firewall.
fn delete_empty_qdisc(netlink: &Netlink, ifindex: u32) {
    if filters(netlink, ifindex).is_ok_and(|filters| filters.is_empty()) {
        let _ = qdisc::delete(netlink, ifindex);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_says_that_a_source_added_the_qdisc() {
        assert!(bears_mark("mermin_ingress+clsact"));
        assert!(bears_mark("mermin_egress@0000000000000001+clsact"));
        assert!(bears_mark("mermin_egress+pinned+clsact"));
        assert!(!bears_mark("mermin_egress+pinned"));
        assert!(!bears_mark("mermin_ingress"));
        assert!(!bears_mark("other+clsact"));
    }
}
