//! What is in force: how each interface is watched, what was given up, and the counters.

mod degradation;
mod stats;

pub use self::{
    degradation::{Degradation, Feature},
    stats::{HookStats, Stats, Traffic, Uncounted},
};

use std::{fmt, sync::Arc};

use crate::attach::Mechanism;

/// How a source was opened. Displays as nothing when nothing was given up, else as a line for each degradation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Interfaces that are watched.
    pub interfaces: Vec<Watched>,
    /// What was given up.
    pub degradations: Vec<Degradation>,
}

/// One interface that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Watched {
    /// Kernel index.
    pub index: u32,
    /// Name when it was attached to.
    pub name: Arc<str>,
    /// What holds the program for received packets, if there is one.
    pub ingress: Option<Mechanism>,
    /// What holds the program for sent packets, if there is one (loopback has none: what is sent there is received).
    pub egress: Option<Mechanism>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for degradation in &self.degradations {
            writeln!(f, "{degradation}")?;
        }
        Ok(())
    }
}
