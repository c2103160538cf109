//! Whether something can be pinned: told by trying, with nothing left behind.

use std::{fs, io, path::Path};

/// `BPF_FS_MAGIC` of `linux/magic.h`.
const MAGIC: u32 = 0xcafe_4a11;

/// What is at a directory that is meant for pins.
#[derive(Debug)]
pub(super) enum Bpffs {
    /// Something was made there and removed again.
    Writable,
    /// A directory of another file system, or none.
    NotMounted,
    /// The kernel's refusal.
    Refused(io::Error),
}

pub(super) fn at(directory: &Path) -> Bpffs {
    // The width of the field differs between processors; the magic has 32 bits.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number of 32 bits in a wider field"
    )]
    let magic = rustix::fs::statfs(directory).map(|found| found.f_type as u32);
    if magic != Ok(MAGIC) {
        return Bpffs::NotMounted;
    }
    let trial = directory.join(format!("mermin-trial-{}", std::process::id()));
    match fs::create_dir(&trial).and_then(|()| fs::remove_dir(&trial)) {
        Ok(()) => Bpffs::Writable,
        Err(error) => Bpffs::Refused(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_system_is_none_for_pins() {
        assert!(matches!(at(Path::new("/proc")), Bpffs::NotMounted));
        assert!(matches!(
            at(Path::new("/does/not/exist")),
            Bpffs::NotMounted
        ));
    }
}
