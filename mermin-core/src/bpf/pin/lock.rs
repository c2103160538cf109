//! One owner for each instance, by a lock on its directory: it holds across PID namespaces and goes with its process, and
//! no child that the process forks has a part in it.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::{fs::FlockOperation, io::Errno};

use crate::sys::apart::Apart;

const PAUSE: Duration = Duration::from_millis(5);
/// A process that ends, or a source of this process that was dropped or whose opening was cancelled, may hold it this long
/// yet: 2 s in all.
const PAUSES: u32 = 400;

/// The lock, until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _directory: Apart,
}

/// Why there is none.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Somebody else has it.
    InUse,
    /// The system call's error, and what it was about.
    System(PathBuf, io::Error),
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::System(PathBuf::new(), error)
    }
}

/// Makes the directory if need be, and locks it. Waits: not for an executor's thread.
pub(crate) fn take(directory: &Path) -> Result<Lock, LockError> {
    take_within(directory, PAUSES)
}

fn take_within(directory: &Path, pauses: u32) -> Result<Lock, LockError> {
    let path = directory.to_owned();
    let directory = Apart::keep("mermin-lock", move || lock(&path, pauses))?;
    Ok(Lock {
        _directory: directory,
    })
}

fn lock(directory: &Path, pauses: u32) -> Result<File, LockError> {
    let system = |error: io::Error| LockError::System(directory.to_owned(), error);
    for _ in 0..pauses {
        match fs::create_dir_all(directory) {
            // An instance that was alone has just removed the directory above.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            made => made.map_err(system)?,
        }
        let opened = match File::open(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened.map_err(system)?,
        };
        match rustix::fs::flock(&opened, FlockOperation::NonBlockingLockExclusive) {
            // Its owner may have removed it before the lock was free.
            Ok(()) if is_at(&opened, directory) => return Ok(opened),
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => thread::sleep(PAUSE),
            Err(error) => return Err(system(error.into())),
        }
    }
    Err(LockError::InUse)
}

fn is_at(opened: &File, path: &Path) -> bool {
    match (opened.metadata(), fs::metadata(path)) {
        (Ok(opened), Ok(there)) => (opened.dev(), opened.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_has_one_owner_at_a_time() {
        let directory = std::env::temp_dir().join(format!("mermin-lock-{}", std::process::id()));
        let first = take(&directory).unwrap();
        assert!(matches!(take_within(&directory, 10), Err(LockError::InUse)));
        let waiting = {
            let directory = directory.clone();
            thread::spawn(move || take(&directory).is_ok())
        };
        thread::sleep(PAUSE);
        // As an instance that leaves nothing.
        fs::remove_dir(&directory).unwrap();
        drop(first);
        assert!(waiting.join().unwrap());
        fs::remove_dir(&directory).unwrap();
    }

    #[test]
    fn one_of_many_contenders_gets_the_lock() {
        let directory = std::env::temp_dir().join(format!("mermin-race-{}", std::process::id()));
        let racers: Vec<_> = (0..8)
            .map(|_| {
                let directory = directory.clone();
                thread::spawn(move || take_within(&directory, 40).ok())
            })
            .collect();
        let won: Vec<_> = racers
            .into_iter()
            .map(|racer| racer.join().unwrap())
            .collect();
        assert_eq!(won.iter().flatten().count(), 1);
        fs::remove_dir(&directory).unwrap();
    }
}
