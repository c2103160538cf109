//! The captures of a folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

/// Returns all files below a directory that have a capture's extension, sorted.
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

/// Returns true if a pcap file has times whose fraction is a second or more.
pub(crate) fn has_long_fraction(path: &Path) -> bool {
    let Ok(file) = fs::read(path) else {
        return false;
    };
    let word = |at: usize, big: bool| {
        let octets = *file.get(at..)?.first_chunk::<4>()?;
        Some(if big {
            u32::from_be_bytes(octets)
        } else {
            u32::from_le_bytes(octets)
        })
    };
    let magics = [(0xa1b2_c3d4, 1_000_000), (0xa1b2_3c4d, 1_000_000_000)];
    let known = [false, true].into_iter().find_map(|big| {
        let magic = word(0, big)?;
        let (_, units) = magics.iter().find(|(known, _)| *known == magic)?;
        Some((big, *units))
    });
    let Some((big, units)) = known else {
        return false;
    };
    let mut at = 24;
    while let (Some(fraction), Some(captured)) = (word(at + 4, big), word(at + 8, big)) {
        if fraction >= units {
            return true;
        }
        at += 16 + captured as usize;
    }
    false
}
