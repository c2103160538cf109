//! Compiling the kernel program so that the same source gives the same bytes, wherever it lies.

use std::{env, fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    project,
    toolchain::{self, Pin, Rustc},
};

const TARGET: &str = "bpfel-unknown-none";
const PACKAGE: &str = "mermin-bpf";
/// Separates flags in `CARGO_ENCODED_RUSTFLAGS`, so that a path may hold spaces.
const SEPARATOR: &str = "\u{1f}";

/// Which kernel program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// The one that is committed.
    Shipped,
    /// The one whose packets linger between look-up and count, for tests.
    Widened,
}

/// Compiles the kernel program with the pinned tools.
pub(super) fn build(variant: Variant) -> Result<Vec<u8>> {
    let rustc = toolchain::ready(&Pin::read()?)?;
    run(&rustc, variant, "build", &[])?;
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
        Variant::Widened => project::object_target_dir().join("widened"),
    }
}

/// Lints what is compiled for the kernel alone, which the workspace's own lints never see.
pub(super) fn lint() -> Result<()> {
    let rustc = toolchain::ready(&Pin::read()?)?;
    run(
        &rustc,
        Variant::Shipped,
        "clippy",
        &["--", "-D", "warnings"],
    )
}

/// Runs a command of cargo on the kernel program.
fn run(rustc: &Rustc, variant: Variant, subcommand: &str, arguments: &[&str]) -> Result<()> {
    let status = command(rustc, variant, subcommand)
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

/// A cargo for the kernel's target with every flag that decides about the bytes.
fn command(rustc: &Rustc, variant: Variant, subcommand: &str) -> Command {
    let mut command = toolchain::cargo(rustc);
    command
        .current_dir(project::root())
        // `-Z build-std` on a stable compiler: `core` has no compiled form for this target.
        .env("RUSTC_BOOTSTRAP", "1")
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            flags(rustc, variant).join(SEPARATOR),
        )
        // Behind the subcommand: clippy is a program of its own and gets only those flags.
        .args([subcommand, "-Z", "build-std=core", "--config"])
        // No DWARF: it would be five times the program, and nothing reads it.
        .arg("profile.release.debug=false")
        .args(["--config", "profile.release.incremental=false"]);
    command
}

fn flags(rustc: &Rustc, variant: Variant) -> Vec<String> {
    // v3 has 32-bit registers and jumps; every kernel since 5.1 knows it.
    let mut flags = vec!["-Ctarget-cpu=v3".to_owned()];
    if variant == Variant::Widened {
        flags.push("--cfg=mermin_widen".to_owned());
    }
    for (path, name) in local_paths(rustc) {
        flags.push(format!("--remap-path-prefix={}={name}", path.display()));
    }
    flags
}

/// Directories of this machine that source files lie in, and what stands for them in the object.
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

/// Refuses an object that names a directory of this machine: it would differ on the next.
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
