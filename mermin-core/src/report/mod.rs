//! The state in force: how each interface is watched, what was given up, and the counters.

mod degradation;
mod fact;
pub(crate) mod hook;
mod notice;
mod reason;
#[cfg(test)]
mod reference;
mod stats;

pub(crate) use self::hook::Mechanism;
pub use self::{
    degradation::{Degradation, Feature},
    fact::{Fact, Outcome, Subject},
    hook::{HookDirection, Occupant, Orphan, Place},
    notice::Notice,
    stats::{HookStats, InterfaceStats, Stats, Traffic, Uncounted},
};

use std::{fmt, path::Path, sync::Arc};

use mermin_bpf::abi::ledger::Direction;

/// State of a source at one moment, and everything it gave up. Displays as nothing when nothing was
/// given up, else as a line for each degradation; and as a line for each orphan that was found and for
/// each notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Where flows come from.
    pub source: SourceKind,
    /// Interfaces that are watched; none of a capture file.
    pub interfaces: Vec<Watched>,
    /// Features that were given up.
    pub degradations: Vec<Degradation>,
    /// Flows taken over from a former process, if any were.
    pub taken_over: Option<TakenOver>,
    /// Filters that killed processes had left at the hooks and nobody takes over: removed when this source was opened, or
    /// told how to.
    pub orphans: Vec<Orphan>,
    /// Options that have no effect as programs are attached now, or with the interfaces there are. Nothing is given up by it,
    /// also under `strict`.
    pub notices: Vec<Notice>,
    /// Facts that were found by trying: by [`preflight`](crate::FlowSourceBuilder::preflight) alone.
    pub facts: Vec<Fact>,
}

impl Report {
    /// True if nothing that was tried prevents capturing.
    #[must_use]
    pub fn can_capture(&self) -> bool {
        !self.facts.iter().any(Fact::prevents)
    }
}

/// Flows that a source with [`Pinning`](crate::Pinning) took over from a process that did not close it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TakenOver {
    /// Flows that go on.
    pub flows: u64,
    /// Flows that were being closed, or whose last record was on its way.
    pub flows_closing: u64,
    /// Records that are given once more, because nothing says that they arrived: same id, same sequence number, same
    /// counters.
    pub records_again: u64,
    /// Free slots that were given back to the kernel program.
    pub slots_returned: u64,
}

/// Where a source's flows come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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

/// One interface that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Watched {
    /// Kernel index.
    pub index: u32,
    /// Its name.
    pub name: Arc<str>,
    /// Where received packets are counted, if they are.
    pub ingress: Option<AtHook>,
    /// Where sent packets are counted, if they are (not on loopback: what is sent there is received there).
    pub egress: Option<AtHook>,
}

impl Watched {
    /// One with no program at its hooks.
    ///
    /// ```
    /// use mermin_core::{Mechanism, Report, report::{AtHook, Watched}};
    ///
    /// let mut eth0 = Watched::new(2, "eth0");
    /// eth0.ingress = Some(AtHook::new(Mechanism::Tcx));
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

    pub(crate) fn at(&mut self, direction: Direction) -> &mut Option<AtHook> {
        match direction {
            Direction::Ingress => &mut self.ingress,
            Direction::Egress => &mut self.egress,
        }
    }
}

/// A program of this source at its hook, and who else is there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AtHook {
    /// The mechanism that holds it.
    pub mechanism: Mechanism,
    /// Everything at the hook when it was last looked at, this source's program included, in the order it runs. Empty where the
    /// kernel does not tell.
    pub occupants: Vec<Occupant>,
}

impl AtHook {
    /// A program, and nobody else known at its hook.
    #[must_use]
    pub const fn new(mechanism: Mechanism) -> Self {
        Self {
            mechanism,
            occupants: Vec::new(),
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
                    "orphan on `{interface}`: a process that was killed had left its filter at the {direction}; it was removed; \
                     what it counted since is lost; to keep it the next time, end the process by closing its source"
                ),
                Some(remedy) => writeln!(
                    f,
                    "orphan on `{interface}`: a process that was killed had left its filter at the {direction}, pinned for the \
                     next source of its instance; it was left; each packet there is counted once more; unless such a source is \
                     to come, remove it: `{remedy}`"
                ),
            }?;
        }
        self.notices
            .iter()
            .try_for_each(|notice| writeln!(f, "notice: {notice}"))
    }
}
