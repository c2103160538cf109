//! Errors of the program, for operators.

use std::{
    error::Error as StdError,
    fmt::Write as _,
    io::{self, Write as _},
};

use mermin_examples::shell::Program;
use mermin_program::{visible, visible_lines};

/// A failure: its message, its cause and the remedy.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    remedy: Option<String>,
    causes: Vec<String>,
}

impl Failure {
    /// Creates a failure of an action of this program.
    pub(crate) fn new(message: impl Into<String>, cause: &dyn StdError) -> Self {
        Self {
            message: message.into(),
            remedy: None,
            causes: chain(Some(cause)),
        }
    }

    pub(crate) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Prints it on standard error.
    pub(crate) fn tell(&self) {
        // If standard error is closed, only the exit status is left.
        let _ = io::stderr().write_all(visible_lines(&self.text()).as_bytes());
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!("flows: {}\n", self.message);
        for cause in &self.causes {
            let _ = writeln!(text, "  because: {cause}");
        }
        if let Some(remedy) = &self.remedy {
            let _ = writeln!(text, "  what to do: {remedy}");
        }
        text
    }
}

impl From<mermin_core::Error> for Failure {
    fn from(error: mermin_core::Error) -> Self {
        Self {
            // One line, also with the name of a capture's interface in it.
            message: visible(&error.to_string()).into_owned(),
            remedy: error.remedy().map(|remedy| Program::Flows.words(remedy)),
            causes: chain(error.source()),
        }
    }
}

impl From<mermin_config::Error> for Failure {
    /// The file's name begins each of the errors.
    fn from(error: mermin_config::Error) -> Self {
        Self {
            message: format!("cannot use the configuration\n{error}"),
            remedy: None,
            causes: Vec::new(),
        }
    }
}

fn chain(first: Option<&dyn StdError>) -> Vec<String> {
    std::iter::successors(first, |&error| error.source())
        .map(ToString::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_shows_error_causes_and_remedy() {
        let cause = io::Error::other(io::Error::from_raw_os_error(1));
        let failure = Failure::new("cannot do it", &cause).with_remedy("run as root");
        assert_eq!(
            failure.text(),
            "flows: cannot do it\n  because: Operation not permitted (os error 1)\n  what to do: run as root\n"
        );
    }
}
