//! The error for a file that cannot be used.

use std::{fmt, io};

use crate::diagnostic::Diagnostic;

/// All errors of a file. `Display` prints its diagnostics with an empty line between them, and no newline at the end.
#[derive(Debug, thiserror::Error)]
#[error("{}", Shown(.diagnostics))]
pub struct Error {
    diagnostics: Vec<Diagnostic>,
    /// The system's error, if the file could not be read.
    #[source]
    system: Option<io::Error>,
}

impl Error {
    pub(crate) fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            diagnostics,
            system: None,
        }
    }

    pub(crate) fn system(diagnostic: Diagnostic, error: io::Error) -> Self {
        Self {
            diagnostics: vec![diagnostic],
            system: Some(error),
        }
    }

    /// Returns the errors in the order of the file; at least one.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Returns the text of `Display` for logs: [`Diagnostic::without_excerpt`] of each error.
    #[must_use]
    pub fn without_excerpts(&self) -> String {
        let each = self.diagnostics.iter().map(Diagnostic::without_excerpt);
        each.collect::<Vec<_>>().join("\n\n")
    }
}

struct Shown<'a>(&'a [Diagnostic]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, diagnostic) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("\n\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}
