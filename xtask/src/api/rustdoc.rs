//! Rustdoc's JSON of a library.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::Library;
use crate::{project, shell, toolchain};

/// Returns a cargo of the pinned toolchain whose rustdoc may write JSON. It has an output directory of its own,
/// because build scripts of some dependencies give other results there.
pub(super) fn cargo(arguments: &str) -> Result<Command> {
    let rustc = toolchain::pinned()?;
    let mut command = shell::command(&format!("cargo {arguments}"))?;
    rustc.lend_to(&mut command);
    command
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TERM_QUIET", "true")
        .env("CARGO_TARGET_DIR", project::unstable_target_dir());
    Ok(command)
}

/// Writes the JSON and returns its path.
pub(super) fn json(library: &Library) -> Result<PathBuf> {
    let Library { package, features } = library;
    shell::run(&mut cargo(&format!(
        "rustdoc --package {package} --lib --features={features} -- -Z unstable-options --output-format json --cap-lints allow"
    ))?)?;
    Ok(project::unstable_target_dir()
        .join("doc")
        .join(format!("{}.json", package.replace('-', "_"))))
}
