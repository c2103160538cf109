//! Attributes that identify a file at a path without reading it.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

/// Attributes of the file at a path; `None` if there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen(Option<[i64; 7]>);

impl Seen {
    pub(super) fn of(path: &Path) -> Self {
        Self(fs::metadata(path).ok().map(|found| {
            [
                found.dev().cast_signed(),
                found.ino().cast_signed(),
                found.size().cast_signed(),
                found.mtime(),
                found.mtime_nsec(),
                found.ctime(),
                found.ctime_nsec(),
            ]
        }))
    }
}
