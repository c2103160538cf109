//! Programs that only `cargo xtask ci --full` and `cargo xtask fuzz` need. They take minutes to compile.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::shell;

/// A subcommand of cargo.
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

/// Checks licences, sources and duplicates of all dependencies.
pub(crate) const DENY: Tool = Tool {
    name: "deny",
    version: "0.20.2",
};
/// Checks foreign types in public signatures. This version reads the JSON of rustdoc 1.95.
pub(crate) const EXTERNAL_TYPES: Tool = Tool {
    name: "check-external-types",
    version: "0.5.0",
};
/// Fuzzing with libFuzzer.
pub(crate) const FUZZ: Tool = Tool {
    name: "fuzz",
    version: "0.13.2",
};
/// Checks semantic versioning.
pub(crate) const SEMVER_CHECKS: Tool = Tool {
    name: "semver-checks",
    version: "0.51.0",
};

impl Tool {
    fn is_here(&self) -> bool {
        Command::new(format!("cargo-{}", self.name))
            .args([self.name, "--help"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Returns the command that installs it.
    fn install(&self) -> String {
        format!(
            "cargo install cargo-{} --version {} --locked",
            self.name, self.version
        )
    }

    /// Returns an error with the command if it is missing.
    pub(crate) fn ready(&self) -> Result<()> {
        if self.is_here() {
            return Ok(());
        }
        bail!(
            "cannot find `cargo-{}`: type `cargo xtask setup --full`, or\n  {}",
            self.name,
            self.install()
        )
    }
}

/// Installs the missing ones.
pub(crate) fn install() -> Result<()> {
    for tool in [DENY, EXTERNAL_TYPES, FUZZ, SEMVER_CHECKS] {
        if !tool.is_here() {
            println!("{}", tool.install());
            shell::run(&mut shell::command(&tool.install())?)?;
        }
    }
    Ok(())
}
