//! Shows the network flows of this host as they end: a table on a terminal, plain lines or JSON lines elsewhere.

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

/// Exit status for arguments that cannot be, as of `grep` and `getopt`.
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
            // Nobody may be reading: `flows --help | head -1`.
            let _ = writeln!(io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "flows: {error}\nTry `flows --help`.");
            ExitCode::from(BAD_ARGUMENTS)
        }
    }
}
