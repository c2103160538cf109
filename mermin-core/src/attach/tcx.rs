//! TCX: a link that holds a program at a hook, from Linux 6.6 on.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use super::{Program, hook::Hook, plan};
use crate::{
    error::{Error, ErrorKind},
    sys::{bpf_link, netlink::errno},
};

/// A program at a TCX hook, detached when dropped.
#[derive(Debug)]
pub(super) struct Link {
    fd: OwnedFd,
}

impl Link {
    /// Whether it still holds the program at a hook. Somebody may have detached it, or the interface may have gone.
    pub(super) fn is_attached(&self) -> io::Result<bool> {
        bpf_link::tcx_interface(self.fd.as_fd()).map(|ifindex| ifindex != 0)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Closing detaches as well, but not while a child between fork and exec has a copy of the descriptor. After
        // the process gave up its capabilities this is refused, and closing is what detaches.
        let _ = bpf_link::detach(self.fd.as_fd());
    }
}

/// Attaches before all others: so it sees what others would keep from it.
pub(super) fn attach(program: Program<'_>, hook: &Hook<'_>) -> io::Result<Link> {
    bpf_link::attach_tcx_first(program.fd, hook.index(), hook.direction).map(|fd| Link { fd })
}

/// A refusal that nothing stands in for.
pub(super) fn explain(hook: &Hook<'_>, refusal: io::Error) -> Error {
    if plan::lacks(&refusal) {
        let message = format!("cannot attach by TCX to {hook}");
        return Error::new(ErrorKind::Unsupported, message)
            .with_remedy("TCX needs Linux 6.6 or newer with CONFIG_NET_XGRESS; with `Attach::Auto` a tc filter stands in")
            .with_source(refusal);
    }
    if errno(&refusal) == Some(libc::ERANGE) {
        let message = format!("cannot attach by TCX to {hook}: it has its 64 programs already");
        return Error::new(ErrorKind::Exhausted, message)
            .with_remedy("see `bpftool net`; with `Attach::Auto` a tc filter stands in")
            .with_source(refusal);
    }
    hook.refused("attach by TCX to", "CAP_NET_ADMIN and CAP_BPF", refusal)
}
