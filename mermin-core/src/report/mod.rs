//! The state of a source: interfaces, degradations, counters.
//!
//! # Reasons of [ignored](Ignored) packets
//!
#![doc = include_str!("reasons.md")]

mod check;
mod degradation;
#[cfg(feature = "serde")]
mod exchange;
pub(crate) mod hook;
mod notice;
mod reason;
#[cfg(test)]
mod reference;
mod stats;

pub(crate) use self::hook::Mechanism;
pub use self::{
    check::{Check, CheckKind, Outcome},
    degradation::{Degradation, Feature},
    hook::{HookDirection, HookPosition, HookProgram, Orphan},
    notice::Notice,
    stats::{DropStats, HookStats, Ignored, InterfaceStats, PayloadStats, Stats, Traffic},
};

use std::{fmt, path::Path, sync::Arc};

use mermin_bpf::abi::ledger;

/// The state of a source at one moment: its interfaces and degradations. `Display` prints one line for each degradation, orphan
/// and notice, or nothing if there are none.
///
/// ```no_run
/// use mermin_core::{FlowSource, report::Feature};
///
/// # async fn watch() -> Result<(), mermin_core::Error> {
/// let flows = FlowSource::builder().interfaces(["eth*"]).open().await?;
/// let report = flows.report();
/// for interface in &report.interfaces {
///     println!("{} is watched at its ingress: {}", interface.name, interface.ingress.is_some());
/// }
/// if report.degradations.iter().any(|it| it.feature == Feature::Tcx) {
///     eprintln!("{report}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// With the feature `serde`, keys are the names of fields, and words are in lower case with underscores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct Report {
    /// The origin of flows.
    pub source: SourceKind,
    /// Interfaces that are watched. Empty for a capture file.
    pub interfaces: Vec<WatchedInterface>,
    /// Features that were replaced by a fallback.
    pub degradations: Vec<Degradation>,
    /// Flows resumed from an earlier process, if there were any.
    pub recovered: Option<Recovered>,
    /// Filters left at the hooks by processes that were killed. The source removed them when it opened, or the entry
    /// has the command that removes them.
    pub orphans: Vec<Orphan>,
    /// Options that have no effect with the current attach mechanism or interfaces. They are no error under `strict`.
    pub notices: Vec<Notice>,
    /// Results of checks. Only [`preflight`](crate::FlowSourceBuilder::preflight) returns any.
    pub checks: Vec<Check>,
}

impl Report {
    /// Returns true if no failed check prevents capturing.
    #[must_use]
    pub fn can_capture(&self) -> bool {
        !self.checks.iter().any(Check::is_blocking)
    }
}

/// Flows that a source with [`Pinning`](crate::Pinning) took over from an earlier one, which was killed with its process or
/// closed with [`persist`](crate::Pinning::persist).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct Recovered {
    /// Flows that were resumed.
    pub flows: u64,
    /// Flows that were closing, or whose last record was not acknowledged.
    pub flows_closing: u64,
    /// Records delivered again because they were never acknowledged. They have the same id, sequence number and
    /// counters.
    pub records_redelivered: u64,
    /// Slots that belonged to no flow and were not free, made free again.
    pub slots_returned: u64,
}

/// The origin of a source's flows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SourceKind {
    /// Interfaces of this host.
    #[default]
    Interfaces,
    /// A capture file. Its interfaces are in [`Stats::hooks`] from their first packet on.
    Capture {
        /// The file; absent for a reader.
        path: Option<Arc<Path>>,
    },
}

/// A watched interface.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct WatchedInterface {
    /// Kernel index.
    pub index: u32,
    /// Its name.
    pub name: Arc<str>,
    /// The program that counts received packets; absent if there is none.
    pub ingress: Option<Attachment>,
    /// The program that counts sent packets; absent if there is none. Loopback has none: it receives each packet
    /// that it sends, so packets would be counted twice.
    pub egress: Option<Attachment>,
}

impl WatchedInterface {
    /// Creates an entry without programs at its hooks.
    ///
    /// ```
    /// use mermin_core::{Mechanism, Report, report::{Attachment, WatchedInterface}};
    ///
    /// let mut eth0 = WatchedInterface::new(2, "eth0");
    /// eth0.ingress = Some(Attachment::new(Mechanism::Tcx));
    ///
    /// let mut report = Report::default();
    /// report.interfaces.push(eth0);
    /// ```
    #[must_use]
    pub fn new(index: u32, name: impl Into<Arc<str>>) -> Self {
        Self {
            index,
            name: name.into(),
            ingress: None,
            egress: None,
        }
    }

    pub(crate) fn at(&mut self, direction: ledger::HookDirection) -> &mut Option<Attachment> {
        match direction {
            ledger::HookDirection::Ingress => &mut self.ingress,
            ledger::HookDirection::Egress => &mut self.egress,
        }
    }
}

/// A program of this source at its hook, and the other programs there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Attachment {
    /// The mechanism that attaches it.
    pub mechanism: Mechanism,
    /// Everything at the hook when the source last read it, in the order of execution, including this source's
    /// program. Empty if the kernel does not list them.
    pub programs: Vec<HookProgram>,
}

impl Attachment {
    /// Creates an entry without other programs.
    #[must_use]
    pub const fn new(mechanism: Mechanism) -> Self {
        Self {
            mechanism,
            programs: Vec::new(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for degradation in &self.degradations {
            writeln!(f, "{degradation}")?;
        }
        for orphan in &self.orphans {
            let (interface, direction) = (&orphan.interface, orphan.direction);
            match &orphan.remedy {
                None => writeln!(
                    f,
                    "orphan on `{interface}`: a process was killed and left its filter at {direction}; this source has removed \
                     the filter; packets that the filter counted and no record has are lost; to keep such counts, close a \
                     source before its process ends"
                ),
                Some(remedy) => writeln!(
                    f,
                    "orphan on `{interface}`: a process was killed and left its filter at {direction}; without CAP_SYS_ADMIN, \
                     this source cannot tell if the filter's instance is still pinned, so it has left the filter, which still \
                     counts packets, separately from this source; if you will not start a source of that instance, remove the \
                     filter: `{remedy}`"
                ),
            }?;
        }
        self.notices
            .iter()
            .try_for_each(|notice| writeln!(f, "notice: {notice}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orphan_with_a_remedy_may_be_pinned_or_not() {
        let mut orphan = Orphan::new("eth0", HookDirection::Ingress, 1, 1);
        orphan.remedy = Some("tc filter del dev eth0 ingress".to_owned());
        let report = Report {
            orphans: vec![orphan],
            ..Report::default()
        };
        let said = report.to_string();
        assert!(said.contains("CAP_SYS_ADMIN"), "{said}");
        assert!(
            said.contains("cannot tell if the filter's instance is still pinned, so it has left")
        );
        assert!(said.ends_with("remove the filter: `tc filter del dev eth0 ingress`\n"));
    }
}
