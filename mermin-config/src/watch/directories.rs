//! The directories in which a change can make a path mean another file.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Links that are followed (the kernel's own limit, `MAXSYMLINKS`).
const MOST_LINKS: usize = 40;

/// The directory of the path itself and, where links are in the way, those of the links and of the file.
///
/// Kubernetes mounts a `ConfigMap` as `mermin.hcl -> ..data/mermin.hcl` and `..data -> ..2024_01_01`, and sets `..data` to
/// another directory: that is a change in the directory of `mermin.hcl`.
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
            // A link's relative target begins where the link is.
            Ok(target) => path = directory.join(target),
            Err(_) => break,
        }
    }
    found
}
