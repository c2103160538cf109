//! Answers of a receiver, and their consequences: no socket, and time is a parameter.

mod grpc;
mod http;
mod reader;

use std::time::Duration;

pub(crate) use self::{grpc::of_grpc, http::of_http};

/// Outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The receiver has the records, but for those it rejected for good.
    Accepted { rejected: u64, words: String },
    /// None of the records, however often they are given.
    Refused(String),
    /// The request is too large.
    TooLarge(String),
    /// Again, no sooner than the receiver said.
    Later {
        patience: Option<Duration>,
        words: String,
    },
}

impl Answer {
    pub(crate) fn later(words: impl Into<String>) -> Self {
        Self::Later {
            patience: None,
            words: words.into(),
        }
    }
}

/// True if a receiver speaks of a limit of octets. No code says so alone: grpc-go and grpc's C core answer
/// `RESOURCE_EXHAUSTED`, which is also that of a quota; tonic 0.14 answers `OUT_OF_RANGE`, which OTLP's specification counts as worth another try.
fn is_too_large(words: &str) -> bool {
    ["larger than max", "too large", "exceeds maximum size"]
        .iter()
        .any(|part| words.contains(part))
}

/// Words of a receiver, short enough for a message.
fn shortened(words: &str) -> String {
    const MOST: usize = 300;
    let words = words.trim();
    match words.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}..", words.get(..end).unwrap_or_default()),
        None => words.to_owned(),
    }
}
