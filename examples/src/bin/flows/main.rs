//! Shows the network flows of this host as they end: as a table on a terminal, otherwise as plain lines or JSON
//! lines.

mod args;
mod capture;
mod config;
mod csv_rows;
mod demo;
mod failure;
mod news;
mod output;
mod progress;
mod ready;
mod status;
mod stdin;
mod stop;
mod summary;
mod sums;
mod table;
mod value;
mod view;

use std::{
    env,
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use args::Request;

/// Exit status for invalid arguments, as in `grep` and `getopt`.
const BAD_ARGUMENTS: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match args::parse(&arguments) {
        Ok(Request::Capture(options)) => match capture::run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                failure.tell();
                ExitCode::FAILURE
            }
        },
        Ok(Request::Check(file)) => config::check(&file),
        Ok(Request::Complete(shell)) => {
            args::print_completion(shell);
            ExitCode::SUCCESS
        }
        Ok(Request::Say(text)) => {
            // The reader may have closed the pipe: `flows --help | head -1`.
            let _ = writeln!(io::stdout(), "{}", text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(
                io::stderr(),
                "flows: {}\nTry `flows --help`.",
                error.trim_end()
            );
            ExitCode::from(BAD_ARGUMENTS)
        }
    }
}
