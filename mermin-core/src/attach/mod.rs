//! Puts the programs at the hooks of an interface and takes them away again.
//!
//! `plan` decides, `tcx` and `tc` act. Everything here belongs to one thread: sockets and bpf(2) both refer to the
//! network namespace of the thread that makes them.

pub(crate) mod hook;
mod mode;
pub(crate) mod occupant;
pub(crate) mod order;
pub(crate) mod plan;
mod tc;
mod tcx;
#[cfg(test)]
mod tests;

pub(crate) use mode::Manner;
pub use mode::{Attach, Mechanism};
pub use order::TcxOrder;

use std::{io, os::fd::BorrowedFd, rc::Rc};

use mermin_bpf::abi::{ledger::Direction, names};

use crate::{
    error::{Error, ErrorKind},
    iface::Interface,
    sys::{bpf_link, netlink::Netlink},
};
use hook::Hook;
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
        Program { fd, name }
    }
}

/// The hooks of one network namespace: the one the calling thread was in when it opened this, and has to be in when
/// it attaches.
#[derive(Clone)]
pub(crate) struct Hooks {
    netlink: Rc<Netlink>,
}

impl Hooks {
    /// Opens the hooks of the calling thread's network namespace. Needs no privilege.
    pub(crate) fn open() -> Result<Self, Error> {
        let netlink = Netlink::open().map_err(|error| {
            Error::new(ErrorKind::System, "cannot open a netlink socket").with_source(error)
        })?;
        Ok(Self {
            netlink: Rc::new(netlink),
        })
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
        let program = programs.at(direction);
        // Whether TCX is there is found out by the attempt itself.
        let plan = plan::plan(manner, None);
        let refusal = match plan.first {
            Step::Tc { priority } => return self.by_tc(program, &hook, priority, None),
            Step::Tcx => match tcx::attach(program, &hook, &manner.tcx_order) {
                Ok(link) => {
                    return Ok(Attached {
                        hold: Hold::Tcx(link),
                        tcx_refusal: None,
                    });
                }
                Err(refusal) => refusal,
            },
        };
        match plan.fallback {
            Some(Step::Tc { priority }) if plan::falls_back(&refusal) => {
                self.by_tc(program, &hook, priority, Some(refusal))
            }
            _ => Err(tcx::explain(&hook, refusal)),
        }
    }

    fn by_tc(
        &self,
        program: Program<'_>,
        hook: &Hook<'_>,
        priority: u16,
        tcx_refusal: Option<io::Error>,
    ) -> Result<Attached, Error> {
        let filter = tc::attach(&self.netlink, program, hook, priority)?;
        Ok(Attached {
            hold: Hold::Tc(filter),
            tcx_refusal,
        })
    }
}

/// A program at a hook. Detaches when dropped, as far as that succeeds.
#[derive(Debug)]
pub(crate) struct Attached {
    hold: Hold,
    tcx_refusal: Option<io::Error>,
}

#[derive(Debug)]
enum Hold {
    Tcx(tcx::Link),
    Tc(tc::Attachment),
}

impl Attached {
    /// What holds the program at the hook.
    pub(crate) fn mechanism(&self) -> Mechanism {
        match &self.hold {
            Hold::Tcx(_) => Mechanism::Tcx,
            Hold::Tc(filter) => Mechanism::Tc {
                priority: filter.priority(),
            },
        }
    }

    /// Why TCX was not used though it would have been preferred.
    pub(crate) fn tcx_refusal(&self) -> Option<&io::Error> {
        self.tcx_refusal.as_ref()
    }

    /// Whether the program is still where it was put: others can detach it.
    pub(crate) fn is_in_place(&self) -> io::Result<bool> {
        match &self.hold {
            Hold::Tcx(link) => link.is_attached(),
            Hold::Tc(filter) => filter.is_there(),
        }
    }

    /// Gives it up without taking anything away: it is not [in its place](Self::is_in_place) any more, and what is put there
    /// in its stead is the same program, perhaps under the same handle.
    pub(crate) fn forget(self) {
        match self.hold {
            Hold::Tcx(link) => drop(link),
            Hold::Tc(filter) => filter.forget(),
        }
    }

    /// Takes the program away. An interface that has gone has taken it along, which is no error.
    pub(crate) fn detach(self) -> Result<(), Error> {
        match self.hold {
            Hold::Tcx(link) => {
                drop(link);
                Ok(())
            }
            Hold::Tc(filter) => filter.detach(),
        }
    }
}
