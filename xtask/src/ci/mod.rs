//! All of CI: the same commands for machines and for people.

mod steps;

use std::{
    env, fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

pub(crate) use self::steps::Scope;
use self::steps::{STEPS, Step, Work};
use crate::{project, readme, shell};

/// Runs every step, the quick ones first, and stops at the first failure.
pub(crate) fn run(scope: Scope) -> Result<()> {
    let begun = Instant::now();
    let steps = STEPS.iter().filter(|step| step.scope <= scope);
    for step in steps {
        timed(step)?;
    }
    println!("== all passed in {}", seconds(begun.elapsed()));
    Ok(())
}

/// Returns the names of all steps.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|step| step.name)
}

fn timed(step: &Step) -> Result<()> {
    let name = step.name;
    let begun = Instant::now();
    match step.work {
        Work::Tests(variables) => {
            let readme = fs::read_to_string(project::root().join("README.md"))
                .context("cannot read `README.md`")?;
            let lines = readme::test_commands(&readme)?;
            lines
                .into_iter()
                .try_for_each(|line| command(name, line, variables))
        }
        Work::Command(line, variables) => command(name, line, variables),
        Work::Function(what, function) => {
            println!("== {name}: {what}");
            function()
        }
    }
    .with_context(|| format!("CI stopped at `{name}`"))?;
    println!("== {name}: passed in {}", seconds(begun.elapsed()));
    Ok(())
}

fn command(name: &str, line: &str, variables: &shell::Variables) -> Result<()> {
    println!("== {name}: {line}");
    let mut command = shell::command(line)?;
    command.env("CARGO_TERM_QUIET", "true");
    for (variable, value) in variables {
        // A variable of the caller stays, unless a promise depends on it.
        if env::var_os(variable).is_none() || steps::FIXED.contains(variable) {
            command.env(variable, value);
        }
    }
    shell::run(&mut command)
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}
