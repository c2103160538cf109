//! Runs tshark for fields of frames, a line for each frame.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::ours::Ours;

/// How a capture ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    /// The file is damaged, for tshark and for this project.
    Damaged,
    /// tshark does not know the link type.
    Unknown,
}

/// Calls `take` with each line that tshark prints of a capture.
///
/// # Errors
/// tshark cannot be run, or fails at a capture that this project reads to its end. Errors of `take`.
pub(crate) fn each_line(
    path: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    mut take: impl FnMut(&str) -> Result<()>,
) -> Result<End> {
    let mut tshark = Command::new("tshark")
        .args(["-n", "-r"])
        .arg(path)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start `tshark`")?;
    let output = tshark.stdout.take().context("tshark has no output")?;
    let mut errors = tshark.stderr.take().context("tshark has no errors")?;
    // A pipe that nobody reads would stop it.
    let reader = thread::spawn(move || {
        let mut said = Vec::new();
        errors.read_to_end(&mut said).map(|_| said)
    });
    let mut lines = BufReader::new(output);
    let mut raw = Vec::new();
    let mut taken = Ok(());
    while lines.read_until(b'\n', &mut raw)? != 0 {
        if taken.is_ok() {
            taken = take(String::from_utf8_lossy(&raw).trim_end_matches('\n'));
        }
        raw.clear();
    }
    let status = tshark.wait()?;
    let said = reader
        .join()
        .map_err(|_| anyhow!("cannot read the errors of tshark"))??;
    taken.with_context(|| format!("cannot read what tshark says of `{}`", path.display()))?;
    let said = String::from_utf8_lossy(&said);
    let complaint: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("tshark:"))
        .collect();
    let complaint = complaint.join("; ");
    if status.success() && complaint.is_empty() {
        return Ok(End::Whole);
    }
    if complaint.contains("TShark doesn't support") {
        return Ok(End::Unknown);
    }
    ensure!(
        Ours::read(path).error.is_some(),
        "tshark ended with {status} at `{}`, which is whole here: {complaint}",
        path.display()
    );
    Ok(End::Damaged)
}
