//! Puts the programs at the hooks of an interface and takes them away again.
//!
//! `plan` decides, `tcx` and `tc` act. Everything here belongs to one thread: sockets and bpf(2) both refer to the
//! network namespace of the thread that makes them.

pub(crate) mod hook;
mod mode;
mod occupant;
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

pub use mode::Attach;
pub(crate) use mode::AttachOptions;
pub use order::TcxOrder;
pub(crate) use program::Programs;

use std::{cell::OnceCell, io, os::fd::AsFd, rc::Rc};

use mermin_bpf::abi::ledger::HookDirection;

use crate::{
    error::{Error, ErrorKind},
    iface::Interface,
    report::Mechanism,
    sys::{bpf_pin, netlink::Netlink},
};
use hook::Hook;
use owner::Owner;
use pinned_hooks::{Left, Parted, Pin, PinnedHooks};
use plan::Step;
use program::Program;
use shift::Shift;

/// The hooks of one network namespace: the one the calling thread was in when it opened this, and has to be in when
/// it attaches.
#[derive(Clone)]
pub(crate) struct Hooks {
    netlink: Rc<Netlink>,
    keeper: Option<Rc<PinnedHooks>>,
    /// Made with the first filter; none inside where that was refused.
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
            keeper: None,
            owner: None,
        })
    }

    /// From now on takes over what was left at hooks, and lets outlive the process what is attached.
    pub(crate) fn set_pinned_hooks(&mut self, keeper: Rc<PinnedHooks>) {
        self.keeper = Some(keeper);
    }

    /// Takes away what another keeper's process left.
    pub(crate) fn clear_by(&self, keeper: &PinnedHooks, interfaces: &[Interface]) {
        keeper.clear(&self.netlink, interfaces);
    }

    /// Takes away what a former process left that is no longer at the hook it was put at. An interface is as it was when something
    /// is at a hook of it still.
    pub(crate) fn part(&self, interfaces: &[Interface]) -> io::Result<Parted> {
        match &self.keeper {
            Some(keeper) => keeper.part(&self.netlink, interfaces),
            None => Ok(Parted::default()),
        }
    }

    /// Takes away what a former process left at hooks and [`attach`](Self::attach) did not take over.
    pub(crate) fn clear(&self, interfaces: &[Interface]) {
        if let Some(keeper) = &self.keeper {
            keeper.clear(&self.netlink, interfaces);
        }
    }

    /// Marks the filters that are attached from here on as this process's: when it is killed, the next one removes them, unless
    /// they are to outlast it.
    pub(crate) fn owned(mut self) -> Self {
        self.owner = Some(Rc::default());
        self
    }

    /// The socket, for whatever else is asked of this network namespace.
    pub(crate) fn netlink(&self) -> &Netlink {
        &self.netlink
    }

    /// Attaches the program for a direction.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] without `CAP_NET_ADMIN` (and `CAP_BPF` for TCX), [`ErrorKind::NoInterface`]
    /// where the interface has gone, [`ErrorKind::Unsupported`] where neither kernel nor what is at the hook allow it.
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
            stays: self.keeper.is_some(),
            ..programs.at(direction)
        };
        let Some(keeper) = &self.keeper else {
            return self.put(options, program, &hook);
        };
        let owner = || self.token();
        match keeper.adopt(&self.netlink, options, program, &hook, &owner)? {
            Left::Nothing => self.put_kept(keeper, options, program, &hook),
            Left::Fits(hold, pin) => {
                let mut attached = Attached::new(hold, None);
                attached.kept = Some((Rc::clone(keeper), pin));
                Ok(attached)
            }
            Left::Elsewhere(hold, pin) => {
                let old = (hold, pin);
                self.shift(keeper, options, programs, program, &hook, old)
            }
        }
    }

    /// Moves a program to where it is to be. Where it cannot be there, it is left until the source is open.
    fn shift(
        &self,
        keeper: &Rc<PinnedHooks>,
        options: &AttachOptions,
        programs: Programs<'_>,
        program: Program<'_>,
        hook: &Hook<'_>,
        old: shift::HeldAndPin,
    ) -> Result<Attached, Error> {
        let mut old = Some(old);
        let moved = self.shift_from(keeper, options, programs, program, hook, &mut old);
        if let Some(old) = old {
            keeper.set_aside(old);
        }
        moved
    }

    fn shift_from(
        &self,
        keeper: &Rc<PinnedHooks>,
        options: &AttachOptions,
        programs: Programs<'_>,
        program: Program<'_>,
        hook: &Hook<'_>,
        old: &mut Option<shift::HeldAndPin>,
    ) -> Result<Attached, Error> {
        let refused = |error| hook.refused("move the program at", "CAP_BPF", error);
        let (Some(grace), Some((there, _))) = (keeper.grace(), &old) else {
            return self.put_kept(keeper, options, program, hook);
        };
        let there = there.mechanism();
        let shift = Shift {
            keeper,
            grace,
            hook,
            program,
            calls: keeper.calls(programs).map_err(refused)?,
            owner: self.token(),
        };
        let plan = plan::plan(options);
        let to = |step, old: &mut _| {
            let ahead = shift::is_ahead(step, there);
            let options = options.only(step);
            shift.run(ahead, old, |program| {
                self.put_kept(keeper, &options, program, hook)
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

    /// Puts a program to a hook, and pins what holds it.
    fn put_kept(
        &self,
        keeper: &Rc<PinnedHooks>,
        options: &AttachOptions,
        program: Program<'_>,
        hook: &Hook<'_>,
    ) -> Result<Attached, Error> {
        let mut attached = self.put(options, program, hook)?;
        let pinned = match &attached.hold {
            Some(HeldProgram::Tcx(link)) => keeper.pin(link, hook).map(Some),
            Some(HeldProgram::Tc(_)) | None => Ok(None),
        };
        let pin = match pinned {
            Ok(pin) => pin,
            Err(error) => {
                attached.pin_refusal = Some(error);
                None
            }
        };
        attached.kept = Some((Rc::clone(keeper), pin));
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
                    return Ok(Attached::new(HeldProgram::Tcx(link), None));
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
        Ok(Attached::new(HeldProgram::Tc(filter), tcx_refusal))
    }

    /// By which filters show that this process lives.
    fn token(&self) -> Option<u64> {
        let owner = self.owner.as_ref()?;
        owner.get_or_init(Owner::new).as_ref().map(Owner::token)
    }
}

/// A program at a hook. Detaches when dropped, as far as that succeeds, unless its keeper wants it to stay.
#[derive(Debug)]
pub(crate) struct Attached {
    /// None once it is detached.
    hold: Option<HeldProgram>,
    tcx_refusal: Option<io::Error>,
    /// The keeper, which knows if it stays, and its pin if it has one.
    kept: Option<(Rc<PinnedHooks>, Option<Pin>)>,
    pin_refusal: Option<Error>,
}

#[derive(Debug)]
enum HeldProgram {
    Tcx(tcx::Link),
    Tc(tc::Attachment),
}

impl HeldProgram {
    fn mechanism(&self) -> Mechanism {
        match self {
            Self::Tc(filter) => Mechanism::Tc {
                priority: filter.priority(),
            },
            Self::Tcx(_) => Mechanism::Tcx,
        }
    }

    /// Lets it hold another program from the next packet on.
    fn replace(
        &mut self,
        program: Program<'_>,
        hook: &Hook<'_>,
        owner: Option<u64>,
    ) -> Result<(), Error> {
        match self {
            Self::Tcx(link) => bpf_pin::update(link.as_fd(), program.fd)
                .map_err(|error| hook.refused("replace the program at", "CAP_BPF", error)),
            Self::Tc(filter) => filter.replace(program, hook, owner),
        }
    }

    /// Leaves the program where it is.
    fn keep(self) {
        match self {
            Self::Tcx(link) => link.keep(),
            Self::Tc(filter) => filter.forget(),
        }
    }
}

impl Attached {
    fn new(hold: HeldProgram, tcx_refusal: Option<io::Error>) -> Self {
        Self {
            hold: Some(hold),
            tcx_refusal,
            kept: None,
            pin_refusal: None,
        }
    }

    /// The mechanism that holds the program at the hook.
    pub(crate) fn mechanism(&self) -> Mechanism {
        self.hold
            .as_ref()
            .map_or(Mechanism::Tcx, HeldProgram::mechanism)
    }

    /// Why it goes with the process though it should stay.
    pub(crate) fn pin_refusal(&self) -> Option<&Error> {
        self.pin_refusal.as_ref()
    }

    /// Why TCX was not used though it would have been preferred.
    pub(crate) fn tcx_refusal(&self) -> Option<&io::Error> {
        self.tcx_refusal.as_ref()
    }

    /// Tells if the program is still where it was put: others can detach it.
    pub(crate) fn is_in_place(&self) -> io::Result<bool> {
        match &self.hold {
            Some(HeldProgram::Tcx(link)) => link.is_attached(),
            Some(HeldProgram::Tc(filter)) => filter.is_there(),
            None => Ok(false),
        }
    }

    /// Gives it up without taking anything away: it is not [in its place](Self::is_in_place) any more, and what is put there
    /// in its stead is the same program, perhaps under the same handle.
    pub(crate) fn forget(mut self) {
        if let Some(HeldProgram::Tc(filter)) = self.hold.take() {
            filter.forget();
        }
    }

    /// Takes the program away, unless its keeper wants it to stay. An interface that has gone has taken it along, which is
    /// no error.
    pub(crate) fn detach(mut self) -> Result<(), Error> {
        self.try_detach()
    }

    /// As [`detach`](Self::detach); where it is refused it can be tried again.
    pub(crate) fn try_detach(&mut self) -> Result<(), Error> {
        let (keeper, pin) = self.kept.take().unzip();
        let stays = keeper.is_some_and(|keeper| keeper.stays());
        match pin.flatten() {
            Some(pin) if stays => pin.keep(),
            pin => drop(pin),
        }
        match self.hold.take() {
            Some(hold) if stays => hold.keep(),
            Some(HeldProgram::Tc(mut filter)) => {
                let detached = filter.detach();
                if detached.is_err() {
                    self.hold = Some(HeldProgram::Tc(filter));
                }
                return detached;
            }
            Some(HeldProgram::Tcx(_)) | None => {}
        }
        Ok(())
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = self.try_detach();
    }
}
