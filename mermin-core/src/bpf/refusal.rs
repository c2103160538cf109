//! Explains to operators why the kernel program could not be loaded.

use std::{error::Error as StdError, io};

use mermin_bpf::abi::names;

use super::size::Sizes;
use crate::{
    error::{Error, ErrorKind},
    plural::Plural,
    probe::privilege,
};

/// An option that a source may go without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spare {
    /// Counts of packets that the kernel drops.
    Drops,
    /// Names from payloads.
    Names,
    /// Processes that open sockets.
    Openers,
    /// The analysis of TCP.
    TcpAnalysis,
    /// The kernel's values of TCP sockets.
    TcpSockets,
}

/// An error of loading.
#[derive(Debug)]
pub(crate) struct ObjectError {
    pub(crate) error: Error,
    /// The option without which loading may succeed.
    pub(crate) spare: Option<Spare>,
}

impl From<Error> for ObjectError {
    fn from(error: Error) -> Self {
        Self { error, spare: None }
    }
}

impl From<ObjectError> for Error {
    fn from(refusal: ObjectError) -> Self {
        refusal.error
    }
}

/// The step at which loading stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The object is invalid.
    #[error("cannot read the object")]
    Object(#[source] Box<dyn StdError + Send + Sync>),
    /// A map could not be created, filled or opened.
    #[error("cannot create the map `{name}`")]
    Map {
        name: String,
        #[source]
        error: io::Error,
    },
    /// The kernel refused a program.
    #[error("cannot load the program `{name}`{}", words(.log))]
    Program {
        name: String,
        #[source]
        error: io::Error,
        log: String,
    },
}

impl Failure {
    pub(super) fn object(error: impl StdError + Send + Sync + 'static) -> Self {
        Self::Object(Box::new(error))
    }

    /// Removes the verifier's log: hundreds of lines, and none of them names a missing capability.
    fn forget_log(&mut self) {
        if let Self::Program { log, .. } = self {
            log.clear();
        }
    }

    /// Returns the number of the system call's error.
    fn number(&self) -> Option<i32> {
        match self {
            Self::Object(_) => None,
            Self::Map { error, .. } | Self::Program { error, .. } => error.raw_os_error(),
        }
    }

    /// Returns the error, and the option without which loading may succeed, if there is one.
    pub(super) fn refuse(self, sizes: Sizes) -> ObjectError {
        let spare = self.spare(sizes);
        ObjectError {
            error: self.explain(sizes),
            spare,
        }
    }

    fn spare(&self, sizes: Sizes) -> Option<Spare> {
        let is_of_drops = matches!(
            self,
            Self::Map { name, .. } | Self::Program { name, .. }
                if [names::MAP_DROPS, names::MAP_DROP_COUNTERS, names::PROGRAM_DROP].contains(&name.as_str())
        );
        let is_of_openers = matches!(
            self,
            Self::Map { name, .. } | Self::Program { name, .. }
                if [names::MAP_SENDERS, names::MAP_OPENERS, names::PROGRAM_OPENER].contains(&name.as_str())
        );
        let is_of_sockets =
            matches!(self, Self::Map { name, .. } if name == names::MAP_TCP_SOCKETS);
        let is_of_analysis = matches!(
            self,
            Self::Map { name, .. } | Self::Program { name, .. }
                if [names::MAP_TCP_ANALYSIS, names::PROGRAM_TCP].contains(&name.as_str())
        );
        let is_of_ring = matches!(self, Self::Map { name, .. } if name == names::MAP_SECTIONS);
        match self {
            Self::Object(_) => None,
            _ if sizes.openers.is_some() && is_of_openers => Some(Spare::Openers),
            // Another way finds most processes without it.
            Self::Program { name, .. }
                if sizes.openers.is_some() && name == names::PROGRAM_CREATE =>
            {
                Some(Spare::Openers)
            }
            _ if sizes.sections != 0 && is_of_ring => Some(Spare::Names),
            _ if sizes.drops.is_some() && is_of_drops => Some(Spare::Drops),
            _ if sizes.tcp_sockets && is_of_sockets => Some(Spare::TcpSockets),
            // Any other program does less without either, and the analysis is the better one to keep. Memory is the analysis's.
            Self::Program { .. } if sizes.tcp_sockets && !is_of_analysis => Some(Spare::TcpSockets),
            _ if sizes.tcp_analysis => Some(Spare::TcpAnalysis),
            _ if sizes.tcp_sockets => Some(Spare::TcpSockets),
            // The programs do less without.
            Self::Program { .. } if sizes.sections != 0 => Some(Spare::Names),
            Self::Map { .. } | Self::Program { .. } => None,
        }
    }

    /// Distinguishes a missing privilege, a rejected program and a lack of memory.
    fn explain(mut self, sizes: Sizes) -> Error {
        const CANNOT_LOAD: &str = "cannot load the kernel program";
        if let Self::Program { log, .. } = &self
            && let Some(verdict) = verdict(log)
        {
            // Without CAP_PERFMON the verifier is stricter, and rejects a valid program.
            if privilege::is_lacking() {
                self.forget_log();
                return privilege::denied("load the kernel program", self);
            }
            let message = format!("{CANNOT_LOAD}: the verifier says `{verdict}`");
            return Error::new(ErrorKind::Verifier, message)
                .with_remedy("report it with the output of `uname -r`")
                .with_source(self);
        }
        match self.number() {
            Some(libc::EPERM | libc::EACCES) => {
                self.forget_log();
                privilege::denied("load the kernel program", self)
            }
            Some(libc::ENOMEM | libc::E2BIG) => {
                let flows = Plural(sizes.slots.into(), "flow");
                Error::new(
                    ErrorKind::Exhausted,
                    format!("cannot create maps for {flows}"),
                )
                .with_remedy("lower `max_flows`, or raise the memory limit of the control group")
                .with_source(self)
            }
            Some(libc::EMFILE | libc::ENFILE) => Error::new(
                ErrorKind::Exhausted,
                "cannot create maps: no file descriptor is left",
            )
            .with_remedy("raise the limit: `ulimit -n 4096`")
            .with_source(self),
            Some(libc::EAGAIN) => Error::new(
                ErrorKind::System,
                format!("{CANNOT_LOAD}: the verifier is interrupted each time"),
            )
            .with_remedy(
                "open again; see whether something stops and continues this process all the time",
            )
            .with_source(self),
            _ => Error::new(ErrorKind::System, CANNOT_LOAD).with_source(self),
        }
    }
}

/// Formats a verifier's log, after the name of the program.
fn words(log: &str) -> String {
    match log.trim_end() {
        "" => String::new(),
        log => format!(", of which the verifier says:\n{log}\n"),
    }
}

/// Returns the end of a verifier's log, without the statistics after it.
fn verdict(log: &str) -> Option<String> {
    const STATISTICS: [&str; 3] = ["verification time", "stack depth", "processed "];
    let mut last: Vec<&str> = log
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !STATISTICS.iter().any(|start| line.starts_with(start)))
        .rev()
        .take(3)
        .collect();
    last.reverse();
    (!last.is_empty()).then(|| last.join("; "))
}

#[cfg(test)]
mod tests {
    use mermin_bpf::abi::opener::fact;

    use super::*;
    use crate::bpf::openers::OpenerFacts;

    fn sizes(sections: bool, tcp_analysis: bool) -> Sizes {
        Sizes {
            tcp_analysis,
            sections: u32::from(sections) << 20,
            ..Sizes::of_one_flow()
        }
    }

    #[test]
    fn option_is_given_up_for_what_it_adds() {
        let no_memory = || io::Error::from_raw_os_error(libc::ENOMEM);
        let map = |name: &str| Failure::Map {
            name: name.to_owned(),
            error: no_memory(),
        };
        let program = || Failure::Program {
            name: names::PROGRAM_CREATE.to_owned(),
            error: no_memory(),
            log: String::new(),
        };
        let (ring, slots) = (map(names::MAP_SECTIONS), map(names::MAP_SLOTS));
        for (failure, expected) in [
            // With names and with TCP analysis, with one of them, with none.
            (
                ring,
                [
                    Some(Spare::Names),
                    Some(Spare::Names),
                    Some(Spare::TcpAnalysis),
                    None,
                ],
            ),
            (
                slots,
                [
                    Some(Spare::TcpAnalysis),
                    None,
                    Some(Spare::TcpAnalysis),
                    None,
                ],
            ),
            (
                program(),
                [
                    Some(Spare::TcpAnalysis),
                    Some(Spare::Names),
                    Some(Spare::TcpAnalysis),
                    None,
                ],
            ),
            (Failure::object(no_memory()), [None; 4]),
        ] {
            let options = [(true, true), (true, false), (false, true), (false, false)];
            let found = options.map(|(names, tcp)| failure.spare(sizes(names, tcp)));
            assert_eq!(found, expected, "{failure}");
        }
    }

    #[test]
    fn sockets_are_given_up_for_a_program_and_the_analysis_for_memory() {
        let sizes = |tcp_analysis| Sizes {
            tcp_sockets: true,
            ..sizes(true, tcp_analysis)
        };
        let map = |name: &str| Failure::Map {
            name: name.to_owned(),
            error: io::Error::from_raw_os_error(libc::ENOMEM),
        };
        let program = |name: &str| Failure::Program {
            name: name.to_owned(),
            error: io::Error::from_raw_os_error(libc::EINVAL),
            log: String::new(),
        };
        let spared = |failure: &Failure| [true, false].map(|both| failure.spare(sizes(both)));
        let sockets = [Some(Spare::TcpSockets); 2];
        let analysis_first = [Some(Spare::TcpAnalysis), Some(Spare::TcpSockets)];
        for (failure, expected) in [
            (map(names::MAP_TCP_SOCKETS), sockets),
            (map(names::MAP_TCP_ANALYSIS), analysis_first),
            (map(names::MAP_SLOTS), analysis_first),
            (program(names::PROGRAM_CREATE), sockets),
            (program(names::PROGRAM_TCP), analysis_first),
        ] {
            assert_eq!(spared(&failure), expected, "{failure}");
        }
    }

    #[test]
    fn openers_are_given_up_first_for_the_program_that_notes_senders() {
        let sizes = Sizes {
            openers: Some(OpenerFacts([0; fact::COUNT])),
            tcp_sockets: true,
            ..sizes(true, true)
        };
        let error = || io::Error::from_raw_os_error(libc::EINVAL);
        let map = |name: &str| Failure::Map {
            name: name.to_owned(),
            error: error(),
        };
        let program = |name: &str| Failure::Program {
            name: name.to_owned(),
            error: error(),
            log: String::new(),
        };
        for failure in [
            map(names::MAP_OPENERS),
            map(names::MAP_SENDERS),
            program(names::PROGRAM_OPENER),
            program(names::PROGRAM_CREATE),
        ] {
            assert_eq!(failure.spare(sizes), Some(Spare::Openers), "{failure}");
            let without = Sizes {
                openers: None,
                ..sizes
            };
            assert_ne!(failure.spare(without), Some(Spare::Openers), "{failure}");
        }
        let others = map(names::MAP_TCP_SOCKETS).spare(sizes);
        assert_eq!(others, Some(Spare::TcpSockets));
    }

    #[test]
    fn verifier_reason_is_the_log_end_without_statistics() {
        let log = "0: (bf) r6 = r1\n239: (79) r4 = *(u64 *)(r10 -80)\n240: (0f) r4 += r8\nR8 has pointer with \
            unsupported alu operation\nverification time 482 usec\nstack depth 80\nprocessed 44 insns (limit 1000000)\n";
        assert_eq!(
            verdict(log).as_deref(),
            Some(
                "239: (79) r4 = *(u64 *)(r10 -80); 240: (0f) r4 += r8; R8 has pointer with unsupported alu operation"
            )
        );
        assert_eq!(verdict("\nprocessed 0 insns\n"), None);
    }
}
