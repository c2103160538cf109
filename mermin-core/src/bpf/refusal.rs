//! Explains to operators why the kernel program could not be loaded.

use std::{error::Error as StdError, io};

use super::size::Sizes;
use crate::{
    error::{Error, ErrorKind},
    plural::Plural,
    probe::privilege,
};

/// The step at which loading stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The object is invalid.
    #[error("cannot read the object")]
    Object(#[source] Box<dyn StdError + Send + Sync>),
    /// The object has no such map.
    #[error("cannot create the map `{name}`")]
    Map {
        name: String,
        #[source]
        error: io::Error,
    },
    /// The object has no such program.
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

    /// Distinguishes a missing privilege, a rejected program and a lack of memory.
    pub(super) fn explain(mut self, sizes: Sizes) -> Error {
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
    use super::*;

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
