//! Runs other programs from the project's root.

use std::{env, ffi::OsStr, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};

use crate::project;

/// Environment variables of a command.
pub(crate) type Variables = [(&'static str, &'static str)];

/// Builds a command from a line without quotes.
pub(crate) fn command(line: &str) -> Result<Command> {
    let mut words = line.split_whitespace();
    let program = words.next().context("cannot run an empty command")?;
    let mut command = Command::new(program);
    command.args(words).current_dir(project::root());
    Ok(command)
}

/// Runs a command to its end, with its output visible.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line_of(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    ensure!(status.success(), "`{line}` failed: {status}");
    Ok(())
}

/// Runs a command and returns its output, with its errors visible.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let line = line_of(command);
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    ensure!(
        output.status.success(),
        "`{line}` failed: {}",
        output.status
    );
    String::from_utf8(output.stdout).with_context(|| format!("cannot read what `{line}` says"))
}

/// Returns the path of a program, also in the directories of administrators.
pub(crate) fn find(program: &str) -> Result<PathBuf> {
    let paths = env::var_os("PATH").unwrap_or_default();
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .map(PathBuf::from)
        .into_iter()
        .chain(env::split_paths(&paths))
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
        .with_context(|| format!("cannot find `{program}`"))
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    words.join(" ")
}
