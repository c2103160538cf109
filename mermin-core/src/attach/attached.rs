//! A program at a hook, from attaching to detaching.

use std::{io, os::fd::AsFd, rc::Rc};

use super::{
    hook::Hook,
    pinned_hooks::{Pin, PinnedHooks},
    program::Program,
    tc, tcx,
};
use crate::{error::Error, report::Mechanism, sys::bpf_pin};

/// An attached program. Dropping it detaches, unless its [`PinnedHooks`] say that it stays; a failure is ignored.
#[derive(Debug)]
pub(crate) struct Attached {
    /// `None` once it is detached.
    pub(super) hold: Option<LinkOrFilter>,
    pub(super) tcx_refusal: Option<io::Error>,
    /// The instance's hooks, which decide if the program stays, and the pin if there is one.
    pub(super) pinned: Option<(Rc<PinnedHooks>, Option<Pin>)>,
    pub(super) pin_refusal: Option<Error>,
    /// An earlier process of the instance had no program at the hook.
    pub(super) is_new: bool,
}

#[derive(Debug)]
pub(super) enum LinkOrFilter {
    Tcx(tcx::Link),
    Tc(tc::Attachment),
}

impl LinkOrFilter {
    pub(super) fn mechanism(&self) -> Mechanism {
        match self {
            Self::Tc(filter) => Mechanism::Tc {
                priority: filter.priority(),
            },
            Self::Tcx(_) => Mechanism::Tcx,
        }
    }

    /// Replaces the program from the next packet on.
    pub(super) fn replace(
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

    /// Leaves the program attached.
    pub(super) fn keep(self) {
        match self {
            Self::Tcx(link) => link.keep(),
            Self::Tc(filter) => filter.forget(),
        }
    }
}

impl Attached {
    pub(super) fn new(hold: LinkOrFilter, tcx_refusal: Option<io::Error>) -> Self {
        Self {
            hold: Some(hold),
            tcx_refusal,
            pinned: None,
            pin_refusal: None,
            is_new: false,
        }
    }

    /// Returns the mechanism that attaches the program.
    pub(crate) fn mechanism(&self) -> Mechanism {
        self.hold
            .as_ref()
            .map_or(Mechanism::Tcx, LinkOrFilter::mechanism)
    }

    /// Returns the error if the program ends with the process although it should stay.
    pub(crate) fn pin_refusal(&self) -> Option<&Error> {
        self.pin_refusal.as_ref()
    }

    /// Returns the error if TCX was preferred and not used.
    pub(crate) fn tcx_refusal(&self) -> Option<&io::Error> {
        self.tcx_refusal.as_ref()
    }

    /// Returns true if the program is still attached. Other processes can detach it.
    pub(crate) fn is_in_place(&self) -> io::Result<bool> {
        match &self.hold {
            Some(LinkOrFilter::Tcx(link)) => link.is_attached(),
            Some(LinkOrFilter::Tc(filter)) => filter.is_there(),
            None => Ok(false),
        }
    }

    /// Forgets the attachment without detaching anything. It is no longer [in place](Self::is_in_place), and its
    /// replacement is the same program, perhaps under the same handle.
    pub(crate) fn forget(mut self) {
        if let Some(LinkOrFilter::Tc(filter)) = self.hold.take() {
            filter.forget();
        }
    }

    /// Detaches the program, unless its [`PinnedHooks`] say that it stays. It is no error if the interface was deleted
    /// together with the program.
    pub(crate) fn detach(mut self) -> Result<(), Error> {
        self.try_detach()
    }

    /// Detaches as [`detach`](Self::detach) does; after a refusal, the caller can try again.
    pub(crate) fn try_detach(&mut self) -> Result<(), Error> {
        let (pinned_hooks, pin) = self.pinned.take().unzip();
        let stays = pinned_hooks.is_some_and(|hooks| hooks.stays(self.is_new));
        match pin.flatten() {
            Some(pin) if stays => pin.keep(),
            pin => drop(pin),
        }
        match self.hold.take() {
            Some(hold) if stays => hold.keep(),
            Some(LinkOrFilter::Tc(mut filter)) => {
                let detached = filter.detach();
                if detached.is_err() {
                    self.hold = Some(LinkOrFilter::Tc(filter));
                }
                return detached;
            }
            Some(LinkOrFilter::Tcx(_)) | None => {}
        }
        Ok(())
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // A failure has no receiver here.
        let _ = self.try_detach();
    }
}
