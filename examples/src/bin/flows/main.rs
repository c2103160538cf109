//! Shows the network flows of this host as they end: as a table on a terminal, otherwise as plain lines or JSON
//! lines.

mod args;
mod capture;
mod config;
mod demo;
mod failure;
mod news;
mod output;
mod ready;
mod status;
mod stdin;
mod stop;
mod summary;
mod table;
mod with;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use args::Request;

/// Exit status for invalid arguments, as in `grep` and `getopt`.
const BAD_ARGUMENTS: u8 = 2;

fn main() -> ExitCode {
    match args::parse(lexopt::Parser::from_env()) {
        Ok(Request::Capture(options)) => match capture::run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                failure.tell();
                ExitCode::FAILURE
            }
        },
        Ok(Request::Check(file)) => config::check(&file),
        Ok(Request::Say(text)) => {
            // The reader may have closed the pipe: `flows --help | head -1`.
            let _ = writeln!(io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "flows: {error}\nTry `flows --help`.");
            ExitCode::from(BAD_ARGUMENTS)
        }
    }
}
