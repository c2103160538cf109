//! Processes that opened sockets: the offsets that the kernel program needs to name them, and the maps in which it does.

use std::{
    io,
    num::NonZero,
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

/// The constants of the program: each offset is a multiple of [`UNIT`] and has [`BITS`]. A bit above them is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenerFacts(NonZero<u64>);

const UNIT: u32 = 4;
const BITS: usize = 12;
const SET: u64 = 1 << (BITS * fact::COUNT);

impl OpenerFacts {
    /// Reads the running kernel's.
    ///
    /// # Errors
    /// Those of [`KernelTypes::read`]; `Unsupported`, with words, if a field is missing.
    pub(crate) fn read() -> io::Result<Self> {
        let types = KernelTypes::read()?;
        let mut facts = [0; fact::COUNT];
        for (place, member) in MEMBERS {
            facts[place] = types.offset(member).ok_or_else(|| {
                let why = format!("the kernel has no `{member}`");
                io::Error::new(io::ErrorKind::Unsupported, why)
            })?;
        }
        Self::pack(facts).ok_or_else(|| {
            let why = "an offset in the kernel's structures is too great";
            io::Error::new(io::ErrorKind::Unsupported, why)
        })
    }

    /// `None` if an offset is too great, or is not a multiple.
    pub(crate) fn pack(offsets: [u32; fact::COUNT]) -> Option<Self> {
        let mut packed = SET;
        for (place, offset) in offsets.into_iter().enumerate() {
            if offset % UNIT != 0 || offset / UNIT >= 1 << BITS {
                return None;
            }
            packed |= u64::from(offset / UNIT) << (BITS * place);
        }
        NonZero::new(packed).map(Self)
    }

    pub(crate) fn offsets(self) -> [u32; fact::COUNT] {
        std::array::from_fn(|place| {
            let units = self.0.get() >> (BITS * place) & ((1 << BITS) - 1);
            u32::try_from(units).map_or(0, |units| units * UNIT)
        })
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
    /// Attaches the program to all processes below a control group.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn attach(self, group: BorrowedFd<'_>) -> io::Result<Openers> {
        Ok(Openers {
            _link: self.try_attach(group)?,
            by_cookie: self.openers,
            senders: self.senders,
        })
    }

    /// Attaches the program until the link is closed.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn try_attach(&self, group: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        bpf_link::attach_to_cgroup(self.program.as_fd(), group)
    }
}

impl Openers {
    /// Returns the sender of the first packet of the flow that has a slot, if a process opened its socket while the program was attached, and
    /// not too many others were opened since.
    pub(crate) fn of(&self, slot: u32) -> Option<FirstSender> {
        let word: u64 = bpf_pin::look_up_value(self.senders.as_fd(), &slot).ok()??;
        let cookie = word & sender::COOKIE;
        if cookie == 0 {
            return None;
        }
        Some(FirstSender {
            opener: bpf_pin::look_up_value(self.by_cookie.as_fd(), &cookie).ok()??,
            is_higher: word & sender::IS_HIGHER != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_unpacked_as_they_were_packed() {
        let most = (1 << (BITS + 2)) - UNIT;
        for offsets in [
            [0; fact::COUNT],
            [most; fact::COUNT],
            [2528, 2424, 912, 72, 40],
        ] {
            assert_eq!(OpenerFacts::pack(offsets).unwrap().offsets(), offsets);
        }
        assert_eq!(OpenerFacts::pack([most + UNIT; fact::COUNT]), None);
        assert_eq!(OpenerFacts::pack([2; fact::COUNT]), None);
    }

    #[test]
    fn this_kernel_has_what_the_program_needs() {
        match OpenerFacts::read() {
            Ok(facts) => assert_ne!(facts.offsets()[fact::PID], 0),
            Err(error) => {
                assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
                eprintln!("skipped: {error}");
            }
        }
    }
}
