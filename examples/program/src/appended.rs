//! A file for complete pieces.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

/// Appends complete pieces to a file. If a full disk truncates a piece, it is removed. With [`Appended::whole`], so is the part of a
/// piece that a killed process left. If the file was renamed, removed or emptied, as `logrotate` does, a new one begins under its name.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("mermin-appended-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let mut file = mermin_program::Appended::new(folder.join("flows.json"));
/// file.append(b"{}\n")?;
/// std::fs::rename(folder.join("flows.json"), folder.join("flows.json.1"))?;
/// assert!(file.open()?);
/// file.append(b"{}\n")?;
/// assert_eq!(std::fs::read(folder.join("flows.json"))?, b"{}\n");
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Appended {
    path: PathBuf,
    whole: Option<FindEnd>,
    open: Option<Open>,
}

/// Returns the end of the last complete piece of a file of this length.
pub type FindEnd = fn(&File, u64) -> io::Result<u64>;

#[derive(Debug)]
struct Open {
    file: File,
    /// End of the last complete piece. `None` for a pipe, a terminal or `/dev/null`, from which nothing can be removed.
    end: Option<u64>,
}

impl Open {
    fn new(path: &Path, whole: Option<FindEnd>) -> io::Result<Self> {
        // A pipe that is also opened for reading waits for no reader, and never breaks.
        let is_read = whole.is_some() && fs::metadata(path).map_or(true, |there| there.is_file());
        let open = |is_read| {
            let mut options = OpenOptions::new();
            options.create(true).append(true).read(is_read).open(path)
        };
        let (file, is_read) = match open(is_read) {
            // A file that may be written but not read is appended to as it is.
            Err(error) if is_read && error.kind() == io::ErrorKind::PermissionDenied => {
                (open(false)?, false)
            }
            opened => (opened?, is_read),
        };
        if !file.metadata()?.is_file() {
            return Ok(Self { file, end: None });
        }
        lock(&file)?;
        let length = file.metadata()?.len();
        // From here on, an error gives the lock back.
        let mut open = Self {
            file,
            end: Some(length),
        };
        if let Some(find) = whole.filter(|_| is_read) {
            let end = find(&open.file, length)?;
            if end < length {
                open.file.set_len(end).map_err(|error| {
                    let words = "what a killed process left at its end cannot be removed";
                    io::Error::new(
                        error.kind(),
                        format!("{words}: {error}; move the file away"),
                    )
                })?;
            }
            open.end = Some(end);
        }
        Ok(open)
    }

    /// Removes the part of a piece that was written before an error. Returns false if the file is to be opened again: it cannot be
    /// truncated, or it was emptied since the last complete piece.
    fn take_back(&self, written: u64) -> bool {
        let Some(end) = self.end else {
            return true;
        };
        let cut = self.file.metadata().and_then(|now| {
            let begin = now.len().saturating_sub(written);
            self.file.set_len(begin)?;
            Ok(begin)
        });
        cut.is_ok_and(|begin| begin == end)
    }

    /// Returns true if the path still leads to this file, and the file has everything that was appended.
    fn goes_on(&self, path: &Path) -> io::Result<bool> {
        let there = match fs::metadata(path) {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let own = self.file.metadata()?;
        Ok((there.dev(), there.ino()) == (own.dev(), own.ino())
            && self.end.is_none_or(|end| own.len() >= end))
    }
}

/// Writes all, or up to an error; what was not written is left.
fn write_all(mut file: &File, rest: &mut &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => *rest = rest.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Drop for Open {
    /// Gives the lock back. Closing alone would not: a child of this process, between fork and exec, has the file open as well.
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Keeps other processes from the file as long as it is open: what one of them is about to write looks like the part of a piece that a
/// killed one left.
fn lock(file: &File) -> io::Result<()> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another process writes to it; give each a file of its own",
        )),
        // Some file systems have no locks.
        _ => Ok(()),
    }
}

impl Appended {
    /// Creates the value. It opens nothing yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            whole: None,
            open: None,
        }
    }

    /// Removes what is behind the last complete piece when the file is opened: a killed process has left it, and the next piece
    /// could not be read behind it.
    #[must_use]
    pub fn whole(mut self, find: FindEnd) -> Self {
        self.whole = Some(find);
        self
    }

    /// Opens the file. Returns true if it begins anew: at first, and after it was renamed, removed or emptied.
    ///
    /// # Errors
    /// `cannot open ..`, with the system's error.
    pub fn open(&mut self) -> io::Result<bool> {
        let opened = match &self.open {
            Some(open) => open.goes_on(&self.path),
            None => Ok(false),
        };
        let opened = opened.and_then(|goes_on| {
            if !goes_on {
                // An emptied file is the same one, and still locked.
                self.open = None;
                self.open = Some(Open::new(&self.path, self.whole)?);
            }
            Ok(!goes_on)
        });
        opened.map_err(|error| self.cannot("open", &error))
    }

    /// Appends a piece, completely or not at all, to the file that is open. It is opened if it is not. Only [`Appended::open`] notices a
    /// rotation, so that the caller knows whether its piece begins a file.
    ///
    /// # Errors
    /// `cannot open ..` or `cannot write to ..`, with the system's error.
    pub fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.open.is_none() {
            self.open()?;
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let mut rest = piece;
        let written = write_all(&open.file, &mut rest);
        if written.is_ok() {
            open.end = open.end.map(|end| end + piece.len() as u64);
        } else if !open.take_back((piece.len() - rest.len()) as u64) {
            self.open = None;
        }
        written.map_err(|error| self.cannot("write to", &error))
    }

    /// Writes everything to the disk.
    ///
    /// # Errors
    /// `cannot store ..`, with the system's error.
    pub fn close(&mut self) -> io::Result<()> {
        match &self.open.take() {
            // A pipe has no disk, and `/dev/null` refuses.
            Some(Open { file, end: Some(_) }) => file
                .sync_all()
                .map_err(|error| self.cannot("store", &error)),
            _ => Ok(()),
        }
    }

    fn cannot(&self, what: &str, error: &io::Error) -> io::Error {
        let path = self.path.display();
        io::Error::new(error.kind(), format!("cannot {what} `{path}`: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("mermin-appended-{name}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn rotated_file_is_created_again() {
        let folder = folder("rotated");
        let path = folder.join("a");
        let mut file = Appended::new(&path);
        let mut appended = String::new();
        for (step, anew) in [
            ("go on", true),
            ("go on", false),
            ("rename", true),
            ("remove", true),
            ("empty", true),
            ("go on", false),
        ] {
            match step {
                "rename" => fs::rename(&path, folder.join("b")).unwrap(),
                "remove" => fs::remove_file(&path).unwrap(),
                "empty" => fs::write(&path, "").unwrap(),
                _ => {}
            }
            assert_eq!(file.open().unwrap(), anew, "{step}");
            file.append(step.as_bytes()).unwrap();
            if anew {
                appended.clear();
            }
            appended += step;
            assert_eq!(fs::read_to_string(&path).unwrap(), appended);
        }
        file.close().unwrap();
        assert_eq!(fs::read_to_string(folder.join("b")).unwrap(), "go ongo on");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn part_of_a_piece_is_removed_from_a_file_that_was_emptied_too() {
        let folder = folder("emptied");
        let path = folder.join("a");
        for (emptied, wanted) in [(false, "whole"), (true, "")] {
            fs::write(&path, "").unwrap();
            let mut open = Open::new(&path, None).unwrap();
            open.end = Some(5);
            write_all(&open.file, &mut b"whole".as_slice()).unwrap();
            if emptied {
                fs::write(&path, "").unwrap();
            }
            // As long as the disk has room for it.
            write_all(&open.file, &mut b"longer than the piece before".as_slice()).unwrap();
            assert_eq!(open.take_back(28), !emptied);
            assert_eq!(fs::read_to_string(&path).unwrap(), wanted);
            open.end = None;
            assert!(open.take_back(1));
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn piece_goes_to_the_file_that_was_opened() {
        let folder = folder("opened");
        let (path, older) = (folder.join("a"), folder.join("b"));
        let mut file = Appended::new(&path);
        assert!(file.open().unwrap());
        fs::rename(&path, &older).unwrap();
        file.append(b"old").unwrap();
        assert!(file.open().unwrap());
        file.append(b"new").unwrap();
        assert_eq!(fs::read(&older).unwrap(), b"old");
        assert_eq!(fs::read(&path).unwrap(), b"new");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn torn_piece_is_removed_when_the_file_is_opened() {
        let folder = folder("torn");
        let path = folder.join("a");
        let even = |_: &File, length| Ok(length - length % 2);
        for torn in ["", "1", "12", "123"] {
            fs::write(&path, torn).unwrap();
            let mut file = Appended::new(&path).whole(even);
            file.append(b"ab").unwrap();
            let whole = &torn[..torn.len() / 2 * 2];
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{whole}ab"));
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn file_of_another_writer_is_refused() {
        let folder = folder("locked");
        let path = folder.join("a");
        let [mut one, mut other] =
            [(); 2].map(|()| Appended::new(&path).whole(|_, length| Ok(length / 4 * 4)));
        one.append(b"torn").unwrap();
        // The other is in the middle of a piece.
        fs::write(&path, "torn pie").unwrap();
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"c")
            .unwrap();
        let words = other.append(b"more").unwrap_err().to_string();
        assert!(words.contains("another process writes to it"), "{words}");
        assert_eq!(fs::read(&path).unwrap(), b"torn piec");
        one.close().unwrap();
        other.append(b"more").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"torn piemore");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn device_is_written_and_closed() {
        let mut file = Appended::new("/dev/null").whole(|_, _| panic!("a device has no end"));
        for _ in 0..2 {
            file.append(b"x").unwrap();
        }
        file.close().unwrap();
    }

    #[test]
    fn errors_name_the_file() {
        let folder = folder("errors");
        let mut file = Appended::new(&folder);
        let words = file.append(b"x").unwrap_err().to_string();
        assert!(words.starts_with("cannot open `/"), "{words}");
        let mut full = Appended::new("/dev/full");
        for _ in 0..2 {
            let words = full.append(b"x").unwrap_err().to_string();
            assert!(
                words.starts_with("cannot write to `/dev/full`: No space left on device"),
                "{words}"
            );
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
