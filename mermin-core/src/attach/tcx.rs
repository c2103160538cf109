//! TCX: a link that attaches a program to a hook, since Linux 6.6.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use super::{
    hook::Hook,
    order::TcxOrder,
    plan,
    program::{Program, program_name},
};
use crate::{
    error::{Error, ErrorKind},
    sys::{bpf_link, netlink::errno},
};

/// A program at a TCX hook. Dropping it detaches the program.
#[derive(Debug)]
pub(super) struct Link {
    fd: OwnedFd,
    stays: bool,
}

impl From<OwnedFd> for Link {
    fn from(fd: OwnedFd) -> Self {
        Self { fd, stays: false }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Link {
    /// Leaves the program attached while the link is pinned.
    pub(super) fn keep(mut self) {
        self.stays = true;
    }
}

impl Link {
    /// Returns true if the link still attaches the program. Another process may have detached it, or the interface
    /// may be deleted.
    pub(super) fn is_attached(&self) -> io::Result<bool> {
        bpf_link::tcx_interface(self.fd.as_fd()).map(|ifindex| ifindex != 0)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.stays {
            return;
        }
        // Closing detaches as well, except while a child between fork and exec has a copy of the descriptor. If the
        // process dropped its capabilities, this call is refused, and closing detaches.
        let _ = bpf_link::detach(self.fd.as_fd());
    }
}

/// Attaches at the requested position among the present programs.
pub(super) fn attach(program: Program<'_>, hook: &Hook<'_>, order: &TcxOrder) -> io::Result<Link> {
    let put = |position| {
        bpf_link::attach_tcx(program.fd, hook.index(), hook.direction, position).map(Link::from)
    };
    // If the list is refused, or the named program disappeared, only first and last are possible.
    let there = order.relative().and_then(|_| programs(hook).ok());
    let there = there.unwrap_or_default();
    let there: Vec<(&str, u32)> = there
        .iter()
        .map(|(name, id)| (name.as_str(), *id))
        .collect();
    match put(order.position(&there)) {
        Err(error) if order.relative().is_some() && is_gone(&error) => put(order.position(&[])),
        put => put,
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(errno(error), Some(libc::ENOENT | libc::ESTALE))
}

/// Returns name and id of the programs at a hook, in the order of execution. The name is empty if reading it is not
/// permitted (`CAP_SYS_ADMIN`).
fn programs(hook: &Hook<'_>) -> io::Result<Vec<(String, u32)>> {
    let programs = bpf_link::query_tcx(hook.index(), hook.direction)?;
    Ok(programs
        .into_iter()
        .map(|at| (program_name(at.program).unwrap_or_default(), at.program))
        .collect())
}

/// Converts a refusal without a fallback into an error.
pub(super) fn explain(hook: &Hook<'_>, refusal: io::Error) -> Error {
    if plan::lacks(&refusal) {
        let message = format!("cannot attach by TCX to {hook}");
        return Error::new(ErrorKind::Unsupported, message)
            .with_remedy("TCX needs Linux 6.6 or newer with CONFIG_NET_XGRESS; with `Attach::Auto` a tc filter stands in")
            .with_source(refusal);
    }
    if errno(&refusal) == Some(libc::ERANGE) {
        let message = format!("cannot attach by TCX to {hook}: it has its 63 programs already");
        return Error::new(ErrorKind::Exhausted, message)
            .with_remedy("see `bpftool net`; with `Attach::Auto` a tc filter stands in")
            .with_source(refusal);
    }
    hook.refused("attach by TCX to", "CAP_NET_ADMIN and CAP_BPF", refusal)
}
