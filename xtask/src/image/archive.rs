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
pub(super) const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Writes the image of an agent and of a file with authorities to an archive, with a folder for its parts.
pub(super) fn write(agent: &Path, authorities: &Path, folder: &Path, archive: &Path) -> Result<()> {
    let root = empty(folder.join("root"))?;
    let place = root.join(AUTHORITIES.trim_start_matches('/'));
    copy(authorities, &place).context("type `apt-get install ca-certificates`")?;
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
        // A colon in the archive's name is no host's.
        "--force-local",
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

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    #[test]
    fn archive_has_the_agent_alone_and_is_the_same_again() {
        let folder = env::temp_dir().join(format!("mermin-image-{}", process::id()));
        let folder = empty(folder).unwrap();
        let (agent, authorities) = (folder.join("agent"), folder.join("authorities"));
        fs::write(&agent, "agent").unwrap();
        fs::write(&authorities, "authorities").unwrap();
        let made = ["first.tar", "second.tar"].map(|name| {
            let archive = folder.join(name);
            write(&agent, &authorities, &folder, &archive).unwrap();
            fs::read(archive).unwrap()
        });
        assert!(made[0] == made[1]);
        let list = |archive: &str| {
            let mut tar = Command::new("tar");
            let said = shell::read(tar.arg("--list").arg("--file").arg(folder.join(archive)));
            said.unwrap()
        };
        assert_eq!(
            list("layer.tar"),
            "etc/\netc/ssl/\netc/ssl/certs/\netc/ssl/certs/ca-certificates.crt\nmermin-agent\n"
        );
        let outer = list("first.tar");
        for name in [
            "blobs/sha256/",
            "index.json\n",
            "manifest.json\n",
            "oci-layout\n",
        ] {
            assert!(outer.contains(name), "{outer}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
