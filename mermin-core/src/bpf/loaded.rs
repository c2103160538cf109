//! The programs and maps that one load created.

#[cfg(feature = "__lab")]
use std::sync::Arc;
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use mermin_bpf::abi::names;

use super::{
    clock, drop_counts::DropProgram, free::FreeSlots, index::Index, ledger::Ledger, memory::system,
    openers::OpenerProgram, sections::Sections, slab::Slab,
};
use crate::{error::Error, sys::bpf};

/// The programs at hooks.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) ingress: OwnedFd,
    pub(crate) egress: OwnedFd,
    /// Array of the programs that they call. The kernel empties it when its last descriptor is closed.
    pub(super) handover: OwnedFd,
    /// Programs in that array, with their places and names.
    pub(crate) handed_to: [(u32, &'static str, OwnedFd); 5],
    /// The program that counts dropped packets, where they are counted. It is at no hook.
    #[cfg(feature = "__lab")]
    pub(crate) drop: Option<Arc<OwnedFd>>,
}

impl Programs {
    /// Makes the programs call those loaded with them. With maps that were taken over, the programs already at hooks
    /// then also call the new ones.
    pub(crate) fn connect(&self) -> Result<(), Error> {
        for (place, _, program) in &self.handed_to {
            bpf::set_program(self.handover.as_fd(), *place, program.as_fd())
                .map_err(|error| system("cannot connect the programs", error))?;
        }
        Ok(())
    }
}

/// Everything that one load created. Dropping it frees the kernel's memory once no hook has a program.
pub(crate) struct Loaded {
    pub(crate) programs: Programs,
    pub(crate) slab: Slab,
    pub(crate) index: Index,
    pub(crate) free: FreeSlots,
    pub(crate) ledger: Ledger,
    pub(crate) clock: clock::Reader,
    /// The program that counts dropped packets, where they are counted. Not attached.
    pub(crate) drops: Option<DropProgram>,
    /// The program that notes who opens sockets, where it was asked for. Not attached.
    pub(crate) openers: Option<OpenerProgram>,
    /// Sections of payloads, where they were asked for.
    pub(crate) sections: Option<Sections>,
    /// Sections that were lost before these programs were connected.
    pub(crate) sections_lost_before: u64,
}

impl Loaded {
    /// Copies the descriptors of programs, and of the map that is in no pin. With the pins and the number of lost sections
    /// they are all that another process needs.
    pub(crate) fn beside_pins(&self) -> io::Result<Beside> {
        let Programs {
            ingress,
            egress,
            handed_to,
            ..
        } = &self.programs;
        let called = handed_to
            .iter()
            .map(|(_, name, program)| (*name, program.as_fd()));
        let programs = [
            (names::PROGRAM_INGRESS, ingress.as_fd()),
            (names::PROGRAM_EGRESS, egress.as_fd()),
            (names::PROGRAM_CLOCK, self.clock.program()),
        ]
        .into_iter()
        .chain(called)
        .map(|(name, program)| Ok((name, program.try_clone_to_owned()?)));
        let sections = self.sections.as_ref();
        Ok(Beside {
            programs: programs.collect::<io::Result<_>>()?,
            sections: sections
                .map(|sections| sections.map().try_clone_to_owned())
                .transpose()?,
            sections_lost: self.sections_lost_before,
        })
    }
}

/// Parts of a load that are in no pin.
pub(crate) struct Beside {
    /// By name.
    pub(crate) programs: Vec<(&'static str, OwnedFd)>,
    /// The ring of sections, where there is one.
    pub(crate) sections: Option<OwnedFd>,
    /// Sections that were lost before the programs were connected.
    pub(crate) sections_lost: u64,
}
