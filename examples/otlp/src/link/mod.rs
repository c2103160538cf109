//! Connections, requests over them, and timeouts.

mod client;
mod compress;
mod connection;
mod socket;
#[cfg(feature = "tls")]
mod tls;

use std::{error::Error, fmt};

pub(crate) use self::client::Client;

/// The reason why there is no connection or no response.
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

/// Prints all causes. The innermost one describes what the peer did.
impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        let mut next = self.source.as_deref().map(|it| it as &dyn Error);
        let mut last = self.what.clone();
        while let Some(cause) = next {
            let words = cause.to_string();
            // Some errors repeat their cause, or are empty.
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
