//! Processes that opened sockets: the offsets that the kernel program needs to name them, and the maps in which it does.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use mermin_bpf::abi::opener::{Opener, fact, sender};

use super::kernel_types::KernelTypes;
use crate::sys::{bpf_link, bpf_pin};

const MEMBERS: [(usize, &str); fact::COUNT] = [
    (fact::PID, "task_struct.tgid"),
    (fact::MEMORY, "task_struct.mm"),
    (fact::FILE, "mm_struct.exe_file"),
    (fact::ENTRY, "file.f_path.dentry"),
    (fact::NAME, "dentry.d_name.name"),
];

/// The constants of the program: offsets, by their place in [`fact`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenerFacts(pub(crate) [u16; fact::COUNT]);

impl OpenerFacts {
    /// Reads the running kernel's.
    ///
    /// # Errors
    /// Those of [`KernelTypes::read`]; `Unsupported`, with words, if a field is missing or too far from the beginning of its structure.
    pub(crate) fn read() -> io::Result<Self> {
        let types = KernelTypes::read()?;
        let mut facts = [0; fact::COUNT];
        for (place, member) in MEMBERS {
            let unsupported = |why: String| io::Error::new(io::ErrorKind::Unsupported, why);
            let offset = types
                .offset(member)
                .ok_or_else(|| unsupported(format!("the kernel has no `{member}`")))?;
            facts[place] = u16::try_from(offset)
                .map_err(|_| unsupported(format!("the offset of `{member}` is too great")))?;
        }
        Ok(Self(facts))
    }
}

/// The program, not attached, and its maps.
#[derive(Debug)]
pub(crate) struct OpenerProgram {
    pub(super) program: OwnedFd,
    pub(super) openers: OwnedFd,
    pub(super) senders: OwnedFd,
}

/// The maps while the program is attached.
#[derive(Debug)]
pub(crate) struct Openers {
    by_cookie: OwnedFd,
    senders: OwnedFd,
    _link: OwnedFd,
}

/// The process that opened the socket of a flow's first packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstSender {
    pub(crate) opener: Opener,
    /// The higher endpoint sent the packet.
    pub(crate) is_higher: bool,
}

impl OpenerProgram {
    /// Attaches the program to all processes below a control group, until the result is dropped.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn attach(self, group: BorrowedFd<'_>) -> io::Result<Openers> {
        Ok(Openers {
            _link: bpf_link::attach_to_cgroup(self.program.as_fd(), group)?,
            by_cookie: self.openers,
            senders: self.senders,
        })
    }
}

impl Openers {
    /// Returns the sender of the first packet of the flow that has a slot, if a process opened its socket while the program was attached, and
    /// not too many others were opened since.
    pub(crate) fn of(&self, slot: u32) -> Option<FirstSender> {
        let word: u64 = bpf_pin::look_up(self.senders.as_fd(), &slot).ok()??;
        let cookie = word & sender::COOKIE;
        if cookie == 0 {
            return None;
        }
        Some(FirstSender {
            opener: bpf_pin::look_up(self.by_cookie.as_fd(), &cookie).ok()??,
            is_higher: word & sender::IS_HIGHER != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_has_what_the_program_needs() {
        match OpenerFacts::read() {
            Ok(facts) => assert_ne!(facts.0[fact::PID], 0),
            Err(error) => {
                assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
                eprintln!("skipped: {error}");
            }
        }
    }
}
