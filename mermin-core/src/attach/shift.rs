//! Moving a program from one place at its hook to another: from a link to a filter, back, or to another priority.
//!
//! For a moment it has to be at both. Then stand-ins count each packet at one of them, so none is missed and none counted twice; and
//! so it is between any two steps, should the process be killed there. The holds it leaves are known by their programs,
//! which are pinned before they are at a hook.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use super::{
    Attached, HeldProgram, Program,
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

/// The hold of a program at a hook, and its pin if it has one.
pub(super) type HeldAndPin = (HeldProgram, Option<Pin>);

/// All that moving a program takes.
pub(super) struct Shift<'a> {
    pub(super) keeper: &'a PinnedHooks,
    pub(super) grace: &'a Grace,
    pub(super) hook: &'a Hook<'a>,
    pub(super) program: Program<'a>,
    /// The programs of both directions, by their numbers, as stand-ins call them.
    pub(super) calls: &'a OwnedFd,
    pub(super) owner: Option<u64>,
}

/// True if packets come to the place of a step before they come to what is there.
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
    /// Puts the program `ahead` of where it is, or behind, by `put`, and takes it away from there. On a refusal `old` is left, as a
    /// stand-in that counts.
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
            // A packet that comes to the old place alone is counted there, and one that comes to both at the new one.
            self.replace(there, &heeding)?;
            let new = put(self.stand_in(&noting))?;
            fail_point(FailPoint::Shifted);
            self.wait()?;
            drop(old.take());
            new
        } else {
            self.replace(there, &noting)?;
            // From here on all that come to the new place have been noted at the old one.
            self.wait()?;
            let mut new = put(self.stand_in(&heeding))?;
            fail_point(FailPoint::Shifted);
            self.wait()?;
            self.replace(there, &passing)?;
            self.wait()?;
            self.settle(&mut new)?;
            drop(old.take());
            new
        };
        fail_point(FailPoint::Shifted);
        if ahead {
            self.settle(&mut new)?;
        }
        Ok(new)
    }

    /// Gives the program itself to what holds a stand-in.
    fn settle(&self, new: &mut Attached) -> Result<(), Error> {
        if let Some(hold) = &mut new.hold {
            hold.replace(self.program, self.hook, self.owner)?;
        }
        fail_point(FailPoint::Shifted);
        Ok(())
    }

    fn replace(&self, there: &mut HeldProgram, stand_in: &OwnedFd) -> Result<(), Error> {
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

    /// Loads what is to be at the hook for a moment, and pins it.
    fn stand_ins(&self) -> Result<StandIns, Error> {
        let make = || {
            let notes = bpf_stand_in::create_notes()?;
            let place = self.hook.direction as u32;
            let load = |part| {
                let program = bpf_stand_in::load(part, notes.as_fd(), self.calls.as_fd(), place)?;
                self.keeper.pin_program(&program, self.hook.direction)?;
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
