//! Abilities of a host, its kernel and this process: found by trying, before anything is captured.

use std::{borrow::Cow, fmt};

/// The subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// The kernel is new enough.
    Kernel,
    /// Maps can be created and the kernel program be loaded.
    Program,
    /// The process may do all that any option asks for. Flows are counted with less.
    Privilege,
    /// Programs can be attached by TCX.
    Tcx,
    /// Programs can be attached as `cls_bpf` filters.
    Tc,
    /// Grace periods can be waited for by membarrier(2).
    Membarrier,
    /// The flow table fits into the memory limit.
    Memory,
    /// Pinned maps and links would outlive the process.
    Bpffs,
    /// The kernel has BTF. Flows are counted without it.
    Btf,
    /// The host's interfaces are seen.
    HostNamespace,
    /// There are interfaces to watch.
    Interfaces,
}

impl Subject {
    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Program => "program",
            Self::Privilege => "privilege",
            Self::Tcx => "tcx",
            Self::Tc => "tc",
            Self::Membarrier => "membarrier",
            Self::Memory => "memory",
            Self::Bpffs => "bpffs",
            Self::Btf => "btf",
            Self::HostNamespace => "host namespace",
            Self::Interfaces => "interfaces",
        }
    }
}

/// Outcome of the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It works.
    Passed,
    /// It does not, and the cause is known.
    Failed,
    /// It could not be tried.
    Untested,
}

impl Outcome {
    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Untested => "untested",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact {
    /// The subject.
    pub subject: Subject,
    /// Outcome of the attempt.
    pub outcome: Outcome,
    /// The finding: the fact where it works, else the cause.
    pub found: Cow<'static, str>,
    /// True if nothing can be captured without it.
    pub needed: bool,
    /// The remedy, where there is one.
    pub remedy: Option<Cow<'static, str>>,
}

impl Fact {
    /// One that capturing does not need, without a remedy.
    ///
    /// ```
    /// use mermin_core::report::{Fact, Outcome, Subject};
    ///
    /// let mut fact = Fact::new(Subject::Btf, Outcome::Failed, "the kernel has no BTF");
    /// assert_eq!(fact.to_string(), "- btf: the kernel has no BTF");
    /// fact.needed = true;
    /// assert!(fact.prevents());
    /// ```
    #[must_use]
    pub fn new(subject: Subject, outcome: Outcome, found: impl Into<Cow<'static, str>>) -> Self {
        Self {
            subject,
            outcome,
            found: found.into(),
            needed: false,
            remedy: None,
        }
    }

    /// The same with a remedy.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// True if capturing fails for it.
    #[must_use]
    pub fn prevents(&self) -> bool {
        self.needed && self.outcome == Outcome::Failed
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.outcome {
            Outcome::Passed => '\u{2713}',
            Outcome::Failed if self.prevents() => '\u{2717}',
            // A cross would say that flows cannot be captured.
            Outcome::Failed => '-',
            Outcome::Untested => '?',
        };
        write!(f, "{mark} {}: {}", self.subject.as_str(), self.found)
    }
}
