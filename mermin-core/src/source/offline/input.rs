//! Where a capture comes from.

use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::error::{Error, ErrorKind};

type Reader = Box<dyn io::Read + Send>;

/// A file, or a reader that the first `open` takes.
#[derive(Clone)]
pub(in crate::source) enum Input {
    Path(PathBuf),
    Reader(Arc<Mutex<Option<Reader>>>),
}

impl Input {
    pub(in crate::source) fn reader(reader: impl io::Read + Send + 'static) -> Self {
        Self::Reader(Arc::new(Mutex::new(Some(Box::new(reader)))))
    }

    /// As errors call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Path(path) => format!("`{}`", path.display()),
            Self::Reader(_) => "the capture".to_owned(),
        }
    }

    pub(super) fn path(&self) -> Option<Arc<Path>> {
        match self {
            Self::Path(path) => Some(Arc::from(path.as_path())),
            Self::Reader(_) => None,
        }
    }

    /// Opens the file, or takes the reader.
    pub(super) fn open(self) -> Result<Reader, Error> {
        match self {
            Self::Path(path) => match file(&path) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) => Err(unopened(&path, error)),
            },
            Self::Reader(reader) => reader
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
                .ok_or_else(|| {
                    Error::new(
                        ErrorKind::InvalidOption,
                        "cannot read the capture again: its reader was taken when it was first opened",
                    )
                    .with_remedy("give each source a reader of its own by `pcap_reader`")
                }),
        }
    }
}

/// Opens a file. The kernel opens a directory as well, and refuses to read it.
fn file(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(file)
}

fn unopened(path: &Path, error: io::Error) -> Error {
    let (kind, remedy) = match error.kind() {
        io::ErrorKind::PermissionDenied => (
            ErrorKind::PermissionDenied,
            format!("allow reading it: `chmod +r {}`", path.display()),
        ),
        io::ErrorKind::IsADirectory => (ErrorKind::System, "name a file in it".to_owned()),
        _ => (
            ErrorKind::System,
            format!("compare the path with `ls -l {}`", path.display()),
        ),
    };
    Error::new(kind, format!("cannot open `{}`", path.display()))
        .with_remedy(remedy)
        .with_source(error)
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Reader(_) => f.write_str("Reader"),
        }
    }
}
