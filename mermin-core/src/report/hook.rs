//! Programs at a hook, and orphaned filters.

use std::fmt;

use mermin_bpf::abi::ledger;

/// The hook of an interface.
///
/// ```
/// use mermin_core::report::HookDirection;
///
/// assert_eq!(HookDirection::Egress.to_string(), "egress");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum HookDirection {
    /// Packets that the interface receives.
    Ingress,
    /// Packets that the interface sends.
    Egress,
}

impl HookDirection {
    /// Returns its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

impl fmt::Display for HookDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl HookDirection {
    pub(crate) const fn of(direction: ledger::HookDirection) -> Self {
        match direction {
            ledger::HookDirection::Ingress => Self::Ingress,
            ledger::HookDirection::Egress => Self::Egress,
        }
    }
}

/// A mechanism that attaches a program to a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Mechanism {
    /// A TCX link.
    Tcx,
    /// A `cls_bpf` filter.
    Tc {
        /// Its `pref`.
        priority: u16,
    },
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcx => f.write_str("tcx"),
            Self::Tc { priority } => write!(f, "tc, priority {priority}"),
        }
    }
}

/// A program or filter at a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct HookProgram {
    /// Its position at the hook.
    pub position: HookPosition,
    /// `bpf`, or the kind of another filter.
    pub kind: String,
    /// Name of the program or filter; absent if it has none, or if reading it takes `CAP_SYS_ADMIN`.
    pub name: Option<String>,
    /// Id of the program; absent for another kind of filter.
    pub program: Option<u32>,
}

impl HookProgram {
    /// Creates an entry without name and id.
    #[must_use]
    pub fn new(position: HookPosition, kind: impl Into<String>) -> Self {
        Self {
            position,
            kind: kind.into(),
            name: None,
            program: None,
        }
    }
}

/// The position of a program or filter at its hook. All TCX programs run before all tc filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum HookPosition {
    /// A TCX program.
    Tcx {
        /// Position among the TCX programs; 0 runs first.
        position: usize,
        /// Id of the link that attaches it; 0 if there is no link.
        link: u32,
    },
    /// A tc filter.
    Tc {
        /// `pref` of tc(8); lower runs first.
        priority: u16,
        /// Handle of the filter.
        handle: u32,
    },
}

/// A filter left by a killed process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Orphan {
    /// Its interface.
    pub interface: String,
    /// Its hook.
    pub direction: HookDirection,
    /// Its `pref`.
    pub priority: u16,
    /// Its handle.
    pub handle: u32,
    /// `None` if this source removed the filter. Otherwise the command that removes it. Without
    /// `CAP_SYS_ADMIN`, the source cannot tell if the filter's instance is still pinned, and leaves the filter.
    pub remedy: Option<String>,
}

impl Orphan {
    /// Creates an entry for a removed filter.
    #[must_use]
    pub fn new(
        interface: impl Into<String>,
        direction: HookDirection,
        priority: u16,
        handle: u32,
    ) -> Self {
        Self {
            interface: interface.into(),
            direction,
            priority,
            handle,
            remedy: None,
        }
    }
}
