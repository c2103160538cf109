//! Moves a program to another place at its hook: from a link to a filter, back, or to another priority.
//!
//! For a moment the program must be at both places. Then stand-ins count each packet at one of them, so no packet is
//! missed or counted twice.
//!
//! Each packet passes both places, one after the other, on one CPU. Three small programs share a number per CPU:
//!
//! * **Noting**, at the earlier place, adds one to the number and calls the program.
//! * **Heeding**, at the later place, looks at the number. If it is not zero, the packet was counted at the earlier place:
//!   heeding subtracts one and does not count. If it is zero, the packet was not counted there: heeding calls the program.
//! * **Passing**, at the earlier place, sets the number to zero and counts nothing.
//!
//! A move takes these steps:
//!
//! * To an earlier place: put heeding at the old place and noting at the new one; wait for a grace period; empty the old
//!   place; put the program itself at the new one.
//! * To a later place: put noting at the old place; wait; put heeding at the new place; wait; put passing at the old place;
//!   wait; put the program itself at the new place; empty the old one.
//!
//! Between any two steps each packet is counted once, so the process may be killed anywhere. Each of the three programs is
//! pinned before it is attached, and so is the array through which they call the program (`MOVING_<id>`). So the next
//! process recognises, by its program, an attachment that a killed process left. It keeps the first place whose program
//! counts, and empties the others: the program itself, noting and heeding count, passing does not. A move costs up to three
//! grace periods per hook.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use super::{
    Attached, Program,
    attached::LinkOrFilter,
    hook::Hook,
    pinned_hooks::{Pin, PinnedHooks},
    plan::Step,
};
use crate::{
    bpf::grace::Grace,
    error::{Error, ErrorKind},
    failpoint::{FailPoint, fail_point},
    report::Mechanism,
    sys::bpf_stand_in::{self, StandIn},
};

/// An attached program, and its pin if it has one.
pub(super) type HeldAndPin = (LinkOrFilter, Option<Pin>);

/// Everything needed to move a program.
pub(super) struct Shift<'a> {
    pub(super) pinned_hooks: &'a PinnedHooks,
    pub(super) grace: &'a Grace,
    pub(super) hook: &'a Hook<'a>,
    pub(super) program: Program<'a>,
    /// The programs of both directions, by number, for calls from stand-ins.
    pub(super) calls: &'a OwnedFd,
    pub(super) owner: Option<u64>,
}

/// Returns true if a packet reaches the new place, that of `step`, before the present one, `there`.
pub(super) fn is_ahead(step: Step, there: Mechanism) -> bool {
    match (step, there) {
        (Step::Tcx, _) => true,
        (Step::Tc { .. }, Mechanism::Tcx) => false,
        (Step::Tc { priority }, Mechanism::Tc { priority: there }) => priority < there,
    }
}

/// Programs for both places.
struct StandIns {
    noting: OwnedFd,
    heeding: OwnedFd,
    passing: OwnedFd,
}

impl Shift<'_> {
    /// Attaches the program `ahead` of its present place, or after it, with `put`, and detaches it from the present
    /// place. If `put` fails, `old` keeps its place, with a stand-in that counts. After an error of a later step, both places may
    /// have a program, or only the new one. If the source does not open, the next process puts that right, as after a kill. If it opens, its
    /// report says that the hook is not watched.
    pub(super) fn run(
        &self,
        ahead: bool,
        old: &mut Option<HeldAndPin>,
        put: impl FnOnce(Program<'_>) -> Result<Attached, Error>,
    ) -> Result<Attached, Error> {
        let Some((there, _)) = old else {
            return put(self.program);
        };
        let StandIns {
            noting,
            heeding,
            passing,
        } = self.stand_ins()?;
        let mut new = if ahead {
            // A packet that reaches only the old place is counted there. A packet that reaches both is counted at the
            // new one.
            self.replace(there, &heeding)?;
            let new = put(self.stand_in(&noting))?;
            fail_point(FailPoint::Shifted);
            self.wait()?;
            drop(old.take());
            new
        } else {
            self.replace(there, &noting)?;
            // After this wait, every packet that reaches the new place was noted at the old one.
            self.wait()?;
            let mut new = put(self.stand_in(&heeding))?;
            fail_point(FailPoint::Shifted);
            self.wait()?;
            self.replace(there, &passing)?;
            self.wait()?;
            self.install_program(&mut new)?;
            drop(old.take());
            new
        };
        fail_point(FailPoint::Shifted);
        if ahead {
            self.install_program(&mut new)?;
        }
        Ok(new)
    }

    /// Replaces a stand-in by the program itself.
    fn install_program(&self, new: &mut Attached) -> Result<(), Error> {
        if let Some(hold) = &mut new.hold {
            hold.replace(self.program, self.hook, self.owner)?;
        }
        fail_point(FailPoint::Shifted);
        Ok(())
    }

    fn replace(&self, there: &mut LinkOrFilter, stand_in: &OwnedFd) -> Result<(), Error> {
        there.replace(self.stand_in(stand_in), self.hook, self.owner)?;
        fail_point(FailPoint::Shifted);
        Ok(())
    }

    fn stand_in<'a>(&self, fd: &'a OwnedFd) -> Program<'a> {
        Program {
            fd: fd.as_fd(),
            name: self.program.name,
            stays: self.program.stays,
        }
    }

    /// Loads the stand-ins and pins them.
    fn stand_ins(&self) -> Result<StandIns, Error> {
        let make = || {
            let notes = bpf_stand_in::create_notes()?;
            let place = self.hook.direction as u32;
            let load = |part| {
                let program = bpf_stand_in::load(part, notes.as_fd(), self.calls.as_fd(), place)?;
                self.pinned_hooks
                    .pin_program(&program, self.hook.direction)?;
                io::Result::Ok(program)
            };
            Ok(StandIns {
                noting: load(StandIn::Noting)?,
                heeding: load(StandIn::Heeding)?,
                passing: load(StandIn::Passing)?,
            })
        };
        make().map_err(|error| self.refused(error))
    }

    fn wait(&self) -> Result<(), Error> {
        self.grace.wait().map_err(|error| self.refused(error))
    }

    fn refused(&self, error: io::Error) -> Error {
        let message = format!("cannot move the program at {}", self.hook);
        Error::new(ErrorKind::System, message).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_run_before_filters_and_filters_by_priority() {
        let tc = |priority| Step::Tc { priority };
        let filter = |priority| Mechanism::Tc { priority };
        for (step, there, expected) in [
            (Step::Tcx, filter(1), true),
            (tc(1), Mechanism::Tcx, false),
            (tc(1), filter(7), true),
            (tc(7), filter(1), false),
        ] {
            assert_eq!(is_ahead(step, there), expected, "{step:?} {there:?}");
        }
    }
}
