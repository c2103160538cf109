//! A day on a node, compressed: the agent under load, killed, reloaded, and without its receiver and API server.

use anyhow::Result;

use crate::shell;

/// The benchmark that does it.
const BENCH: &str = "cargo bench -p mermin-agent --bench day --";
/// Of a whole day, and of the one in `cargo xtask ci --full`.
const WHOLE: &str = "30";
const BRIEF: [&str; 4] = ["--minutes", "3", "--rate", "5000"];

/// Runs it with these arguments. Fails if a flow is lost or doubled, if the ledger does not close, or if the agent takes too much memory.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let mut command = shell::command(BENCH)?;
    command.args(words);
    if !words.contains(&"--minutes") {
        command.args(["--minutes", WHOLE]);
    }
    shell::run(&mut command)
}

/// Runs three minutes of it.
pub(crate) fn brief() -> Result<()> {
    run(&BRIEF)
}
