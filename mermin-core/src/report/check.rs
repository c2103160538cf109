//! Checks of a host, its kernel and this process, made before a capture.

use std::{borrow::Cow, fmt};

/// The subject of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CheckKind {
    /// The kernel version is supported.
    Kernel,
    /// Maps can be created, and the kernel program can be loaded.
    Program,
    /// The process has `CAP_SYS_ADMIN` and `CAP_SYS_PTRACE`, in the host's user namespace, and sees the network namespace of
    /// process 1. Some options need that.
    Privilege,
    /// Programs can be attached by TCX.
    Tcx,
    /// Programs can be attached as `cls_bpf` filters.
    Tc,
    /// Packets that the kernel drops can be counted. Checked if [`drops`](crate::FlowSourceBuilder::drops) asks for it.
    Drops,
    /// Grace periods can be waited for by membarrier(2).
    Membarrier,
    /// The flow table fits into the memory limit.
    Memory,
    /// Maps and links can be pinned.
    Bpffs,
    /// The kernel has BTF. Capturing does not need it.
    Btf,
    /// The process is in the host's network namespace.
    HostNamespace,
    /// There are interfaces to watch.
    Interfaces,
}

impl CheckKind {
    /// Returns its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Program => "program",
            Self::Privilege => "privilege",
            Self::Tcx => "tcx",
            Self::Tc => "tc",
            Self::Drops => "drops",
            Self::Membarrier => "membarrier",
            Self::Memory => "memory",
            Self::Bpffs => "bpffs",
            Self::Btf => "btf",
            Self::HostNamespace => "host namespace",
            Self::Interfaces => "interfaces",
        }
    }
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Outcome {
    /// The feature works.
    Passed,
    /// The feature does not work, and the cause is known.
    Failed,
    /// The check could not run.
    Untested,
}

impl Outcome {
    /// Returns its name in reports.
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

/// A check and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Check {
    /// The subject.
    pub subject: CheckKind,
    /// The outcome.
    pub outcome: Outcome,
    /// The finding: what works, or the cause of the failure.
    pub found: Cow<'static, str>,
    /// True if capturing needs the feature.
    pub needed: bool,
    /// The remedy, if there is one.
    pub remedy: Option<Cow<'static, str>>,
}

impl Check {
    /// Creates a check of a feature that capturing does not need, without a remedy.
    ///
    /// ```
    /// use mermin_core::report::{Check, Outcome, CheckKind};
    ///
    /// let mut check = Check::new(CheckKind::Btf, Outcome::Failed, "the kernel has no BTF");
    /// assert_eq!(check.to_string(), "- btf: the kernel has no BTF");
    /// check.needed = true;
    /// assert!(check.is_blocking());
    /// ```
    #[must_use]
    pub fn new(subject: CheckKind, outcome: Outcome, found: impl Into<Cow<'static, str>>) -> Self {
        Self {
            subject,
            outcome,
            found: found.into(),
            needed: false,
            remedy: None,
        }
    }

    /// Adds a remedy.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Returns true if the check failed and capturing needs the feature.
    #[must_use]
    pub fn is_blocking(&self) -> bool {
        self.needed && self.outcome == Outcome::Failed
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.outcome {
            Outcome::Passed => '\u{2713}',
            Outcome::Failed if self.is_blocking() => '\u{2717}',
            // A cross would mean that capturing is impossible.
            Outcome::Failed => '-',
            Outcome::Untested => '?',
        };
        write!(f, "{mark} {}: {}", self.subject.as_str(), self.found)
    }
}
