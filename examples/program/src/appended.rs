//! A file for complete pieces.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek as _, SeekFrom, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Appends complete pieces to a file. If a full disk truncates a piece, it is removed. If the file was renamed,
/// removed or emptied, as `logrotate` does, a new one begins under its name.
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
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// End of the last complete piece. `None` for a pipe, a terminal or `/dev/null`, from which nothing can be removed.
    end: Option<u64>,
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let end = if file.metadata()?.is_file() {
            Some(file.seek(SeekFrom::End(0))?)
        } else {
            None
        };
        Ok(Self { file, end })
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

impl Appended {
    /// Creates the value. It opens nothing yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { path, open: None }
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
                self.open = Some(Open::new(&self.path)?);
            }
            Ok(!goes_on)
        });
        opened.map_err(|error| self.cannot("open", &error))
    }

    /// Appends a piece, completely or not at all.
    ///
    /// # Errors
    /// `cannot open ..` or `cannot write to ..`, with the system's error.
    pub fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.open()?;
        let Some(Open { file, end }) = &mut self.open else {
            return Ok(());
        };
        let written = file.write_all(piece);
        match (&written, end) {
            (_, None) => {}
            (Ok(()), Some(end)) => *end += piece.len() as u64,
            // If truncating fails too, the next opening detects it.
            (Err(_), Some(end)) => {
                if file.set_len(*end).is_err() {
                    self.open = None;
                }
            }
        }
        written.map_err(|error| self.cannot("write to", &error))
    }

    /// Writes everything to the disk.
    ///
    /// # Errors
    /// `cannot store ..`, with the system's error.
    pub fn close(&mut self) -> io::Result<()> {
        match self.open.take() {
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
    fn device_is_written_and_closed() {
        let mut file = Appended::new("/dev/null");
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
