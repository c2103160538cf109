//! Compiles the kernel program so that the same source gives the same bytes in any directory.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    project,
    toolchain::{self, Pin, Rustc},
};

const TARGET: &str = "bpfel-unknown-none";
const PACKAGE: &str = "mermin-bpf";
/// Separates flags in `CARGO_ENCODED_RUSTFLAGS`. So a path may contain spaces.
const SEPARATOR: &str = "\u{1f}";

/// A variant of the kernel program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// The committed one.
    Shipped,
    /// One with a fault that tests must notice, by the value of `mermin_fault`.
    Faulty(&'static str),
}

/// Compiles the kernel program with the pinned tools.
pub(super) fn build(variant: Variant) -> Result<Vec<u8>> {
    let rustc = toolchain::ready(&Pin::read()?)?;
    match variant {
        Variant::Shipped => run(&rustc, variant, "build", &[])?,
        Variant::Faulty(fault) => {
            let fault = format!("--cfg=mermin_fault=\"{fault}\"");
            run(&rustc, variant, "rustc", &["--", &fault])?;
        }
    }
    let built = target_dir(variant)
        .join(TARGET)
        .join("release")
        .join(PACKAGE);
    let object = fs::read(&built).with_context(|| format!("cannot read `{}`", built.display()))?;
    refuse_paths(&object, &rustc)?;
    Ok(object)
}

fn target_dir(variant: Variant) -> PathBuf {
    match variant {
        Variant::Shipped => project::object_target_dir(),
        // They differ in the program alone, so all else is compiled once.
        Variant::Faulty(_) => project::object_target_dir().join("faulty"),
    }
}

/// Lints the code that is only compiled for the kernel. The workspace's lints do not cover it.
pub(super) fn lint() -> Result<()> {
    let rustc = toolchain::ready(&Pin::read()?)?;
    run(
        &rustc,
        Variant::Shipped,
        "clippy",
        &["--", "-D", "warnings"],
    )
}

/// Runs a cargo command on the kernel program.
fn run(rustc: &Rustc, variant: Variant, subcommand: &str, arguments: &[&str]) -> Result<()> {
    let status = command(rustc, subcommand)
        .args(["--release", "--quiet", "--locked"])
        .args(["--package", PACKAGE, "--bin", PACKAGE, "--target", TARGET])
        .arg("--target-dir")
        .arg(target_dir(variant))
        .args(arguments)
        .status()
        .context("cannot start `cargo`")?;
    ensure!(
        status.success(),
        "cargo {subcommand} of the kernel program ended with {status}"
    );
    Ok(())
}

/// Returns a cargo for the kernel's target, with every flag that affects the bytes.
fn command(rustc: &Rustc, subcommand: &str) -> Command {
    let mut command = toolchain::cargo(rustc);
    command
        .current_dir(project::root())
        // `-Z build-std` on a stable compiler, because `core` is not precompiled for this target.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(rustc).join(SEPARATOR))
        // After the subcommand, because clippy is a program of its own and gets only these flags.
        .args([subcommand, "-Z", "build-std=core", "--config"])
        // Without DWARF, which nothing reads and which is five times as large as the program.
        .arg("profile.release.debug=false")
        .args(["--config", "profile.release.incremental=false"]);
    command
}

fn flags(rustc: &Rustc) -> Vec<String> {
    // v3 has 32-bit registers and jumps. Every kernel since 5.1 supports it.
    let mut flags = vec!["-Ctarget-cpu=v3".to_owned()];
    for (path, name) in local_paths(rustc) {
        flags.push(format!("--remap-path-prefix={}={name}", path.display()));
    }
    flags
}

/// Returns directories of this machine with source files, and their replacements in the object.
fn local_paths(rustc: &Rustc) -> Vec<(PathBuf, &'static str)> {
    let mut paths = vec![
        (project::root().to_owned(), "mermin"),
        (rustc.sysroot.clone(), "rust"),
    ];
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    if let Some(home) = cargo_home {
        paths.push((home, "cargo"));
    }
    paths
}

/// Rejects an object that contains a directory of this machine, because it would differ on another machine.
fn refuse_paths(object: &[u8], rustc: &Rustc) -> Result<()> {
    for (path, _) in local_paths(rustc) {
        let path = path.to_string_lossy();
        if holds(object, path.as_bytes()) {
            bail!("cannot use the compiled object: it names the directory `{path}`");
        }
    }
    Ok(())
}

fn holds(object: &[u8], needle: &[u8]) -> bool {
    object.windows(needle.len()).any(|at| at == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_with_machine_paths_is_refused() {
        let rustc = Rustc {
            rustup_name: None,
            sysroot: PathBuf::from("/opt/rust"),
        };
        assert!(refuse_paths(b"\x7fELF/opt/rust/library\0", &rustc).is_err());
        assert!(refuse_paths(b"\x7fELFrust/library\0", &rustc).is_ok());
    }
}
