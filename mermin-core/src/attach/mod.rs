//! Puts the programs at the hooks of an interface and takes them away again.
//!
//! `plan` decides, `tcx` and `tc` act. Everything here belongs to one thread: sockets and bpf(2) both refer to the
//! network namespace of the thread that makes them.

pub(crate) mod hook;
pub(crate) mod keep;
mod mode;
pub(crate) mod occupant;
pub(crate) mod order;
mod orphan;
mod owner;
pub(crate) mod plan;
mod tc;
mod tcx;
#[cfg(test)]
mod tests;

pub(crate) use mode::Manner;
pub use mode::{Attach, Mechanism};
pub use order::TcxOrder;
pub use orphan::Orphan;

use std::{io, os::fd::BorrowedFd, rc::Rc};

use mermin_bpf::abi::{ledger::Direction, names};

use crate::{
    error::{Error, ErrorKind},
    iface::Interface,
    sys::{bpf_link, netlink::Netlink},
};
use hook::Hook;
use keep::{Keeper, Pin};
use owner::Owner;
use plan::Step;

/// The loaded programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Programs<'a> {
    /// [`names::PROGRAM_INGRESS`].
    pub(crate) ingress: BorrowedFd<'a>,
    /// [`names::PROGRAM_EGRESS`].
    pub(crate) egress: BorrowedFd<'a>,
}

/// One of them, for one hook.
#[derive(Clone, Copy, Debug)]
struct Program<'a> {
    fd: BorrowedFd<'a>,
    name: &'static str,
    /// It is to outlive the process.
    stays: bool,
}

impl<'a> Programs<'a> {
    /// The id of the one for a direction.
    pub(crate) fn id(self, direction: Direction) -> io::Result<u32> {
        bpf_link::identify(self.at(direction).fd).map(|identity| identity.id)
    }

    fn at(self, direction: Direction) -> Program<'a> {
        let (fd, name) = match direction {
            Direction::Ingress => (self.ingress, names::PROGRAM_INGRESS),
            Direction::Egress => (self.egress, names::PROGRAM_EGRESS),
        };
        Program {
            fd,
            name,
            stays: false,
        }
    }
}

/// The hooks of one network namespace: the one the calling thread was in when it opened this, and has to be in when
/// it attaches.
#[derive(Clone)]
pub(crate) struct Hooks {
    netlink: Rc<Netlink>,
    keeper: Option<Rc<Keeper>>,
    owner: Option<Rc<Owner>>,
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
    pub(crate) fn keep_by(&mut self, keeper: Rc<Keeper>) {
        self.keeper = Some(keeper);
    }

    /// Takes away what another keeper's process left.
    pub(crate) fn clear_by(&self, keeper: &Keeper, interfaces: &[Interface]) {
        keeper.clear(&self.netlink, interfaces);
    }

    /// Takes away what a former process left at hooks and [`attach`](Self::attach) did not take over.
    pub(crate) fn clear(&self, interfaces: &[Interface]) {
        if let Some(keeper) = &self.keeper {
            keeper.clear(&self.netlink, interfaces);
        }
    }

    /// Marks the filters that are attached from here on as this process's, unless they are to outlast it: when it is killed,
    /// the next one removes them.
    pub(crate) fn owned(mut self) -> Self {
        self.owner = Owner::new().map(Rc::new);
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
        manner: &Manner,
        programs: Programs<'_>,
        interface: &Interface,
        direction: Direction,
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
            return self.put(manner, program, &hook);
        };
        if let Some((hold, pin)) = keeper.adopt(&self.netlink, manner, program, &hook)? {
            return Ok(Attached {
                hold: Some(hold),
                kept: Some((Rc::clone(keeper), pin)),
                adopted: true,
                tcx_refusal: None,
                pin_refusal: None,
            });
        }
        let mut attached = self.put(manner, program, &hook)?;
        let pinned = match &attached.hold {
            Some(Hold::Tcx(link)) => keeper.pin(link, &hook).map(Some),
            Some(Hold::Tc(_)) | None => Ok(None),
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
        manner: &Manner,
        program: Program<'_>,
        hook: &Hook<'_>,
    ) -> Result<Attached, Error> {
        let plan = plan::plan(manner);
        let refusal = match plan.first {
            Step::Tc { priority } => return self.by_tc(program, hook, priority, None),
            Step::Tcx => match tcx::attach(program, hook, &manner.tcx_order) {
                Ok(link) => {
                    return Ok(Attached::new(Hold::Tcx(link), None));
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
        let owner = self.owner.as_ref().map(|owner| owner.token());
        let filter = tc::attach(&self.netlink, program, hook, priority, owner)?;
        Ok(Attached::new(Hold::Tc(filter), tcx_refusal))
    }
}

/// A program at a hook. Detaches when dropped, as far as that succeeds, unless its keeper wants it to stay.
#[derive(Debug)]
pub(crate) struct Attached {
    /// None once it is detached.
    hold: Option<Hold>,
    tcx_refusal: Option<io::Error>,
    /// Who knows whether it stays, and its pin if it has one.
    kept: Option<(Rc<Keeper>, Option<Pin>)>,
    adopted: bool,
    pin_refusal: Option<Error>,
}

#[derive(Debug)]
enum Hold {
    Tcx(tcx::Link),
    Tc(tc::Attachment),
}

impl Attached {
    fn new(hold: Hold, tcx_refusal: Option<io::Error>) -> Self {
        Self {
            hold: Some(hold),
            tcx_refusal,
            kept: None,
            adopted: false,
            pin_refusal: None,
        }
    }

    /// What holds the program at the hook.
    pub(crate) fn mechanism(&self) -> Mechanism {
        match &self.hold {
            Some(Hold::Tc(filter)) => Mechanism::Tc {
                priority: filter.priority(),
            },
            Some(Hold::Tcx(_)) | None => Mechanism::Tcx,
        }
    }

    /// Why it goes with the process though it should stay.
    pub(crate) fn pin_refusal(&self) -> Option<&Error> {
        self.pin_refusal.as_ref()
    }

    /// Whether a former process had it attached.
    pub(crate) fn is_adopted(&self) -> bool {
        self.adopted
    }

    /// Why TCX was not used though it would have been preferred.
    pub(crate) fn tcx_refusal(&self) -> Option<&io::Error> {
        self.tcx_refusal.as_ref()
    }

    /// Whether the program is still where it was put: others can detach it.
    pub(crate) fn is_in_place(&self) -> io::Result<bool> {
        match &self.hold {
            Some(Hold::Tcx(link)) => link.is_attached(),
            Some(Hold::Tc(filter)) => filter.is_there(),
            None => Ok(false),
        }
    }

    /// Gives it up without taking anything away: it is not [in its place](Self::is_in_place) any more, and what is put there
    /// in its stead is the same program, perhaps under the same handle.
    pub(crate) fn forget(mut self) {
        if let Some(Hold::Tc(filter)) = self.hold.take() {
            filter.forget();
        }
    }

    /// Takes the program away, unless its keeper wants it to stay. An interface that has gone has taken it along, which is
    /// no error.
    pub(crate) fn detach(mut self) -> Result<(), Error> {
        self.let_go()
    }

    /// As [`detach`](Self::detach); where it is refused it can be tried again.
    pub(crate) fn let_go(&mut self) -> Result<(), Error> {
        let (keeper, pin) = self.kept.take().unzip();
        let stays = keeper.is_some_and(|keeper| keeper.stays());
        match pin.flatten() {
            Some(pin) if stays => pin.keep(),
            pin => drop(pin),
        }
        match self.hold.take() {
            Some(Hold::Tcx(link)) if stays => link.keep(),
            Some(Hold::Tc(filter)) if stays => filter.forget(),
            Some(Hold::Tc(mut filter)) => {
                let detached = filter.detach();
                if detached.is_err() {
                    self.hold = Some(Hold::Tc(filter));
                }
                return detached;
            }
            Some(Hold::Tcx(_)) | None => {}
        }
        Ok(())
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = self.let_go();
    }
}
