//! Contents of a layout's directory, and their removal.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::names::{self, Name};
use crate::failpoint::{FailPoint, fail_point};

/// Pins by kind.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) links: Vec<(u32, mermin_bpf::abi::ledger::HookDirection, PathBuf)>,
    /// Of the program that counts dropped packets: its link, and itself.
    pub(super) drop: Vec<PathBuf>,
    pub(super) programs: Vec<PathBuf>,
    pub(super) maps: Vec<(String, PathBuf)>,
    pub(super) foreign: Vec<String>,
}

/// Returns the names in a directory; none if it does not exist.
pub(super) fn list(directory: &Path) -> io::Result<Vec<String>> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(entries) => entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect(),
    }
}

impl Content {
    pub(super) fn read(directory: &Path) -> io::Result<Self> {
        let mut content = Self::default();
        for name in list(directory)? {
            let path = directory.join(&name);
            match names::read(&name) {
                Name::Link { ifindex, direction } => content.links.push((ifindex, direction, path)),
                Name::Drop => content.drop.push(path),
                Name::Program => content.programs.push(path),
                Name::Map => content.maps.push((name, path)),
                Name::Foreign => content.foreign.push(name),
            }
        }
        Ok(content)
    }
}

/// Removes this crate's pins from a directory, and the directory itself if it is then empty. Links detach with their
/// last pin.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    let Content {
        links,
        drop,
        programs,
        maps,
        ..
    } = Content::read(directory)?;
    let paths = links.into_iter().map(|(_, _, path)| path);
    let paths = paths
        .chain(drop)
        .chain(programs)
        .chain(maps.into_iter().map(|(_, path)| path));
    for path in paths {
        gone(fs::remove_file(path))?;
        fail_point(FailPoint::Removing);
    }
    remove_empty(directory)
}

/// Removes a directory if it is empty.
pub(super) fn remove_empty(directory: &Path) -> io::Result<()> {
    match gone(fs::remove_dir(directory)) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        done => done,
    }
}

/// Ignores a missing pin.
pub(crate) fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
