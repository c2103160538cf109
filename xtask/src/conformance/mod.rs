//! Compares flows of public captures with the results of other programs.
//!
//! The package `mermin-conformance` compares; this module prepares its input.

mod fetch;
mod source;

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{project, shell};

/// Compares the conversations of every capture with tshark's.
pub(crate) fn beside_tshark() -> Result<()> {
    need_tshark()?;
    let captures = fetch::captures()?;
    let kept = fetch::folder().join("tshark");
    compare(&["tshark", &captures, &kept.to_string_lossy()])
}

fn need_tshark() -> Result<()> {
    if !starts("tshark", "--version") {
        bail!("cannot find `tshark`: type `apt-get install --no-install-recommends tshark`");
    }
    Ok(())
}

/// Names in payloads beside those that tshark shows.
pub(crate) fn names() -> Result<()> {
    need_tshark()?;
    compare(&["names", &fetch::captures()?])
}

/// The analysis of each TCP segment beside tshark's.
pub(crate) fn tcp() -> Result<()> {
    need_tshark()?;
    compare(&["tcp", &fetch::captures()?])
}

/// Compares the kernel program with user space, for each packet.
pub(crate) fn beside_the_kernel() -> Result<()> {
    compare(&["kernel", &fetch::captures()?])
}

/// Compares Community IDs with those of the package `communityid`.
pub(crate) fn community_ids() -> Result<()> {
    let captures = fetch::captures()?;
    let environment = fetch::folder().join("python");
    let python = environment
        .join("bin/python")
        .to_string_lossy()
        .into_owned();
    if !starts(&python, "--version") {
        if !starts("python3", "--version") {
            bail!("cannot find `python3`: type `apt-get install python3-venv`");
        }
        shell::run(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(&environment),
        )?;
    }
    shell::run(Command::new(&python).args([
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "communityid",
    ]))?;
    compare(&["community", &captures, &python])
}

/// Runs the package that compares.
fn compare(arguments: &[&str]) -> Result<()> {
    let mut command = shell::command("cargo run --release --quiet -p mermin-conformance --")?;
    shell::run(command.args(arguments)).context("flows of captures are not the expected ones")
}

fn starts(program: &str, argument: &str) -> bool {
    Command::new(program)
        .arg(argument)
        .current_dir(project::root())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
