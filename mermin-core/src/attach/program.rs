//! The programs for hooks.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use mermin_bpf::abi::{ledger::HookDirection, names};

use crate::sys::bpf_link;

/// The loaded programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Programs<'a> {
    /// [`names::PROGRAM_INGRESS`].
    pub(crate) ingress: BorrowedFd<'a>,
    /// [`names::PROGRAM_EGRESS`].
    pub(crate) egress: BorrowedFd<'a>,
}

/// One program for one hook.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program<'a> {
    pub(super) fd: BorrowedFd<'a>,
    pub(super) name: &'static str,
    /// The program stays at the hook when the process ends, because its source is pinned.
    pub(super) stays: bool,
}

impl<'a> Programs<'a> {
    /// Returns the id of the program for a direction.
    pub(crate) fn id(self, direction: HookDirection) -> io::Result<u32> {
        bpf_link::identify(self.at(direction).fd).map(|identity| identity.id)
    }

    pub(super) fn at(self, direction: HookDirection) -> Program<'a> {
        let (fd, name) = match direction {
            HookDirection::Ingress => (self.ingress, names::PROGRAM_INGRESS),
            HookDirection::Egress => (self.egress, names::PROGRAM_EGRESS),
        };
        Program {
            fd,
            name,
            stays: false,
        }
    }
}

/// Returns the name of the program with an id. `None` if it has no name, or if reading it is not permitted.
pub(super) fn program_name(id: u32) -> Option<String> {
    let program = bpf_link::open_program(id).ok()?;
    let identity = bpf_link::identify(program.as_fd()).ok()?;
    Some(identity.name).filter(|name| !name.is_empty())
}
