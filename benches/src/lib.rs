//! Shared by the benchmarks: options, rounds and their summary, a table for people or JSON for machines, network
//! namespaces that leave nothing behind.
//!
//! Each figure is the median of many rounds. Compared variants are measured in the same rounds, one after the other.

pub mod bulk;
pub mod capture;
pub mod child;
pub mod competitors;
pub mod cpu;
pub mod filled;
pub mod frames;
pub mod memory;
pub mod options;
pub mod report;
pub mod rounds;
pub mod testbed;

pub use self::{
    options::Options,
    report::{Report, Row},
    rounds::{Summary, bounds, summary},
};
use std::{error::Error, process::ExitCode, time::Duration};

/// A value, or the error that ends a benchmark.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Converts a time to milliseconds.
#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Runs a benchmark and prints its report. Without the privilege it prints a message, and fails if
/// `MERMIN_REQUIRE_KERNEL` is set.
pub fn main(name: &str, bench: impl FnOnce(Options, &mut Report) -> Result<()>) -> ExitCode {
    anywhere(name, |options, report| {
        if let Err(error) = mermin_core::lab::Lab::open(1) {
            eprintln!("skipped: {name}: {error}");
            return match std::env::var_os("MERMIN_REQUIRE_KERNEL") {
                Some(_) => Err(error.into()),
                None => Ok(()),
            };
        }
        bench(options, report)
    })
}

/// Runs a benchmark without privileges and prints its report.
pub fn anywhere(name: &str, bench: impl FnOnce(Options, &mut Report) -> Result<()>) -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(unknown) => {
            eprintln!("error: cannot use `{unknown}`; options are --json and --quick");
            return ExitCode::from(2);
        }
    };
    let mut report = Report::new(options.json);
    let result = bench(options, &mut report);
    report.finish();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {name}: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}
