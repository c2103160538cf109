//! Parses responses of a receiver, without a socket; time is a parameter.

mod grpc;
mod http;
mod json;
mod reader;

use std::time::Duration;

pub(crate) use self::{grpc::of_grpc, http::of_http};

/// Outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The receiver has the records, except those it rejected for good.
    Accepted { rejected: u64, words: String },
    /// The receiver rejects all records for good.
    Refused(String),
    /// The request is too large.
    TooLarge(String),
    /// Retry, not before the receiver's delay.
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

/// Returns true if a message mentions a size limit. No code is enough: grpc-go and grpc's C core answer
/// `RESOURCE_EXHAUSTED`, which also stands for a quota; tonic 0.14 answers `OUT_OF_RANGE`, which OTLP's specification
/// counts as retryable.
fn is_too_large(words: &str) -> bool {
    ["larger than max", "too large", "exceeds maximum size"]
        .iter()
        .any(|part| words.contains(part))
}

/// Shortens a receiver's message.
fn shortened(words: &str) -> String {
    const MOST: usize = 300;
    let words = words.trim();
    match words.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}..", words.get(..end).unwrap_or_default()),
        None => words.to_owned(),
    }
}
