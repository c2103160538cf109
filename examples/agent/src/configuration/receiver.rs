//! One receiver of flows.

use mermin_config::value::{Overflow, StdoutFormat};
use mermin_otlp::Block;

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
    Otlp(Box<Block>),
}

impl Receiver {
    /// Returns its name in metrics and in the final table.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Target { name, .. } => name,
            Self::Stdout { .. } => "stdout",
            Self::Otlp(block) => block.name(),
        }
    }
}
