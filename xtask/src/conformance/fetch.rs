//! Fetches captures, with an apt of its own, so the machine's package lists do not change.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::source::{SOURCES, Source, list};
use crate::{project, shell};

/// Files to extract from a source package.
const PATTERNS: [&str; 5] = ["*.pcap", "*.pcapng", "*.cap", "*.pcap.gz", "*.pcapng.gz"];

/// Returns the directory of everything about captures.
pub(super) fn folder() -> PathBuf {
    project::target_dir().join("captures")
}

/// Returns the directory of captures; fetches missing ones.
pub(super) fn captures() -> Result<String> {
    let files = folder().join("files");
    for source in &SOURCES {
        let unpacked = files.join(source.name);
        if !unpacked.is_dir() {
            let apt = Apt::new(&folder().join("apt"))?;
            let archive = apt.fetch(source)?;
            unpack(&archive, &unpacked)
                .with_context(|| format!("cannot unpack `{}`", archive.display()))?;
        }
    }
    Ok(files.to_string_lossy().into_owned())
}

/// An apt that shares only keys and sources with the machine's.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn new(folder: &Path) -> Result<Self> {
        let apt = Self {
            folder: folder.to_owned(),
        };
        for part in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(part))
                .with_context(|| format!("cannot make `{}`", folder.display()))?;
        }
        fs::write(folder.join("status"), "")?;
        let list = list()?;
        let path = folder.join("sources.list");
        if fs::read_to_string(&path).is_ok_and(|before| before == list) {
            return Ok(apt);
        }
        fs::write(&path, &list)?;
        shell::run(apt.command().args(["--quiet", "update"]))?;
        Ok(apt)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("apt-get");
        command.current_dir(&self.folder);
        for (option, value) in [
            ("Dir::State", "state"),
            ("Dir::Cache", "cache"),
            ("Dir::Etc::SourceList", "sources.list"),
            ("Dir::State::status", "status"),
        ] {
            let value = self.folder.join(value);
            command.arg(format!("--option={option}={}", value.display()));
        }
        command.args([
            "--option=Dir::Etc::SourceParts=/dev/null",
            "--option=APT::Sandbox::User=root",
            "--option=Acquire::Check-Valid-Until=false",
        ]);
        command
    }

    /// Fetches a source package; returns its upstream archive. Other files of the package may be missing.
    fn fetch(&self, source: &Source) -> Result<PathBuf> {
        for suite in source.suites {
            println!("== {} of {suite}", source.name);
            let package = format!("{}/{suite}", source.name);
            let mut command = self.command();
            command.args(["--quiet", "source", "--download-only", &package]);
            // The presence of the files shows if it worked.
            command.status().context("cannot start `apt-get`")?;
            if let Some(archive) = self.archive(source.name)? {
                return Ok(archive);
            }
        }
        bail!(
            "cannot fetch the source of `{}` from {}",
            source.name,
            source.suites.join(", ")
        )
    }

    fn archive(&self, name: &str) -> Result<Option<PathBuf>> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            if file.starts_with(&format!("{name}_"))
                && file.contains(".orig.tar.")
                && !file.ends_with(".asc")
            {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }
}

/// Extracts the captures from an archive, all or none.
fn unpack(archive: &Path, to: &Path) -> Result<()> {
    let partial = to.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    fs::create_dir_all(&partial)?;
    let mut tar = Command::new("tar");
    tar.arg("--extract")
        .arg("--file")
        .arg(archive)
        .arg("--directory")
        .arg(&partial)
        .args(["--strip-components=1", "--wildcards"]);
    // tar reports patterns without a match at its end.
    tar.args(PATTERNS).stderr(std::process::Stdio::null());
    tar.status().context("cannot start `tar`")?;
    let mut gunzip = Command::new("find");
    gunzip
        .arg(&partial)
        .args(["-name", "*.gz", "-exec", "gunzip", "{}", "+"]);
    shell::run(&mut gunzip)?;
    fs::rename(partial, to)?;
    Ok(())
}
