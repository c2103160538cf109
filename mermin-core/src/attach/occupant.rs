//! What is at a hook: ours and others', in the order it runs.

use std::os::fd::AsFd;

use mermin_bpf::abi::ledger::Direction;

use super::{Hooks, hook::Hook, plan, tc::filter};
use crate::{error::Error, iface::Interface, sys::bpf_link};

/// A program or filter at a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Occupant {
    /// Where it stands.
    pub place: Place,
    /// `bpf`, or the kind of another filter.
    pub kind: String,
    /// Name of the program or filter; none where it has none or may not be read (`CAP_SYS_ADMIN`).
    pub name: Option<String>,
    /// Id of the program, where it is one.
    pub program: Option<u32>,
}

/// Where an occupant stands. All of TCX runs before all of tc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// Position among the TCX programs, from 0, and the id of the link that holds it (0: none does).
    Tcx {
        /// From 0, which runs first.
        position: usize,
        /// Id of the link; 0 for none.
        link: u32,
    },
    /// Priority and handle of the filter.
    Tc {
        /// `pref` of tc(8); lower runs first.
        priority: u16,
        /// The filter's number there.
        handle: u32,
    },
}

impl Hooks {
    /// What is at a hook.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`](crate::ErrorKind::PermissionDenied) without `CAP_NET_ADMIN` where the kernel has
    /// TCX.
    pub(crate) fn occupants(
        &self,
        interface: &Interface,
        direction: Direction,
    ) -> Result<Vec<Occupant>, Error> {
        let hook = Hook {
            interface,
            direction,
        };
        let refused = |error| hook.refused("list what is at", "CAP_NET_ADMIN and CAP_BPF", error);
        let programs = match bpf_link::query_tcx(hook.index(), direction) {
            Err(error) if plan::lacks(&error) => Vec::new(),
            programs => programs.map_err(refused)?,
        };
        let filters = filter::list(&self.netlink, hook.index(), direction).map_err(refused)?;
        let by_tcx = programs
            .into_iter()
            .enumerate()
            .map(|(position, at)| Occupant {
                place: Place::Tcx {
                    position,
                    link: at.link,
                },
                kind: filter::BPF.to_owned(),
                name: program_name(at.program),
                program: Some(at.program),
            });
        let by_tc = filters
            .into_iter()
            .filter(|filter| filter.chain == 0 && filter.handle != 0)
            .map(|filter| Occupant {
                place: Place::Tc {
                    priority: filter.priority,
                    handle: filter.handle,
                },
                kind: filter.kind,
                name: filter.name,
                program: filter.program,
            });
        Ok(by_tcx.chain(by_tc).collect())
    }
}

pub(super) fn program_name(id: u32) -> Option<String> {
    let program = bpf_link::open_program(id).ok()?;
    let identity = bpf_link::identify(program.as_fd()).ok()?;
    Some(identity.name).filter(|name| !name.is_empty())
}
