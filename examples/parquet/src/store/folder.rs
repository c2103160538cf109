//! A folder of the local disk.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::Store;

/// Ending of a file's name until it is whole. A reader's `*.parquet` must not match it, and readers of whole folders skip
/// what begins with a dot.
const UNFINISHED: &str = ".tmp";

/// Files are written aside, and get their names when they are whole and on the disk.
pub(crate) struct Folder {
    path: PathBuf,
}

/// File that a killed process left: its records had not arrived, so it was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// Where it was.
    pub path: PathBuf,
    /// How large it was.
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

/// An error of the system with what could not be done to which path.
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
    /// Makes the folder where it is not there, and removes what killed processes left in it.
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

/// Every folder on the way, each of which is on the disk once its parent is.
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

/// Names in a folder are on the disk once the folder is.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(cannot("store the names in", folder))
}

/// Removes an unfinished file, unless a process that lives writes it: that one holds its lock.
fn remove(path: &Path) -> io::Result<Option<Leftover>> {
    let file = match File::open(path) {
        Ok(file) => file,
        // It was finished just now.
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

/// Brings octets to the disk under this name. The lock is that of the file which is returned.
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
        // Its octets are on the disk before its name is: after a crash of the machine no name leads to a part of a file.
        let written = write(&aside, &octets).and_then(|locked| {
            fs::rename(&aside, &path).map_err(cannot("name", &path))?;
            // Until it has its name, or else a process that begins would take it for one that nobody writes.
            drop(locked);
            Ok(())
        });
        if written.is_err() {
            // Room for others on a full disk. Should this fail too, the next process removes it.
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
        // The same again, as after an answer that did not come.
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
        // A folder stands where the file would.
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
