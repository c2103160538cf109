//! Checks if flows can be captured on this host, and prints tests, results and remedies. It captures nothing.
//!
//! Exit status: 0 if flows can be captured, 1 if not, 2 for invalid arguments.

mod json;

use std::process::ExitCode;

use futures::executor::block_on;
use lexopt::prelude::*;
use mermin_core::{
    FlowSource, FlowSourceBuilder, NetNs, Pinning,
    report::{Outcome, Report},
};
use mermin_examples::shell::Program;

const USAGE: &str = "\
usage: doctor [options] [interface..]

Checks if flows can be captured on this host. It tries each step of opening, captures nothing, and
says what is missing and what to do. Without an interface, it checks those that are up. The exit
status is 0 if flows can be captured, 1 if not, 2 for invalid arguments.

  --host             check the interfaces of the host, in the network namespace of process 1
  --max-flows N      check memory for this many open flows (default: 65536)
  --instance NAME    check pinning too: flows outlive the process under this name
  --strict           count each degradation as a failure
  --json             print one JSON object
  -h, --help         print this text
";

struct Args {
    options: FlowSourceBuilder,
    json: bool,
}

fn main() -> ExitCode {
    let args = match parse_args() {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("error: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match block_on(args.options.preflight()) {
        Ok(report) => {
            if args.json {
                println!("{}", json::report(&report));
            } else {
                print!("{}", text(&report));
            }
            ExitCode::from(u8::from(!report.can_capture()))
        }
        Err(error) => {
            eprintln!(
                "error: {}",
                Program::Doctor.words(&error.explain().to_string())
            );
            ExitCode::from(2)
        }
    }
}

/// Reads the arguments. `None` if help was requested.
fn parse_args() -> Result<Option<Args>, lexopt::Error> {
    let mut options = FlowSource::builder();
    let mut interfaces = Vec::new();
    let mut json = false;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        options = match argument {
            Long("host") => options.netns(NetNs::Host),
            Long("max-flows") => options.max_flows(arguments.value()?.parse()?),
            Long("instance") => options.pinning(Pinning::instance(arguments.value()?.string()?)),
            Long("strict") => options.strict(true),
            Long("json") => {
                json = true;
                options
            }
            Value(interface) => {
                interfaces.push(interface.string()?);
                options
            }
            Long("help") | Short('h') => return Ok(None),
            _ => return Err(argument.unexpected()),
        };
    }
    Ok(Some(Args {
        options: options.interfaces(interfaces),
        json,
    }))
}

/// Formats one line for each check: a tick if it passed, a cross if it prevents capturing, a hyphen if it does not. A
/// remedy follows below.
fn text(report: &Report) -> String {
    let checks = report.checks.iter().map(|check| match &check.remedy {
        Some(remedy) if check.outcome != Outcome::Passed => format!("{check}\n    {remedy}\n"),
        _ => format!("{check}\n"),
    });
    let given_up = report
        .degradations
        .iter()
        .map(|degradation| format!("given up: {degradation}\n"));
    let verdict = if report.can_capture() {
        "Flows can be captured.\n"
    } else {
        "Flows cannot be captured.\n"
    };
    let text: String = checks.chain(given_up).chain([verdict.to_owned()]).collect();
    Program::Doctor.words(&text)
}
