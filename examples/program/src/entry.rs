//! From arguments to an exit status.

use std::{error::Error, process::ExitCode};

use crate::visible_lines;

/// A value, or the error that ends a program.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs a program and returns its exit status: 0 if nothing was lost, 1 if something was lost or an error occurred, 2
/// for invalid arguments. `parse` returns `None` for a request for help. `run` returns true if nothing was lost.
pub fn entry<A>(
    usage: &str,
    parse: impl FnOnce() -> Result<Option<A>>,
    run: impl FnOnce(A) -> Result<bool>,
) -> ExitCode {
    let arguments = match parse() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{usage}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {}\n\n{usage}", visible_lines(&error.to_string()));
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Prints an error on standard error, with its cause and its remedy if it has them.
pub fn say(error: &(dyn Error + 'static)) {
    eprintln!("error: {}", visible_lines(&explained(error)));
}

/// Returns the text of an error, with its cause and its remedy if it has them.
#[must_use]
pub fn explained(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<mermin_core::Error>() {
        Some(error) => error.explain().to_string(),
        None => error.to_string(),
    }
}
