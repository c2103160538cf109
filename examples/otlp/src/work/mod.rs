//! The work of the exporter's thread.

mod lane;
mod progress;
mod worker;

use std::time::Duration;

use mermin_core::sink::{BoxError, Refusal};

pub(crate) use self::worker::{Done, Job, Worker};

/// A temporary failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Later {
    patience: Option<Duration>,
    words: String,
}

impl Later {
    /// Combines two: the first message, and the longer delay.
    fn and(self, other: &Self) -> Self {
        Self {
            patience: self.patience.max(other.patience),
            ..self
        }
    }
}

impl From<Later> for BoxError {
    fn from(later: Later) -> Self {
        match later.patience {
            Some(patience) => Refusal::repeat_after(patience, later.words).into(),
            None => later.words.into(),
        }
    }
}
