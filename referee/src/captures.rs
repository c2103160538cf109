//! The captures of a folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

/// All files below a folder that are named as captures are, in order.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    gather(folder, &mut found)?;
    found.sort();
    ensure!(!found.is_empty(), "no captures in `{}`", folder.display());
    Ok(found)
}

fn gather(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list `{}`", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, found)?;
        } else if path.extension().is_some_and(|ending| {
            ["pcap", "pcapng", "cap", "ntar"]
                .iter()
                .any(|known| ending == *known)
        }) {
            found.push(path);
        }
    }
    Ok(())
}
