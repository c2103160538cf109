//! Attaches programs to the hooks of an interface and detaches them.
//!
//! `plan` decides, `tcx` and `tc` act. Everything here belongs to one thread: sockets and bpf(2) refer to the network
//! namespace of the thread that creates them.

mod attached;
pub(crate) mod hook;
mod hook_programs;
mod mode;
pub(crate) mod order;
mod orphan;
mod owner;
pub(crate) mod pinned_hooks;
pub(crate) mod plan;
mod program;
mod shift;
mod tc;
mod tcx;
#[cfg(test)]
mod tests;

pub(crate) use attached::Attached;
pub use mode::Attach;
pub(crate) use mode::AttachOptions;
pub use order::TcxOrder;
pub(crate) use program::Programs;

use std::{cell::OnceCell, io, rc::Rc};

use mermin_bpf::abi::ledger::HookDirection;

use crate::{
    error::{Error, ErrorKind},
    iface::Interface,
    sys::netlink::Netlink,
};
use attached::LinkOrFilter;
use hook::Hook;
use owner::Owner;
use pinned_hooks::{FormerInterfaces, Left, PinnedHooks};
use plan::Step;
use program::Program;
use shift::Shift;

/// The hooks of one network namespace: the one that the calling thread is in at [`open`](Self::open). The thread must
/// be in it when it attaches.
#[derive(Clone)]
pub(crate) struct Hooks {
    netlink: Rc<Netlink>,
    pinned: Option<Rc<PinnedHooks>>,
    /// The owner of this process's filters, created with the first filter. The inner `None` means that the kernel refused
    /// the owner; the outer `None`, that [`owned`](Self::owned) was not called.
    owner: Option<Rc<OnceCell<Option<Owner>>>>,
}

impl Hooks {
    /// Opens the hooks of the calling thread's network namespace. Needs no privilege.
    pub(crate) fn open() -> Result<Self, Error> {
        let netlink = Netlink::open().map_err(|error| {
            Error::new(ErrorKind::System, "cannot open a netlink socket").with_source(error)
        })?;
        Ok(Self {
            netlink: Rc::new(netlink),
            pinned: None,
            owner: None,
        })
    }

    /// Takes over what an earlier process left at hooks from now on, and lets new attachments outlive this process.
    pub(crate) fn set_pinned_hooks(&mut self, pinned_hooks: Rc<PinnedHooks>) {
        self.pinned = Some(pinned_hooks);
    }

    /// Removes what another instance left at hooks, such as one whose pins have another memory layout.
    pub(crate) fn clear_leftovers_of(&self, pinned_hooks: &PinnedHooks, interfaces: &[Interface]) {
        pinned_hooks.clear(&self.netlink, interfaces);
    }

    /// Removes pinned links that are no longer at their hook. Returns the interfaces that still have a link or a filter of
    /// the earlier process, and those that got another index.
    pub(crate) fn remove_lost_links(
        &self,
        interfaces: &[Interface],
    ) -> io::Result<FormerInterfaces> {
        match &self.pinned {
            Some(pinned_hooks) => pinned_hooks.remove_lost_links(&self.netlink, interfaces),
            None => Ok(FormerInterfaces::default()),
        }
    }

    /// Removes what an earlier process left at hooks and [`attach`](Self::attach) did not take over.
    pub(crate) fn clear(&self, interfaces: &[Interface]) {
        if let Some(pinned_hooks) = &self.pinned {
            pinned_hooks.clear(&self.netlink, interfaces);
        }
    }

    /// Marks the filters attached from now on as this process's. If the process is killed, the next source in this
    /// network namespace removes them, unless their instance is pinned.
    pub(crate) fn owned(mut self) -> Self {
        self.owner = Some(Rc::default());
        self
    }

    /// Returns the socket, for other requests in this network namespace.
    pub(crate) fn netlink(&self) -> &Netlink {
        &self.netlink
    }

    /// Attaches the program for a direction.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] without `CAP_NET_ADMIN` (and `CAP_BPF` for TCX); [`ErrorKind::NoInterface`] if
    /// the interface no longer exists; [`ErrorKind::Unsupported`] if the kernel, or a program at the hook, prevents
    /// attaching.
    pub(crate) fn attach(
        &self,
        options: &AttachOptions,
        programs: Programs<'_>,
        interface: &Interface,
        direction: HookDirection,
    ) -> Result<Attached, Error> {
        let hook = Hook {
            interface,
            direction,
        };
        let program = Program {
            stays: self.pinned.is_some(),
            ..programs.at(direction)
        };
        let Some(pinned_hooks) = &self.pinned else {
            return self.put(options, program, &hook);
        };
        let owner = || self.token();
        match pinned_hooks.adopt(&self.netlink, options, program, &hook, &owner)? {
            Left::Nothing => {
                let mut attached = self.put_pinned(pinned_hooks, options, program, &hook)?;
                attached.is_new = true;
                Ok(attached)
            }
            Left::Fits(hold, pin) => {
                let mut attached = Attached::new(hold, None);
                attached.pinned = Some((Rc::clone(pinned_hooks), pin));
                Ok(attached)
            }
            Left::Elsewhere(hold, pin) => {
                let old = (hold, pin);
                self.shift(pinned_hooks, options, programs, program, &hook, old)
            }
        }
    }

    /// Moves a program to its new place. If that place is unavailable, the program stays at its old place, and is removed when
    /// the source is open. If opening fails, the next process finds it there.
    fn shift(
        &self,
        pinned_hooks: &Rc<PinnedHooks>,
        options: &AttachOptions,
        programs: Programs<'_>,
        program: Program<'_>,
        hook: &Hook<'_>,
        old: shift::HeldAndPin,
    ) -> Result<Attached, Error> {
        let mut old = Some(old);
        let moved = self.shift_from(pinned_hooks, options, programs, program, hook, &mut old);
        if let Some(old) = old {
            pinned_hooks.set_aside(old);
        }
        moved
    }

    fn shift_from(
        &self,
        pinned_hooks: &Rc<PinnedHooks>,
        options: &AttachOptions,
        programs: Programs<'_>,
        program: Program<'_>,
        hook: &Hook<'_>,
        old: &mut Option<shift::HeldAndPin>,
    ) -> Result<Attached, Error> {
        let refused = |error| hook.refused("move the program at", "CAP_BPF", error);
        let (Some(grace), Some((there, _))) = (pinned_hooks.grace(), &old) else {
            return self.put_pinned(pinned_hooks, options, program, hook);
        };
        let there = there.mechanism();
        let shift = Shift {
            pinned_hooks,
            grace,
            hook,
            program,
            calls: pinned_hooks.calls(programs).map_err(refused)?,
            owner: self.token(),
        };
        let plan = plan::plan(options);
        let to = |step, old: &mut _| {
            let ahead = shift::is_ahead(step, there);
            let options = options.only(step);
            shift.run(ahead, old, |program| {
                self.put_pinned(pinned_hooks, &options, program, hook)
            })
        };
        let first = to(plan.first, old);
        let refusal = match &first {
            Err(error) => std::error::Error::source(error)
                .and_then(|source| source.downcast_ref::<io::Error>()),
            Ok(_) => None,
        };
        match refusal.and_then(|refusal| Some((plan.after(refusal)?, refusal.raw_os_error()?))) {
            Some((step, errno)) => {
                let mut moved = to(step, old)?;
                moved.tcx_refusal = Some(io::Error::from_raw_os_error(errno));
                Ok(moved)
            }
            None => first,
        }
    }

    /// Attaches a program to a hook, and pins its link.
    fn put_pinned(
        &self,
        pinned_hooks: &Rc<PinnedHooks>,
        options: &AttachOptions,
        program: Program<'_>,
        hook: &Hook<'_>,
    ) -> Result<Attached, Error> {
        let mut attached = self.put(options, program, hook)?;
        let pinned = match &attached.hold {
            Some(LinkOrFilter::Tcx(link)) => pinned_hooks.pin(link, hook).map(Some),
            Some(LinkOrFilter::Tc(_)) | None => Ok(None),
        };
        let pin = match pinned {
            Ok(pin) => pin,
            Err(error) => {
                attached.pin_refusal = Some(error);
                None
            }
        };
        attached.pinned = Some((Rc::clone(pinned_hooks), pin));
        Ok(attached)
    }

    fn put(
        &self,
        options: &AttachOptions,
        program: Program<'_>,
        hook: &Hook<'_>,
    ) -> Result<Attached, Error> {
        let plan = plan::plan(options);
        let refusal = match plan.first {
            Step::Tc { priority } => return self.by_tc(program, hook, priority, None),
            Step::Tcx => match tcx::attach(program, hook, &options.tcx_order) {
                Ok(link) => {
                    return Ok(Attached::new(LinkOrFilter::Tcx(link), None));
                }
                Err(refusal) => refusal,
            },
        };
        match plan.after(&refusal) {
            Some(Step::Tc { priority }) => self.by_tc(program, hook, priority, Some(refusal)),
            Some(Step::Tcx) | None => Err(tcx::explain(hook, refusal)),
        }
    }

    fn by_tc(
        &self,
        program: Program<'_>,
        hook: &Hook<'_>,
        priority: u16,
        tcx_refusal: Option<io::Error>,
    ) -> Result<Attached, Error> {
        let filter = tc::attach(&self.netlink, program, hook, priority, self.token())?;
        Ok(Attached::new(LinkOrFilter::Tc(filter), tcx_refusal))
    }

    /// Returns the token by which filters show that this process is alive.
    fn token(&self) -> Option<u64> {
        let owner = self.owner.as_ref()?;
        owner.get_or_init(Owner::new).as_ref().map(Owner::token)
    }
}
