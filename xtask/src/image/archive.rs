//! Writes the archive of an image. The same agent gives the same octets: names are sorted, times and owners are zero.

use std::{
    env::consts::ARCH,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::documents::{NAME, architecture, files};
use crate::shell;

/// Authorities of receivers' certificates, as the Dockerfile has them.
const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";

/// Writes the image of an agent to an archive, with a folder for its parts.
pub(super) fn write(agent: &Path, folder: &Path, archive: &Path) -> Result<()> {
    let root = empty(folder.join("root"))?;
    let authorities = Path::new("/").join(AUTHORITIES);
    copy(&authorities, &root.join(AUTHORITIES))
        .context("type `apt-get install ca-certificates`")?;
    copy(agent, &root.join("mermin-agent"))?;
    let layer = folder.join("layer.tar");
    tar(&root, &layer)?;
    let content = fs::read(&layer).with_context(|| format!("cannot read `{}`", layer.display()))?;
    let layout = empty(folder.join("layout"))?;
    for (path, content) in files(content, architecture(ARCH)) {
        let path = parent_of(layout.join(path))?;
        fs::write(&path, content).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    tar(&layout, archive)?;
    let size = fs::metadata(archive)
        .with_context(|| format!("cannot read `{}`", archive.display()))?
        .len();
    println!(
        "{}: {NAME}, {} MiB",
        archive.display(),
        size.div_ceil(1 << 20)
    );
    Ok(())
}

/// Returns a folder without its former content.
fn empty(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    Ok(folder)
}

/// Creates the folder of a file.
fn parent_of(path: PathBuf) -> Result<PathBuf> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    Ok(path)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let to = parent_of(to.to_owned())?;
    fs::copy(from, &to).with_context(|| format!("cannot copy `{}`", from.display()))?;
    Ok(())
}

fn tar(folder: &Path, archive: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args([
        "--sort=name",
        "--mtime=@0",
        "--numeric-owner",
        "--format=gnu",
    ])
    .args(["--owner=0", "--group=0", "--mode=u+rwX,go+rX,go-w"])
    .arg("--file")
    .arg(archive)
    .arg("--directory")
    .arg(folder)
    .arg("--create");
    // Not `.`, which would be in front of each name.
    let mut names = fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name()))
                .collect::<io::Result<Vec<_>>>()
        })
        .with_context(|| format!("cannot read `{}`", folder.display()))?;
    names.sort();
    shell::run(tar.args(names))
}
