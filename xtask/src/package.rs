//! Checks the packages as a registry would have them: their contents, and that they build outside the workspace.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::{manifest::PUBLISHED, project, shell};

/// Octets that a compressed package may have: a file that does not belong is noticed. mermin-core is 410 files of source in 599,000.
const MOST: u64 = 650_000;

/// Creates the packages, unpacks them elsewhere, and builds them from their own files.
pub(crate) fn check() -> Result<()> {
    let named = PUBLISHED
        .map(|package| format!(" --package {package}"))
        .concat();
    shell::run(&mut shell::command(&format!(
        "cargo package --quiet --no-verify --allow-dirty{named}"
    ))?)?;
    let alone = Alone::new()?;
    let mut before = Vec::new();
    for package in PUBLISHED {
        let unpacked = alone.unpack(package)?;
        build(&unpacked, &before)?;
        before.push((package, unpacked));
    }
    Ok(())
}

/// A directory outside the workspace.
struct Alone(PathBuf);

impl Alone {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("mermin-packages-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot create `{}`", path.display()))?;
        Ok(Self(path))
    }

    /// Unpacks a package and returns its directory.
    fn unpack(&self, package: &str) -> Result<PathBuf> {
        let stem = format!("{package}-{}", env!("CARGO_PKG_VERSION"));
        let archive = project::target_dir().join(format!("package/{stem}.crate"));
        let size = fs::metadata(&archive)
            .with_context(|| format!("cannot find `{}`", archive.display()))?
            .len();
        let mut tar = shell::command("tar --extract --verbose --gzip --file")?;
        tar.arg(&archive).arg("--directory").arg(&self.0);
        let files = shell::read(&mut tar)?.lines().count();
        println!("{stem}: {files} files, {size} octets");
        ensure!(
            size <= MOST,
            "cannot pass `{stem}`: it may have {MOST} octets"
        );
        Ok(self.0.join(stem))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // Remaining files are in the directory for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Checks a package and its unit tests. Earlier packages replace those of the registry.
fn build(package: &Path, before: &[(&str, PathBuf)]) -> Result<()> {
    let mut command = shell::command("cargo check --quiet --all-features --all-targets")?;
    command
        .current_dir(package)
        .env("CARGO_TARGET_DIR", project::target_dir().join("alone"));
    for (name, path) in before {
        command
            .arg("--config")
            .arg(format!("patch.crates-io.{name}.path='{}'", path.display()));
    }
    shell::run(&mut command)
}
