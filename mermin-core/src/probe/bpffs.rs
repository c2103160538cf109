//! Tests if a directory allows pinning. The test leaves nothing behind.

use std::{fs, path::Path};

use super::unavailable::{self, Unavailable};

/// `BPF_FS_MAGIC` of `linux/magic.h`.
const MAGIC: u64 = 0xcafe_4a11;

/// Returns an error if no BPF file system is mounted at a directory.
pub(crate) fn mounted(directory: &Path) -> Result<(), Unavailable> {
    match rustix::fs::statfs(directory) {
        // The field's width depends on the architecture.
        Ok(found) if u64::try_from(found.f_type) == Ok(MAGIC) => Ok(()),
        Ok(_) => Err(unavailable::no_bpffs(directory, None)),
        Err(error) => Err(unavailable::no_bpffs(directory, Some(&error.into()))),
    }
}

/// Returns an error if the directory is not writable.
pub(crate) fn writable(directory: &Path) -> Result<(), Unavailable> {
    mounted(directory)?;
    // Other threads of this process may run the same test.
    let thread = rustix::thread::gettid().as_raw_nonzero();
    let trial = directory.join(format!("mermin-trial-{thread}"));
    fs::create_dir(&trial)
        .and_then(|()| fs::remove_dir(&trial))
        .map_err(|error| unavailable::refused("make", &trial, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_file_systems_hold_no_pins() {
        for path in ["/proc", "/does/not/exist"] {
            let unavailable = writable(Path::new(path)).unwrap_err();
            assert!(
                unavailable.cause.contains("no BPF file system"),
                "{unavailable:?}"
            );
        }
    }
}
