//! Programs that stay at their hooks when the process goes, and those that a former process left there.
//!
//! A TCX link stays while it is pinned; a filter stays until somebody deletes it, and is known by the program it runs.
//! Whatever is found at a hook gets the new program from one packet to the next, so none is missed or counted twice.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{BTreeSet, HashMap},
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
    rc::Rc,
};

use mermin_bpf::abi::ledger::HookDirection;

use super::{
    AttachOptions, HeldProgram,
    hook::Hook,
    plan,
    program::{Program, Programs},
    shift::HeldAndPin,
    tc, tcx,
};
use crate::{
    bpf::{grace::Grace, pin::names},
    error::{Error, ErrorKind},
    failpoint::{FailPoint, fail_point},
    iface::Interface,
    sys::{
        bpf,
        bpf_link::{self, ProgramIdentity},
        bpf_pin, bpf_stand_in,
        netlink::Netlink,
    },
};

/// Fate of something pinned when its holder drops it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnDrop {
    /// It goes.
    #[default]
    Remove,
    /// It stays, for the next process.
    Keep,
}

/// Holds that stay, and those that a former process left.
#[derive(Debug, Default)]
pub(crate) struct PinnedHooks {
    /// Where links are pinned.
    directory: PathBuf,
    /// Pins of links by hook, not taken over yet.
    links: RefCell<HashMap<(u32, HookDirection), PathBuf>>,
    /// Programs whose filters are ours.
    programs: RefCell<Vec<ProgramIdentity>>,
    /// Holds that were not taken over, and stay until the source is open.
    aside: RefCell<Vec<HeldAndPin>>,
    /// As [`grace`](Self::grace).
    grace: OnceCell<Grace>,
    /// As [`calls`](Self::calls), made when a program is moved.
    calls: OnceCell<OwnedFd>,
    /// Fate of programs that would be detached.
    on_drop: Cell<OnDrop>,
}

/// Fate of the interfaces that a former process had watched.
#[derive(Debug, Default)]
pub(crate) struct Parted {
    /// Indices of those that are as they were.
    pub(crate) same: BTreeSet<u32>,
    /// Those that were moved to another network namespace and got another index there: both.
    pub(crate) renumbered: BTreeSet<(u32, u32)>,
}

/// A hold that was left at a hook.
#[derive(Debug)]
pub(super) enum Left {
    Nothing,
    /// As asked for; it has the program now.
    Fits(HeldProgram, Option<Pin>),
    /// The program is to be somewhere else there.
    Elsewhere(HeldProgram, Option<Pin>),
}

impl Drop for PinnedHooks {
    fn drop(&mut self) {
        if !self.stays() {
            return;
        }
        for (hold, pin) in self.aside.get_mut().drain(..) {
            pin.into_iter().for_each(Pin::keep);
            hold.keep();
        }
    }
}

impl PinnedHooks {
    /// Keeps the links of an instance in this directory, and takes over what was left.
    pub(crate) fn new(
        directory: PathBuf,
        links: impl IntoIterator<Item = (u32, HookDirection, PathBuf)>,
        programs: Vec<ProgramIdentity>,
    ) -> Self {
        let links = links
            .into_iter()
            .map(|(ifindex, direction, path)| ((ifindex, direction), path));
        Self {
            directory,
            links: RefCell::new(links.collect()),
            programs: RefCell::new(programs),
            aside: RefCell::default(),
            grace: OnceCell::new(),
            calls: OnceCell::new(),
            on_drop: Cell::default(),
        }
    }

    /// Decides what becomes of programs, whatever is dropped or detached from now on.
    pub(crate) fn set_on_drop(&self, on_drop: OnDrop) {
        self.on_drop.set(on_drop);
    }

    pub(super) fn stays(&self) -> bool {
        self.on_drop.get() == OnDrop::Keep
    }

    /// Takes away the links that are no longer at the hook they were put at, and lists the interfaces that have a link or a filter
    /// still: an interface that was deleted has none, and one that was moved to another network namespace has its links there,
    /// and no filters.
    pub(super) fn part(&self, netlink: &Netlink, interfaces: &[Interface]) -> io::Result<Parted> {
        let mut there = BTreeSet::new();
        let mut renumbered = BTreeSet::new();
        let mut links = self.links.borrow_mut();
        for ((ifindex, direction), path) in std::mem::take(&mut *links) {
            match bpf_pin::get(&path) {
                Ok(link) if bpf_link::is_at(link.as_fd(), ifindex, direction)? => {
                    there.insert(ifindex);
                    links.insert((ifindex, direction), path);
                }
                link => {
                    if let Ok(link) = &link
                        && let index = bpf_link::tcx_interface(link.as_fd())?
                        && index != ifindex
                        && index != 0
                    {
                        renumbered.insert((ifindex, index));
                    }
                    drop(link.map(tcx::Link::from));
                    drop(Pin::new(path));
                }
            }
        }
        let programs: Vec<u32> = self.programs.borrow().iter().map(|at| at.id).collect();
        if !programs.is_empty() {
            let carriers = tc::carriers(netlink)?;
            for interface in interfaces.iter().filter(|at| carriers.contains(&at.index)) {
                for direction in [HookDirection::Ingress, HookDirection::Egress] {
                    if tc::runs_one(netlink, interface.index, direction, &programs)? {
                        there.insert(interface.index);
                    }
                }
            }
        }
        Ok(Parted {
            same: there,
            renumbered,
        })
    }

    /// True if a program is one whose filters are to be taken over.
    pub(super) fn knows(&self, program: u32) -> bool {
        let programs = self.programs.borrow();
        programs.iter().any(|known| known.id == program)
    }

    /// Takes over what was left at a hook.
    pub(super) fn adopt(
        self: &Rc<Self>,
        netlink: &Rc<Netlink>,
        options: &AttachOptions,
        program: Program<'_>,
        hook: &Hook<'_>,
        owner: &dyn Fn() -> Option<u64>,
    ) -> Result<Left, Error> {
        let mut left = self.held(netlink, hook)?;
        // Of several, left by a process that was killed while it moved its program, the first counts that leaves that to no other.
        let counts = left
            .iter()
            .position(|(hold, _)| !self.passes(hold))
            .unwrap_or(0);
        drop(left.drain((counts + 1).min(left.len())..));
        let Some((mut hold, pin)) = left.pop() else {
            return Ok(Left::Nothing);
        };
        let fits = plan::fits(options, hold.mechanism());
        if fits || !left.is_empty() {
            if let Err(error) = hold.replace(program, hook, owner()) {
                // Whoever comes next finds it as it was.
                self.set_aside((hold, pin));
                left.drain(..).for_each(|kept| self.set_aside(kept));
                return Err(error);
            }
            fail_point(FailPoint::Swapped);
        }
        drop(left);
        Ok(if fits {
            Left::Fits(hold, pin)
        } else {
            Left::Elsewhere(hold, pin)
        })
    }

    /// Holds that were left at a hook, in the order that packets come to them.
    fn held(&self, netlink: &Rc<Netlink>, hook: &Hook<'_>) -> Result<Vec<HeldAndPin>, Error> {
        let left = self
            .links
            .borrow_mut()
            .remove(&(hook.index(), hook.direction));
        let mut held = Vec::new();
        if let Some(path) = left {
            match link_at(&path, hook.index(), hook.direction) {
                Some(link) => held.push((HeldProgram::Tcx(link.into()), Some(Pin::new(path)))),
                None => drop(Pin::new(path)),
            }
        }
        let programs: Vec<u32> = self.programs.borrow().iter().map(|at| at.id).collect();
        if !programs.is_empty() {
            match tc::left(netlink, hook, &programs) {
                Ok(left) => held.extend(
                    left.into_iter()
                        .map(|filter| (HeldProgram::Tc(filter), None)),
                ),
                Err(error) => {
                    held.drain(..).for_each(|kept| self.set_aside(kept));
                    return Err(error);
                }
            }
        }
        Ok(held)
    }

    /// True if what is at a hook leaves counting to what comes behind.
    fn passes(&self, hold: &HeldProgram) -> bool {
        let program = match hold {
            HeldProgram::Tcx(link) => bpf_link::program_of(link.as_fd()).unwrap_or(0),
            HeldProgram::Tc(filter) => filter.program(),
        };
        let programs = self.programs.borrow();
        let mut named = programs.iter().filter(|known| known.id == program);
        named.any(|known| known.name == bpf_stand_in::PASSING)
    }

    /// Leaves something where it is until the source is open. Should that fail, the next one finds it there.
    pub(super) fn set_aside(&self, kept: HeldAndPin) {
        self.aside.borrow_mut().push(kept);
    }

    /// From now on can move programs from one place at their hook to another.
    pub(crate) fn move_by(&self, grace: Grace) {
        let _ = self.grace.set(grace);
    }

    /// How grace periods are waited for.
    pub(super) fn grace(&self) -> Option<&Grace> {
        self.grace.get()
    }

    /// Both programs, where stand-ins for them find them, also when this process is killed.
    pub(super) fn calls(&self, programs: Programs<'_>) -> io::Result<&OwnedFd> {
        if let Some(calls) = self.calls.get() {
            return Ok(calls);
        }
        let calls = bpf::create_calls(&[programs.ingress, programs.egress])?;
        let id = programs.id(HookDirection::Ingress)?;
        bpf_pin::pin(calls.as_fd(), &self.directory.join(names::moving(id)))?;
        Ok(self.calls.get_or_init(|| calls))
    }

    /// Pins a program that is to be at a hook for a moment.
    pub(super) fn pin_program(
        &self,
        program: &OwnedFd,
        direction: HookDirection,
    ) -> io::Result<()> {
        let id = bpf_link::identify(program.as_fd())?.id;
        let path = self.directory.join(names::program(id, direction));
        bpf_pin::pin(program.as_fd(), &path)
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
    pub(super) fn clear(&self, netlink: &Rc<Netlink>, interfaces: &[Interface]) {
        self.aside.borrow_mut().clear();
        for ((ifindex, direction), path) in self.links.borrow_mut().drain() {
            drop(link_at(&path, ifindex, direction).map(tcx::Link::from));
            drop(Pin::new(path));
        }
        let programs = std::mem::take(&mut *self.programs.borrow_mut());
        if programs.is_empty() {
            return;
        }
        let programs: Vec<u32> = programs.into_iter().map(|program| program.id).collect();
        for interface in interfaces {
            for direction in [HookDirection::Ingress, HookDirection::Egress] {
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
fn link_at(path: &Path, ifindex: u32, direction: HookDirection) -> Option<OwnedFd> {
    let link = bpf_pin::get(path).ok()?;
    bpf_link::is_at(link.as_fd(), ifindex, direction)
        .unwrap_or(false)
        .then_some(link)
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
