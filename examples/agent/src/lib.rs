//! The agent of a node: one process that captures flows by a configuration file, names the Kubernetes objects at their ends,
//! and exports them to every receiver of the file, with probes, metrics and reloads.
//!
//! [`configuration`] decides about a file without any action, [`pipeline`] carries records to receivers that may change,
//! `state` is what probes and metrics show, `page` shows live flows to a browser, `http` is the server of both, `words` says the library's remedies
//! by keys of the file, and `run` puts them together. `docs/DEPLOYMENT.md` is for those who run it.

mod arguments;
pub mod configuration;
mod doctor;
mod http;
mod lock;
mod log;
mod page;
pub mod pipeline;
mod run;
mod state;
mod words;

use std::process::ExitCode;

use arguments::{Arguments, Command, USAGE};
use configuration::File;
use words::say;

/// Exit status for arguments, levels and files that cannot be used: another start would not help.
const UNUSABLE: u8 = 2;

/// Runs the program with the arguments and the environment of the process. Exit status: 0 if every record was delivered,
/// 1 if one was lost, the source failed or `doctor` found that flows cannot be captured, 2 if the arguments, `MERMIN_LOG_LEVEL` or the
/// file cannot be used.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::parse() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}\n\n{USAGE}");
            return ExitCode::from(UNUSABLE);
        }
    };
    let file = File::read(arguments.path.as_deref());
    match (arguments.command, file) {
        (Command::Doctor { json }, file) => doctor::doctor(&file, json),
        // Its standard error is a log.
        (Command::Run, Err(refused)) => {
            eprintln!("{}", refused.without_excerpts());
            ExitCode::from(UNUSABLE)
        }
        (_, Err(refused)) => {
            eprintln!("{refused}");
            ExitCode::from(UNUSABLE)
        }
        (Command::Check, Ok(file)) => {
            eprint!("{}", file.remarks());
            if let Err(error) = log::check() {
                say(&*error);
                return ExitCode::from(UNUSABLE);
            }
            println!("{}: valid", file.name());
            ExitCode::SUCCESS
        }
        (Command::PrintConfig, Ok(file)) => {
            eprint!("{}", file.remarks());
            print!("{}", file.plan.config.to_hcl_without_secrets());
            ExitCode::SUCCESS
        }
        (Command::Run, Ok(file)) => run::run(file),
    }
}
