//! Programs that stay at their hooks when the process goes, and those that a former process left there.
//!
//! A TCX link stays while it is pinned; a filter stays until somebody deletes it, and is known by the program it runs. What is
//! found at a hook gets the new program from one packet to the next, so none is missed or counted twice.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    fs,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
    rc::Rc,
};

use mermin_bpf::abi::ledger::Direction;

use super::{Hold, Manner, Mechanism, Program, hook::Hook, plan, tc, tcx};
use crate::{
    bpf::pin::names,
    error::{Error, ErrorKind},
    points::{Point, pass},
    sys::{bpf_pin, netlink::Netlink},
};

/// What stays, and what was left.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    /// Where links are pinned.
    directory: PathBuf,
    /// Pins of links by hook, not taken over yet.
    links: RefCell<HashMap<(u32, Direction), PathBuf>>,
    /// Ids of programs whose filters are ours.
    programs: RefCell<Vec<u32>>,
    /// Programs stay where they are when they would be detached.
    stays: Cell<bool>,
}

impl Keeper {
    /// Keeps the links of an instance in this directory, and takes over what was left.
    pub(crate) fn new(
        directory: PathBuf,
        links: impl IntoIterator<Item = (u32, Direction, PathBuf)>,
        programs: Vec<u32>,
    ) -> Self {
        let links = links
            .into_iter()
            .map(|(ifindex, direction, path)| ((ifindex, direction), path));
        Self {
            directory,
            links: RefCell::new(links.collect()),
            programs: RefCell::new(programs),
            stays: Cell::new(false),
        }
    }

    /// Whether programs stay where they are, whatever is dropped or detached from now on.
    pub(crate) fn stay(&self, stays: bool) {
        self.stays.set(stays);
    }

    pub(super) fn stays(&self) -> bool {
        self.stays.get()
    }

    /// Takes over what was left at a hook if it is what is asked for, else takes it away.
    pub(super) fn adopt(
        self: &Rc<Self>,
        netlink: &Rc<Netlink>,
        manner: &Manner,
        program: Program<'_>,
        hook: &Hook<'_>,
    ) -> Result<Option<(Hold, Option<Pin>)>, Error> {
        let mut adopted = None;
        let left = self
            .links
            .borrow_mut()
            .remove(&(hook.index(), hook.direction));
        if let Some(path) = left {
            match link_at(&path, hook.index(), hook.direction) {
                Some(link) if plan::fits(manner, Mechanism::Tcx) => {
                    bpf_pin::update(link.as_fd(), program.fd).map_err(|error| {
                        hook.refused("replace the program at", "CAP_BPF", error)
                    })?;
                    pass(Point::Swapped);
                    adopted = Some((Hold::Tcx(tcx::Link::from(link)), Some(Pin::new(path))));
                }
                link => {
                    drop(link.map(tcx::Link::from));
                    drop(Pin::new(path));
                }
            }
        }
        let programs = self.programs.borrow();
        if programs.is_empty() {
            return Ok(adopted);
        }
        for filter in tc::left(netlink, hook, &programs)? {
            let mechanism = Mechanism::Tc {
                priority: filter.priority(),
            };
            if adopted.is_none() && plan::fits(manner, mechanism) {
                let filter = filter.with(program, hook)?;
                pass(Point::Swapped);
                adopted = Some((Hold::Tc(filter), None));
            }
            // Dropped, a filter is deleted.
        }
        Ok(adopted)
    }

    /// Pins a new link, which would go with the process otherwise.
    pub(super) fn pin(&self, link: &tcx::Link, hook: &Hook<'_>) -> Result<Pin, Error> {
        let path = self
            .directory
            .join(names::link(hook.index(), hook.direction));
        // A link that somebody detached still has the name.
        let _ = fs::remove_file(&path);
        bpf_pin::pin(link.as_fd(), &path).map_err(|error| {
            let message = format!("cannot pin the link at {hook} as `{}`", path.display());
            Error::new(ErrorKind::System, message)
                .with_remedy("make room in the BPF file system, or leave `pinning` out")
                .with_source(error)
        })?;
        Ok(Pin::new(path))
    }

    /// Takes away what was left at hooks and not taken over, and forgets whose it was. `interfaces` are all there are.
    pub(super) fn clear(&self, netlink: &Rc<Netlink>, interfaces: &[crate::iface::Interface]) {
        for ((ifindex, direction), path) in self.links.borrow_mut().drain() {
            drop(link_at(&path, ifindex, direction).map(tcx::Link::from));
            drop(Pin::new(path));
        }
        let programs = std::mem::take(&mut *self.programs.borrow_mut());
        if programs.is_empty() {
            return;
        }
        for interface in interfaces {
            for direction in [Direction::Ingress, Direction::Egress] {
                let hook = Hook {
                    interface,
                    direction,
                };
                // Dropped, they are deleted. An interface that has gone has none.
                let _ = tc::left(netlink, &hook, &programs);
            }
        }
    }
}

/// The link of this name, if it is at the hook that its name says. One whose interface has gone is at none.
fn link_at(path: &Path, ifindex: u32, direction: Direction) -> Option<OwnedFd> {
    let link = bpf_pin::get(path).ok()?;
    bpf_pin::is_at(link.as_fd(), ifindex, direction).then_some(link)
}

/// The name of a link in the BPF file system, removed when dropped unless another link has got it.
#[derive(Debug)]
pub(crate) struct Pin {
    path: PathBuf,
    inode: Option<u64>,
}

impl Pin {
    fn new(path: PathBuf) -> Self {
        Self {
            inode: inode(&path),
            path,
        }
    }

    /// Leaves it.
    pub(super) fn keep(mut self) {
        self.inode = None;
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        if self.inode.is_some() && inode(&self.path) == self.inode {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> Option<u64> {
    Some(fs::metadata(path).ok()?.ino())
}
