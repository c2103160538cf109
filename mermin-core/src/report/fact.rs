//! What a host, its kernel and this process can do: found by trying, before anything is captured.

use std::{borrow::Cow, fmt};

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// Whether the kernel is new enough.
    Kernel,
    /// Whether maps can be created and the kernel program be loaded.
    Program,
    /// Whether the process may do all that any option asks for. Flows are counted with less.
    Privilege,
    /// Whether programs can be attached by TCX.
    Tcx,
    /// Whether programs can be attached as `cls_bpf` filters.
    Tc,
    /// Whether grace periods can be waited for by membarrier(2).
    Membarrier,
    /// Whether the flow table fits into the memory limit.
    Memory,
    /// Whether what is pinned would outlive the process.
    Bpffs,
    /// Whether the kernel has BTF. Flows are counted without it.
    Btf,
    /// Whether the host's interfaces are seen.
    HostNamespace,
    /// Whether there are interfaces to watch.
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

/// What trying gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It works.
    Yes,
    /// It does not, and the cause is known.
    No,
    /// It could not be tried.
    Unknown,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact {
    /// What was asked.
    pub subject: Subject,
    /// What trying gave.
    pub answer: Answer,
    /// What was found: the fact where it works, else the cause.
    pub found: Cow<'static, str>,
    /// Whether nothing can be captured without it.
    pub needed: bool,
    /// What to do about it, where something can be done.
    pub remedy: Option<Cow<'static, str>>,
}

impl Fact {
    pub(crate) fn new(
        subject: Subject,
        answer: Answer,
        found: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            subject,
            answer,
            found: found.into(),
            needed: false,
            remedy: None,
        }
    }

    pub(crate) fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Whether capturing fails for it.
    #[must_use]
    pub fn prevents(&self) -> bool {
        self.needed && self.answer == Answer::No
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.answer {
            Answer::Yes => '\u{2713}',
            Answer::No => '\u{2717}',
            Answer::Unknown => '?',
        };
        write!(f, "{mark} {}: {}", self.subject.as_str(), self.found)
    }
}
