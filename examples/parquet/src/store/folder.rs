//! A directory on a local disk.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::Store;

/// Suffix of a file's name until it is complete. A reader's `*.parquet` must not match it, and readers of whole
/// directories skip names that begin with a dot.
const UNFINISHED: &str = ".tmp";

/// Writes files under temporary names, and renames them when they are complete and on the disk.
pub(crate) struct Folder {
    path: PathBuf,
}

/// An unfinished file of a killed process. Its records were not delivered, so it was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// Its path.
    pub path: PathBuf,
    /// Its size.
    pub octets: u64,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        let octets = self.octets;
        write!(
            f,
            "removed `{path}`, {octets} octets of a file that a killed process had not finished"
        )
    }
}

/// Creates an error that names the failed action and the path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} `{}`: {cause}", .path.display())]
struct Cannot {
    what: &'static str,
    path: PathBuf,
    cause: io::Error,
}

fn cannot(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    move |cause| {
        let kind = cause.kind();
        let path = path.to_owned();
        io::Error::new(kind, Cannot { what, path, cause })
    }
}

impl Folder {
    /// Creates the directory if it does not exist, and removes unfinished files of killed processes.
    pub(crate) fn open(path: PathBuf) -> io::Result<(Self, Vec<Leftover>)> {
        make(&path)?;
        let mut removed = Vec::new();
        for entry in fs::read_dir(&path).map_err(cannot("read", &path))? {
            let entry = entry.map_err(cannot("read", &path))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(".flows-") && name.ends_with(UNFINISHED) {
                removed.extend(remove(&entry.path())?);
            }
        }
        Ok((Self { path }, removed))
    }
}

/// Creates every missing directory of a path. Each is on the disk once its parent is synced.
fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    make(parent)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(cannot("make the folder", path)(error))
        }
        _ => sync(parent),
    }
}

/// Syncs a directory, so that the names in it are on the disk.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(cannot("store the names in", folder))
}

/// Removes an unfinished file, unless a live process holds its lock.
fn remove(path: &Path) -> io::Result<Option<Leftover>> {
    let file = match File::open(path) {
        Ok(file) => file,
        // It was just finished.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot("open", path)(error)),
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(cannot("lock", path)(error)),
    }
    let octets = file.metadata().map_err(cannot("look at", path))?.len();
    match fs::remove_file(path) {
        Ok(()) => Ok(Some(Leftover {
            path: path.to_owned(),
            octets,
        })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("remove", path)(error)),
    }
}

/// Writes octets to the disk under this name. The returned file holds the lock.
fn write(path: &Path, octets: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(path)
        .map_err(cannot("make", path))?;
    file.lock().map_err(cannot("lock", path))?;
    file.write_all(octets).map_err(cannot("write to", path))?;
    file.sync_all().map_err(cannot("store", path))?;
    Ok(file)
}

impl Store for Folder {
    fn put(&mut self, name: &str, octets: Vec<u8>) -> io::Result<()> {
        let aside = self.path.join(format!(".{name}{UNFINISHED}"));
        let path = self.path.join(name);
        // The content is on the disk before the name is. So after a crash of the machine no name leads to a part of a
        // file.
        let written = write(&aside, &octets).and_then(|locked| {
            fs::rename(&aside, &path).map_err(cannot("name", &path))?;
            // The lock is held until the file has its final name; otherwise a starting process would remove it.
            drop(locked);
            Ok(())
        });
        if written.is_err() {
            // Frees space on a full disk. If this fails too, the next process removes it.
            let _ = fs::remove_file(&aside);
        }
        written?;
        sync(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use mermin_testing::Folder as Temporary;

    use super::*;

    #[test]
    fn file_gets_its_name_when_complete() {
        let temporary = Temporary::new("parquet-folder");
        let path = temporary.file("a/b");
        let (mut folder, removed) = Folder::open(path.clone()).unwrap();
        assert_eq!(removed, []);
        folder.put("flows-1.parquet", vec![1, 2]).unwrap();
        // The same file again, as after a lost result.
        folder.put("flows-1.parquet", vec![1, 2]).unwrap();
        assert_eq!(fs::read(path.join("flows-1.parquet")).unwrap(), [1, 2]);
        assert_eq!(fs::read_dir(path).unwrap().count(), 1);
    }

    #[test]
    fn unfinished_files_of_dead_processes_are_removed() {
        let temporary = Temporary::new("parquet-folder");
        let place = |name| temporary.file(name);
        for name in [
            ".flows-1.parquet.tmp",
            ".flows-2.parquet.tmp",
            ".other.tmp",
            "flows-3.parquet",
        ] {
            fs::write(place(name), "abc").unwrap();
        }
        let writing = File::open(place(".flows-2.parquet.tmp")).unwrap();
        writing.lock().unwrap();
        let (_, removed) = Folder::open(temporary.path().to_owned()).unwrap();
        let path = place(".flows-1.parquet.tmp");
        assert_eq!(
            removed[0].to_string(),
            format!(
                "removed `{}`, 3 octets of a file that a killed process had not finished",
                path.display()
            )
        );
        assert_eq!(removed, [Leftover { path, octets: 3 }]);
        assert_eq!(
            temporary.names(),
            [".flows-2.parquet.tmp", ".other.tmp", "flows-3.parquet"]
        );
    }

    #[test]
    fn failed_write_is_an_error_and_leaves_nothing() {
        let temporary = Temporary::new("parquet-folder");
        let (mut folder, _) = Folder::open(temporary.path().to_owned()).unwrap();
        // A directory occupies the file's name.
        fs::create_dir(temporary.file("flows-1.parquet")).unwrap();
        let error = folder.put("flows-1.parquet", vec![1]).unwrap_err();
        let words = error.to_string();
        assert!(words.starts_with("cannot name `"), "{words}");
        assert_eq!(temporary.names(), ["flows-1.parquet"]);
        let file = temporary.file("file");
        fs::write(&file, "").unwrap();
        let error = Folder::open(file.join("below")).err().unwrap();
        let words = error.to_string();
        assert!(words.starts_with("cannot make the folder `"), "{words}");
    }
}
