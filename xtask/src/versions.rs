//! One version of Rust: promised to users, built with in CI, and compiling the kernel program.

use anyhow::{Context, Result, ensure};

use crate::{
    manifest,
    toolchain::{self, Pin},
};

/// Refuses to build with another version than the one that is promised.
pub(crate) fn check() -> Result<()> {
    let promised = promised()?;
    let pin = Pin::read()?.rustc;
    let running = toolchain::running()?;
    ensure!(
        minor(&running) == Some(promised.as_str()),
        "cannot hold the promise of Rust {promised} with rustc {running}: type `RUSTUP_TOOLCHAIN={pin} cargo xtask ci`"
    );
    println!("rust-version is {promised}, and this is rustc {running}");
    Ok(())
}

/// `rust-version` of the workspace.
fn promised() -> Result<String> {
    let packages = manifest::packages()?;
    let version = packages
        .first()
        .and_then(|package| package["rust_version"].as_str())
        .context("cannot find `rust-version`")?;
    minor(version)
        .map(str::to_owned)
        .context("cannot read `rust-version`")
}

/// `1.95` of `1.95.0` and of `1.95`.
fn minor(version: &str) -> Option<&str> {
    let (major, rest) = version.split_once('.')?;
    let end = rest.find('.').unwrap_or(rest.len());
    version.get(..major.len() + 1 + end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;

    #[test]
    fn the_promised_version_is_the_pinned_one_and_the_readmes() {
        let promised = promised().unwrap();
        assert_eq!(minor(&Pin::read().unwrap().rustc), Some(promised.as_str()));
        let readme = std::fs::read_to_string(project::root().join("README.md")).unwrap();
        assert!(readme.contains(&format!("stable Rust {promised} or newer")));
    }

    #[test]
    fn a_minor_version_is_two_numbers() {
        assert_eq!(minor("1.95.0"), Some("1.95"));
        assert_eq!(minor("1.95"), Some("1.95"));
        assert_eq!(minor("nightly"), None);
    }
}
