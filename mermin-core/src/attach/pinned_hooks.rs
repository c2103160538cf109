//! Programs that stay attached when the process ends, and those that an earlier process left.
//!
//! A TCX link stays while it is pinned. A filter stays until somebody deletes it; its program identifies it. An
//! existing attachment gets the new program from one packet to the next, so no packet is missed or counted twice.

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
    AttachOptions,
    attached::LinkOrFilter,
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

/// The decision about a pinned object when its holder drops it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnDrop {
    /// Remove it.
    #[default]
    Remove,
    /// Keep it for the next process.
    Keep,
}

/// Attachments of an instance: those that stay when the process ends, and those that an earlier process left.
#[derive(Debug, Default)]
pub(crate) struct PinnedHooks {
    /// Directory of pinned links.
    directory: PathBuf,
    /// Pins of links by hook that are not taken over yet.
    links: RefCell<HashMap<(u32, HookDirection), PathBuf>>,
    /// Links by hook that another process passed and that are not taken over yet. `None` if the pins are this process's.
    passed: Option<RefCell<HashMap<(u32, HookDirection), OwnedFd>>>,
    /// Programs whose filters belong to the instance.
    programs: RefCell<Vec<ProgramIdentity>>,
    /// Attachments that were not taken over. They stay until the source is open.
    aside: RefCell<Vec<HeldAndPin>>,
    /// See [`grace`](Self::grace).
    grace: OnceCell<Grace>,
    /// See [`calls`](Self::calls); created when a program is moved.
    calls: OnceCell<OwnedFd>,
    /// The decision about programs when they are dropped or detached.
    on_drop: Cell<OnDrop>,
    /// The same for programs at hooks at which the earlier process had none.
    on_drop_new: Cell<OnDrop>,
}

/// State of the interfaces that an earlier process watched.
#[derive(Debug, Default)]
pub(crate) struct FormerInterfaces {
    /// Indexes of unchanged interfaces.
    pub(crate) same: BTreeSet<u32>,
    /// Old and new index of interfaces that were moved to another network namespace and got another index there.
    pub(crate) renumbered: BTreeSet<(u32, u32)>,
}

/// An attachment that was left at a hook.
#[derive(Debug)]
pub(super) enum Left {
    Nothing,
    /// It fits the options, and has the new program now.
    Fits(LinkOrFilter, Option<Pin>),
    /// The program must move to another place at the hook.
    Elsewhere(LinkOrFilter, Option<Pin>),
}

impl Drop for PinnedHooks {
    fn drop(&mut self) {
        if !self.stays(false) {
            return;
        }
        for (hold, pin) in self.aside.get_mut().drain(..) {
            pin.into_iter().for_each(Pin::keep);
            hold.keep();
        }
    }
}

impl PinnedHooks {
    /// Creates the pinned hooks whose links are in this directory, with the attachments that an earlier process left.
    pub(crate) fn new(
        directory: PathBuf,
        links: impl IntoIterator<Item = (u32, HookDirection, PathBuf)>,
        programs: Vec<ProgramIdentity>,
    ) -> Self {
        let links = links
            .into_iter()
            .map(|(ifindex, direction, path)| ((ifindex, direction), path));
        let mut pinned_hooks = Self::default();
        pinned_hooks.directory = directory;
        pinned_hooks.links = RefCell::new(links.collect());
        pinned_hooks.programs = RefCell::new(programs);
        pinned_hooks
    }

    /// Creates the pinned hooks of links that another process attached and pinned, and passed with their programs in
    /// place.
    pub(crate) fn passed(links: impl IntoIterator<Item = ((u32, HookDirection), OwnedFd)>) -> Self {
        let mut pinned_hooks = Self::default();
        pinned_hooks.passed = Some(RefCell::new(links.into_iter().collect()));
        pinned_hooks
    }

    /// Decides if programs stay when they are dropped or detached from now on.
    pub(crate) fn set_on_drop(&self, on_drop: OnDrop) {
        self.on_drop.set(on_drop);
        self.on_drop_new.set(on_drop);
    }

    /// From now on, programs stay at hooks at which the earlier process had one. Those at other hooks are removed.
    pub(crate) fn keep_found(&self) {
        self.on_drop.set(OnDrop::Keep);
        self.on_drop_new.set(OnDrop::Remove);
    }

    /// Returns true if a program stays. It `is_new` if the earlier process had none at its hook.
    pub(super) fn stays(&self, is_new: bool) -> bool {
        let on_drop = if is_new {
            &self.on_drop_new
        } else {
            &self.on_drop
        };
        on_drop.get() == OnDrop::Keep
    }

    /// Removes the links that are no longer at their hook, and lists the interfaces that still have a link or a
    /// filter. A deleted interface has none. An interface that moved to another network namespace has its links
    /// there, and no filters.
    pub(super) fn remove_lost_links(
        &self,
        netlink: &Netlink,
        interfaces: &[Interface],
    ) -> io::Result<FormerInterfaces> {
        let mut there = BTreeSet::new();
        let mut renumbered = BTreeSet::new();
        let mut links = self.links.borrow_mut();
        for ((ifindex, direction), path) in std::mem::take(&mut *links) {
            // An error fails the opening, and leaves the pins: each may be the last reference to a link that is at its hook.
            match pinned(&path)? {
                Some(link) if bpf_link::is_at(link.as_fd(), ifindex, direction)? => {
                    there.insert(ifindex);
                    links.insert((ifindex, direction), path);
                }
                link => {
                    if let Some(link) = &link
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
            let with_qdisc = tc::with_qdisc(netlink)?;
            for interface in interfaces
                .iter()
                .filter(|at| with_qdisc.contains(&at.index))
            {
                for direction in [HookDirection::Ingress, HookDirection::Egress] {
                    if tc::runs_one(netlink, interface.index, direction, &programs)? {
                        there.insert(interface.index);
                    }
                }
            }
        }
        Ok(FormerInterfaces {
            same: there,
            renumbered,
        })
    }

    /// Returns true if filters of a program are to be taken over.
    pub(super) fn knows(&self, program: u32) -> bool {
        let programs = self.programs.borrow();
        programs.iter().any(|known| known.id == program)
    }

    /// Takes over an attachment that was left at a hook.
    pub(super) fn adopt(
        self: &Rc<Self>,
        netlink: &Rc<Netlink>,
        options: &AttachOptions,
        program: Program<'_>,
        hook: &Hook<'_>,
        owner: &dyn Fn() -> Option<u64>,
    ) -> Result<Left, Error> {
        let mut left = self.held(netlink, hook)?;
        // A process killed during a move leaves several. The first one that does not pass packets to another is the
        // one that counts.
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
                // On failure, the next process finds it unchanged.
                self.set_aside((hold, pin));
                left.drain(..).for_each(|aside| self.set_aside(aside));
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

    /// Returns the attachments left at a hook, in the order of execution.
    fn held(&self, netlink: &Rc<Netlink>, hook: &Hook<'_>) -> Result<Vec<HeldAndPin>, Error> {
        let left = self
            .links
            .borrow_mut()
            .remove(&(hook.index(), hook.direction));
        let mut held = Vec::new();
        if let Some(passed) = &self.passed
            && let Some(link) = passed.borrow_mut().remove(&(hook.index(), hook.direction))
            && bpf_link::tcx_interface(link.as_fd()).is_ok_and(|index| index == hook.index())
        {
            held.push((LinkOrFilter::Tcx(link.into()), None));
        }
        if let Some(path) = left {
            match link_at(&path, hook.index(), hook.direction) {
                Ok(Some(link)) => held.push((LinkOrFilter::Tcx(link.into()), Some(Pin::new(path)))),
                Ok(None) => drop(Pin::new(path)),
                Err(error) => {
                    let key = (hook.index(), hook.direction);
                    self.links.borrow_mut().insert(key, path);
                    held.drain(..).for_each(|aside| self.set_aside(aside));
                    return Err(hook.refused(
                        "open the pinned link at",
                        "CAP_NET_ADMIN and CAP_BPF",
                        error,
                    ));
                }
            }
        }
        let programs: Vec<u32> = self.programs.borrow().iter().map(|at| at.id).collect();
        if !programs.is_empty() {
            match tc::attachments_of(netlink, hook, &programs) {
                Ok(left) => held.extend(
                    left.into_iter()
                        .map(|filter| (LinkOrFilter::Tc(filter), None)),
                ),
                Err(error) => {
                    held.drain(..).for_each(|aside| self.set_aside(aside));
                    return Err(error);
                }
            }
        }
        Ok(held)
    }

    /// Returns true if a program at a hook leaves counting to a later one.
    fn passes(&self, hold: &LinkOrFilter) -> bool {
        let program = match hold {
            LinkOrFilter::Tcx(link) => bpf_link::program_of(link.as_fd()).unwrap_or(0),
            LinkOrFilter::Tc(filter) => filter.program(),
        };
        let programs = self.programs.borrow();
        let mut named = programs.iter().filter(|known| known.id == program);
        named.any(|known| known.name == bpf_stand_in::PASSING)
    }

    /// Leaves an attachment in place until the source is open. If opening fails, the next process finds it.
    pub(super) fn set_aside(&self, aside: HeldAndPin) {
        self.aside.borrow_mut().push(aside);
    }

    /// Enables moving programs to another place at their hook, with this method of waiting for grace periods.
    pub(crate) fn move_by(&self, grace: Grace) {
        let _ = self.grace.set(grace);
    }

    /// Returns the method of waiting for grace periods.
    pub(super) fn grace(&self) -> Option<&Grace> {
        self.grace.get()
    }

    /// Returns the array through which stand-ins ([`shift`](super::shift)) call both programs. It is pinned, so it
    /// exists even if this process is killed.
    pub(super) fn calls(&self, programs: Programs<'_>) -> io::Result<&OwnedFd> {
        if let Some(calls) = self.calls.get() {
            return Ok(calls);
        }
        let calls = bpf::create_calls(&[programs.ingress, programs.egress])?;
        let id = programs.id(HookDirection::Ingress)?;
        bpf_pin::pin(calls.as_fd(), &self.directory.join(names::moving(id)))?;
        Ok(self.calls.get_or_init(|| calls))
    }

    /// Pins a stand-in program.
    pub(super) fn pin_program(
        &self,
        program: &OwnedFd,
        direction: HookDirection,
    ) -> io::Result<()> {
        let id = bpf_link::identify(program.as_fd())?.id;
        let path = self.directory.join(names::program(id, direction));
        bpf_pin::pin(program.as_fd(), &path)
    }

    /// Pins a new link. Otherwise it would end with the process.
    pub(super) fn pin(&self, link: &tcx::Link, hook: &Hook<'_>) -> Result<Pin, Error> {
        if self.passed.is_some() {
            let message = format!("cannot pin the link at {hook}: the pins are another process's");
            return Err(Error::new(ErrorKind::PermissionDenied, message)
                .with_remedy("have the process that passed the source prepare it again"));
        }
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

    /// Removes what was left at hooks and not taken over, and forgets the programs of filters. `interfaces` are all that
    /// exist.
    pub(super) fn clear(&self, netlink: &Rc<Netlink>, interfaces: &[Interface]) {
        self.aside.borrow_mut().clear();
        if let Some(passed) = &self.passed {
            for (_, link) in passed.borrow_mut().drain() {
                drop(tcx::Link::from(link));
            }
        }
        for ((ifindex, direction), path) in self.links.borrow_mut().drain() {
            let link = link_at(&path, ifindex, direction);
            drop(link.ok().flatten().map(tcx::Link::from));
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
                // Dropping the filters deletes them. A deleted interface has none.
                let _ = tc::attachments_of(netlink, &hook, &programs);
            }
        }
    }
}

/// Returns the link with this name, if it is at the hook in its name. The link of a deleted interface is at no hook.
///
/// # Errors
/// Without a free file descriptor, for example. The link may be at its hook then.
fn link_at(path: &Path, ifindex: u32, direction: HookDirection) -> io::Result<Option<OwnedFd>> {
    let Some(link) = pinned(path)? else {
        return Ok(None);
    };
    Ok(bpf_link::is_at(link.as_fd(), ifindex, direction)?.then_some(link))
}

/// Opens what is pinned with this name. `None` if there is nothing, or no pin.
///
/// # Errors
/// No memory or no free file descriptor, which says nothing about the pin.
fn pinned(path: &Path) -> io::Result<Option<OwnedFd>> {
    match bpf_pin::get(path) {
        Ok(link) => Ok(Some(link)),
        Err(error) => match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => Err(error),
            _ => Ok(None),
        },
    }
}

/// Name of a link in the BPF file system. Dropping it removes the name, unless another link has it.
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

    /// Leaves the pin.
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
