//! Directories in which a change can make a path lead to another file.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Largest number of links to follow (the kernel's limit, `MAXSYMLINKS`).
const MOST_LINKS: usize = 40;

/// Returns the directory of the path itself and, if there are links, those of the links and of the file.
///
/// Kubernetes mounts a `ConfigMap` as `mermin.hcl -> ..data/mermin.hcl` and `..data -> ..2024_01_01`, and points
/// `..data` to another directory. That is a change in the directory of `mermin.hcl`.
pub(super) fn directories(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        if !found.contains(&directory) {
            found.push(directory.clone());
        }
        match fs::read_link(&path) {
            // The relative target of a link begins in the link's directory.
            Ok(target) => path = directory.join(target),
            Err(_) => break,
        }
    }
    found
}
