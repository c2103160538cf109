//! All of CI: the same commands for a machine and for a person.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{object, project, readme};

/// A command of CI with the variables it is given.
struct Step<'a> {
    name: &'static str,
    command: &'a str,
    variables: &'static [(&'static str, &'static str)],
}

/// Runs every step, the quick ones first, and stops at the first that fails.
pub(crate) fn run() -> Result<()> {
    let readme =
        fs::read_to_string(project::root().join("README.md")).context("cannot read `README.md`")?;
    let begun = Instant::now();
    step(&Step {
        name: "format",
        command: "cargo fmt --all --check",
        variables: &[],
    })?;
    timed("kernel program", "cargo xtask bpf --check", object::check)?;
    timed(
        "kernel program for tests",
        "cargo xtask bpf --widened",
        object::widened,
    )?;
    step(&Step {
        name: "lints",
        command: "cargo clippy --workspace --all-targets -- -D warnings",
        variables: &[],
    })?;
    timed(
        "lints of the kernel program",
        "the same for its target",
        object::lint,
    )?;
    step(&Step {
        name: "tests",
        command: readme::test_command(&readme)?,
        // A kernel test that cannot run here is a failure here.
        variables: &[("MERMIN_REQUIRE_KERNEL", "1")],
    })?;
    step(&Step {
        name: "documentation",
        command: "cargo doc --workspace --no-deps",
        variables: &[("RUSTDOCFLAGS", "-D warnings")],
    })?;
    println!("== all passed in {}", seconds(begun.elapsed()));
    Ok(())
}

fn step(step: &Step<'_>) -> Result<()> {
    timed(step.name, step.command, || {
        let mut words = step.command.split_whitespace();
        let program = words.next().context("cannot run an empty command")?;
        let status = Command::new(program)
            .args(words)
            .envs(step.variables.iter().copied())
            .env("CARGO_TERM_QUIET", "true")
            .current_dir(project::root())
            .status()
            .with_context(|| format!("cannot start `{program}`"))?;
        ensure!(status.success(), "`{}` failed: {status}", step.command);
        Ok(())
    })
}

fn timed(name: &str, command: &str, action: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("== {name}: {command}");
    let begun = Instant::now();
    action().with_context(|| format!("CI stopped at `{name}`"))?;
    println!("== {name}: passed in {}", seconds(begun.elapsed()));
    Ok(())
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}
