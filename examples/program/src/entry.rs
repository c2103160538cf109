//! From arguments to an exit status.

use std::{error::Error, process::ExitCode};

/// A value, or the error that ends a program.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs a program and gives its exit status: 0 when nothing was lost, 1 when something was or when it could not be
/// done, 2 for arguments that cannot be understood. `parse` gives none where help is asked for; `run` says whether
/// nothing was lost.
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
            eprintln!("error: {error}\n\n{usage}");
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

/// Prints an error on standard error: with its cause and its remedy, where it has them.
pub fn say(error: &(dyn Error + 'static)) {
    match error.downcast_ref::<mermin_core::Error>() {
        Some(error) => eprintln!("error: {}", error.explain()),
        None => eprintln!("error: {error}"),
    }
}
