//! Connections, requests over them, and the time they may take.

mod client;
mod compress;
mod connection;
mod socket;
#[cfg(feature = "tls")]
mod tls;

use std::{error::Error, fmt};

pub(crate) use self::client::Client;

/// Why there is no connection or no answer.
#[derive(Debug)]
pub(crate) struct LinkError {
    what: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl LinkError {
    fn new(what: String, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            what,
            source: Some(source.into()),
        }
    }

    fn plain(what: String) -> Self {
        Self { what, source: None }
    }
}

/// With all causes: the innermost says what the other side did.
impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let mut next = self.source.as_deref().map(|it| it as &dyn Error);
        let mut last = self.what.clone();
        while let Some(cause) = next {
            let words = cause.to_string();
            // Some repeat their cause, or say nothing.
            if !words.is_empty() && !last.ends_with(&words) {
                write!(f, ": {words}")?;
                last = words;
            }
            next = cause.source();
        }
        Ok(())
    }
}

impl Error for LinkError {}
