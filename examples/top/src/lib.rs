//! A live view of the flows of this host, or of a capture file: the program `top`.

mod app;
mod arguments;
mod draw;
mod keys;
mod lists;
mod model;
mod source;
mod state;
mod stop;
mod terminal;

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

pub use terminal::Screen;

use arguments::Request;
use draw::look::Look;

/// Exit status for invalid arguments, as in `grep` and `getopt`.
const BAD_ARGUMENTS: u8 = 2;

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let variable = |name: &str| env::var(name).ok();
    match arguments::parse(lexopt::Parser::from_env()) {
        Ok(Request::Show(options)) => {
            let is_dumb = variable("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
            let is_plain = options.is_plain || is_dumb || !io::stdout().is_terminal();
            match app::run(&options, is_plain, Look::by(variable)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    mermin_program::say(&*error);
                    ExitCode::FAILURE
                }
            }
        }
        Ok(Request::Say(text)) => {
            // The reader may have closed the pipe: `top --help | head -1`.
            let _ = writeln!(io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "top: {error}\nTry `top --help`.");
            ExitCode::from(BAD_ARGUMENTS)
        }
    }
}
