//! Versions of Rust: the pinned one, and the oldest for the libraries.

use anyhow::{Context, Result, ensure};

use crate::{
    manifest::{self, PUBLISHED},
    project, shell,
    toolchain::{self, Pin},
};

/// Returns an error if the compiler does not have the pinned version.
pub(crate) fn check() -> Result<()> {
    let pin = Pin::read()?.rustc;
    let running = toolchain::running()?;
    ensure!(
        minor(&running) == minor(&pin),
        "cannot run CI with rustc {running}: type `RUSTUP_TOOLCHAIN={pin} cargo xtask ci`"
    );
    println!("the pinned version is {pin}, and this is rustc {running}");
    Ok(())
}

/// Checks the libraries and their locked dependencies with the oldest version that they promise: without features,
/// then with all. Checks `flows` as well, because the README builds it with the same version.
pub(crate) fn oldest() -> Result<()> {
    let oldest = promised()?;
    ensure!(
        has(&oldest)?,
        "cannot find Rust {oldest}: type `{}`",
        install(&oldest)
    );
    let packages: String = PUBLISHED.map(|name| format!(" -p {name}")).concat();
    let checked = [
        packages.clone(),
        format!("{packages} --all-features"),
        " -p mermin-examples --bin flows".to_owned(),
    ];
    for what in checked {
        let mut command = shell::command(&format!("cargo check --locked{what}"))?;
        command
            .env("RUSTUP_TOOLCHAIN", &oldest)
            // In a directory of its own, because builds of two versions would overwrite each other.
            .env("CARGO_TARGET_DIR", project::target_dir().join("oldest"));
        shell::run(&mut command)?;
    }
    Ok(())
}

/// Installs that version if it is missing.
pub(crate) fn install_oldest() -> Result<()> {
    let oldest = promised()?;
    if has(&oldest)? {
        return Ok(());
    }
    let line = install(&oldest);
    println!("{line}");
    shell::run(&mut shell::command(&line)?)
}

fn install(version: &str) -> String {
    format!("rustup toolchain install {version} --profile minimal")
}

/// Returns true if rustup has it under this name.
fn has(version: &str) -> Result<bool> {
    let list = shell::read(&mut shell::command("rustup toolchain list")?)?;
    Ok(list
        .lines()
        .any(|line| line.starts_with(&format!("{version}-"))))
}

/// Returns `rust-version` of the libraries.
fn promised() -> Result<String> {
    let packages = manifest::packages()?;
    let version = packages
        .iter()
        .find(|package| package["name"] == PUBLISHED[0])
        .and_then(|package| package["rust_version"].as_str())
        .context("cannot find `rust-version`")?;
    minor(version)
        .map(str::to_owned)
        .context("cannot read `rust-version`")
}

/// Returns `1.95` for `1.95.0` and for `1.95`.
fn minor(version: &str) -> Option<&str> {
    let (major, rest) = version.split_once('.')?;
    let end = rest.find('.').unwrap_or(rest.len());
    version.get(..major.len() + 1 + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readme_says_the_promised_version() {
        let promised = promised().unwrap();
        let readme = std::fs::read_to_string(project::root().join("README.md")).unwrap();
        assert!(readme.contains(&format!("stable Rust {promised} or newer")));
    }

    #[test]
    fn minor_version_is_two_numbers() {
        assert_eq!(minor("1.95.0"), Some("1.95"));
        assert_eq!(minor("1.95"), Some("1.95"));
        assert_eq!(minor("nightly"), None);
    }
}
