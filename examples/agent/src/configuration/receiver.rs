//! One receiver of flows.

use std::time::Duration;

use mermin_config::{
    keys::Otlp,
    value::{Overflow, StdoutFormat},
};

/// One receiver of flows. Two that are equal export the same records in the same way, so a reload keeps the running one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Receiver {
    /// A target of `export "flows"`.
    Target {
        /// Its text, such as `json:flows.json`.
        text: String,
        /// Its name, without secrets.
        name: String,
        /// Maximum number of records that wait.
        buffer: usize,
        /// Policy when the buffer is full.
        overflow: Overflow,
    },
    /// `export "traces" stdout`.
    Stdout {
        /// Format of a record.
        format: StdoutFormat,
        /// Maximum number of records that wait.
        buffer: usize,
        /// Seed of the Community ID.
        seed: u16,
    },
    /// `export "traces" otlp`.
    Otlp {
        /// The block's keys.
        otlp: Box<Otlp>,
        /// Seed of the Community ID.
        seed: u16,
        /// Time for which flows of one Community ID share a trace id.
        trace_id_timeout: Duration,
    },
}

impl Receiver {
    /// Returns its name in metrics and in the final table.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Target { name, .. } => name,
            Self::Stdout { .. } => "stdout",
            Self::Otlp { otlp, .. } => otlp.endpoint().as_str(),
        }
    }
}
