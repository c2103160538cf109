//! Records from the table to a consumer, and as JSON lines.

mod json;
mod table;

use std::process::{Command, ExitCode};

use mermin_benches::Result;
use mermin_core::lab::enter_new_namespace;

fn main() -> ExitCode {
    mermin_benches::anywhere("sink", |options, report| {
        json::json(options, report)?;
        if let Err(error) = mermin_core::lab::Lab::open(1) {
            eprintln!("skipped: table to consumer: {error}");
            return Ok(());
        }
        enter_new_namespace()?;
        up()?;
        table::consume(options, report)
    })
}

fn up() -> Result<()> {
    let status = Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status()?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| "cannot set lo up".into())
}
