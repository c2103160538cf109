//! Shared by several tests.

use std::{path::Path, time::Duration};

use mermin_core::sink::Backoff;
use mermin_testing::Folder;

pub(crate) fn soon() -> Backoff {
    Backoff::default()
        .first(Duration::from_millis(10))
        .max(Duration::from_millis(50))
}

/// Names of what no reader of `*.parquet` sees.
pub(crate) fn unfinished(folder: &Folder) -> Vec<String> {
    let mut names = folder.names();
    names.retain(|name| Path::new(name).extension().is_some_and(|end| end == "tmp"));
    names
}
