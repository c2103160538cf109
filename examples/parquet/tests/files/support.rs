//! Shared by several tests.

use std::path::Path;

use mermin_testing::Folder;

/// Names of what no reader of `*.parquet` sees.
pub(crate) fn unfinished(folder: &Folder) -> Vec<String> {
    let mut names = folder.names();
    names.retain(|name| Path::new(name).extension().is_some_and(|end| end == "tmp"));
    names
}
