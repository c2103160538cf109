//! Programs at a hook, and filters that nobody owns any more.

use std::fmt;

use mermin_bpf::abi::ledger;

/// The hook of an interface that a packet crosses.
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
    /// Its name in reports.
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

/// A mechanism that holds a program at a hook.
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
    /// Its place at the hook.
    pub place: HookPosition,
    /// `bpf`, or the kind of another filter.
    pub kind: String,
    /// Name of the program or filter; none where it has none or may not be read (`CAP_SYS_ADMIN`).
    pub name: Option<String>,
    /// Id of the program, where it is one.
    pub program: Option<u32>,
}

impl HookProgram {
    /// One without a name or id.
    #[must_use]
    pub fn new(place: HookPosition, kind: impl Into<String>) -> Self {
        Self {
            place,
            kind: kind.into(),
            name: None,
            program: None,
        }
    }
}

/// The place of an occupant at its hook. All of TCX runs before all of tc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum HookPosition {
    /// Position among the TCX programs, from 0, and the id of the link that holds it (0: none does).
    Tcx {
        /// From 0, which runs first.
        position: usize,
        /// Id of the link; 0 for none.
        link: u32,
    },
    /// Priority and handle of the filter.
    Tc {
        /// `pref` of tc(8); lower runs first.
        priority: u16,
        /// The filter's number there.
        handle: u32,
    },
}

/// A filter left by a killed process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Orphan {
    /// The interface it was at.
    pub interface: String,
    /// The hook it was at.
    pub direction: HookDirection,
    /// Its `pref`.
    pub priority: u16,
    /// Its number there.
    pub handle: u32,
    /// None where it was removed. Else nobody could tell whether its instance is pinned still, which takes `CAP_SYS_ADMIN`, and
    /// this is how to remove it.
    pub remedy: Option<String>,
}

impl Orphan {
    /// One that was removed.
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
