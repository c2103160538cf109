//! Ensures one owner per instance with a lock on its directory. The lock works across PID namespaces and ends with
//! its process, and forked children have no part in it.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::{
    fs::{FileType, FlockOperation},
    io::Errno,
};

use crate::sys::apart::Apart;

const PAUSE: Duration = Duration::from_millis(5);
/// Pauses of 5 ms, 2 s in all: a process that ends, or a source of this process that was dropped or whose opening was
/// cancelled, may hold the lock for a while.
const PAUSES: u32 = 400;

/// The lock, until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    held: LockHolder,
}

#[derive(Debug)]
enum LockHolder {
    /// By a thread of its own, out of reach of forked children.
    Apart { _directory: Apart },
    /// By a descriptor that can be passed to another process. The lock lasts until every copy is closed.
    Here(OwnedFd),
}

/// Where the lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldBy {
    /// Out of reach of forked children.
    Thread,
    /// By a descriptor of this process, to be passed to another one.
    Descriptor,
}

/// The reason why the lock is unavailable.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another owner has it.
    InUse,
    /// The path and the system call's error.
    System(PathBuf, io::Error),
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::System(PathBuf::new(), error)
    }
}

/// Creates the directory if necessary, and locks it. It blocks, so do not call it from an executor.
pub(crate) fn take(directory: &Path, by: HeldBy) -> Result<Lock, LockError> {
    take_within(directory, by, PAUSES)
}

fn take_within(directory: &Path, by: HeldBy, pauses: u32) -> Result<Lock, LockError> {
    let held = match by {
        HeldBy::Thread => {
            let path = directory.to_owned();
            LockHolder::Apart {
                _directory: Apart::keep("mermin-lock", move || lock(&path, pauses))?,
            }
        }
        HeldBy::Descriptor => LockHolder::Here(lock(directory, pauses)?.into()),
    };
    Ok(Lock { held })
}

impl Lock {
    /// Takes the lock that another process passed: its descriptor is a lock already, or becomes one.
    pub(crate) fn passed(descriptor: OwnedFd) -> Result<Self, LockError> {
        let status = rustix::fs::fstat(&descriptor).map_err(io::Error::from)?;
        if !FileType::from_raw_mode(status.st_mode).is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory).into());
        }
        match rustix::fs::flock(&descriptor, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self {
                held: LockHolder::Here(descriptor),
            }),
            Err(Errno::WOULDBLOCK) => Err(LockError::InUse),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }

    /// Returns the descriptor to pass, if a [`HeldBy::Descriptor`] holds the lock.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.held {
            LockHolder::Apart { .. } => None,
            LockHolder::Here(descriptor) => Some(descriptor.as_fd()),
        }
    }
}

fn lock(directory: &Path, pauses: u32) -> Result<File, LockError> {
    let system = |error: io::Error| LockError::System(directory.to_owned(), error);
    for _ in 0..pauses {
        match fs::create_dir_all(directory) {
            // The last instance has just removed the parent directory.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            made => made.map_err(system)?,
        }
        let opened = match File::open(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened.map_err(system)?,
        };
        match rustix::fs::flock(&opened, FlockOperation::NonBlockingLockExclusive) {
            // Its owner may have removed the directory before it released the lock.
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
        let first = take(&directory, HeldBy::Thread).unwrap();
        assert!(matches!(
            take_within(&directory, HeldBy::Thread, 10),
            Err(LockError::InUse)
        ));
        let waiting = {
            let directory = directory.clone();
            thread::spawn(move || take(&directory, HeldBy::Thread).is_ok())
        };
        thread::sleep(PAUSE);
        // An instance that leaves nothing removes its directory.
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
                thread::spawn(move || take_within(&directory, HeldBy::Thread, 40).ok())
            })
            .collect();
        let won: Vec<_> = racers
            .into_iter()
            .map(|racer| racer.join().unwrap())
            .collect();
        assert_eq!(won.iter().flatten().count(), 1);
        fs::remove_dir(&directory).unwrap();
    }

    #[test]
    fn passed_lock_lasts_until_its_last_copy_is_closed() {
        let directory = std::env::temp_dir().join(format!("mermin-passed-{}", std::process::id()));
        let first = take(&directory, HeldBy::Descriptor).unwrap();
        let copy = first.descriptor().unwrap().try_clone_to_owned().unwrap();
        let passed = Lock::passed(copy).unwrap();
        drop(first);
        for by in [HeldBy::Thread, HeldBy::Descriptor] {
            assert!(matches!(
                take_within(&directory, by, 10),
                Err(LockError::InUse)
            ));
        }
        let other = File::open(&directory).unwrap();
        assert!(matches!(Lock::passed(other.into()), Err(LockError::InUse)));
        drop(passed);
        take(&directory, HeldBy::Thread).unwrap();
        fs::remove_dir(&directory).unwrap();
    }
}
