//! Source of a capture: a file or a reader.

use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::pipe::{Pipe, Ready};
use crate::{
    error::{Error, ErrorKind},
    source::control::Control,
};

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

    /// Name in errors.
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

    /// Opens the file, or takes the reader. A thread of its own reads an input that may be silent for long.
    pub(super) fn open(self, control: &Arc<Control>) -> Result<(Reader, Option<Ready>), Error> {
        let reader = match self {
            Self::Path(path) => match file(&path) {
                Ok((file, true)) => return Ok((Box::new(file), None)),
                Ok((file, false)) => Box::new(file),
                Err(error) => return Err(unopened(&path, error)),
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
                })?,
        };
        let pipe = Pipe::start(reader, control).map_err(|error| {
            Error::new(
                ErrorKind::Exhausted,
                "cannot start the thread that calls the reader",
            )
            .with_source(error)
        })?;
        let ready = pipe.ready();
        Ok((Box::new(pipe), Some(ready)))
    }
}

/// Opens a file, and returns if it is a regular one. A directory is an error: the kernel opens it too, and then refuses
/// to read it.
fn file(path: &Path) -> io::Result<(File, bool)> {
    let file = File::open(path)?;
    let kind = file.metadata()?;
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok((file, kind.is_file()))
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

/// A reader equals only itself.
impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Path(one), Self::Path(other)) => one == other,
            (Self::Reader(one), Self::Reader(other)) => Arc::ptr_eq(one, other),
            (Self::Path(_), Self::Reader(_)) | (Self::Reader(_), Self::Path(_)) => false,
        }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Reader(_) => f.write_str("Reader"),
        }
    }
}
