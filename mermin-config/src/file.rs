//! Reads a configuration file. No kind of file can block the reader forever.

use std::{
    fs::{File, FileType, OpenOptions},
    io::{self, ErrorKind, Read as _},
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    io::retry_on_intr,
};

use crate::{
    Error,
    diagnostic::Problem,
    text::{Source, limits},
};

/// Longest silence of a pipe, such as that of `--config <(command)`.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kinds of files that may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Regular files, which can be read again.
    Files,
    /// Also pipes, which can be read once.
    Pipes,
}

/// Returns the contents of a file, up to the size limit.
///
/// # Errors
/// The reason why it cannot be read.
pub(crate) fn read(path: &Path, allowed: Allowed) -> Result<Vec<u8>, Error> {
    octets(path, allowed).map_err(|error| unreadable(path, error))
}

fn octets(path: &Path, allowed: Allowed) -> io::Result<Vec<u8>> {
    // Otherwise, opening a pipe without a writer would block, and a terminal could become this process's controlling
    // terminal.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|error| socket(path).unwrap_or(error))?;
    let kind = file.metadata()?.file_type();
    if kind.is_fifo() && allowed == Allowed::Pipes {
        return from_pipe(file);
    }
    if let Some(word) = word(kind) {
        return Err(io::Error::new(ErrorKind::InvalidInput, word));
    }
    // One octet more than the limit, to detect a file that is too large.
    let mut octets = Vec::new();
    file.take(most() + 1).read_to_end(&mut octets)?;
    Ok(octets)
}

fn most() -> u64 {
    u64::try_from(limits::MOST_OCTETS).unwrap_or(u64::MAX)
}

/// Returns an error for a socket. The kernel would only say that there is no such device.
fn socket(path: &Path) -> Option<io::Error> {
    let kind = path.metadata().ok()?.file_type();
    kind.is_socket()
        .then(|| io::Error::new(ErrorKind::InvalidInput, "it is a socket"))
}

/// Returns the word for a kind that is not a regular file.
fn word(kind: FileType) -> Option<&'static str> {
    if kind.is_fifo() {
        Some("it is a pipe")
    } else if kind.is_char_device() || kind.is_block_device() {
        Some("it is a device")
    } else {
        // For a directory, the read returns the kernel's error.
        None
    }
}

/// Reads a pipe until its writers have closed it.
fn from_pipe(mut pipe: File) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    let mut part = [0; 4_096];
    let mut heard = Instant::now();
    while octets.len() as u64 <= most() {
        let left = PATIENCE.saturating_sub(heard.elapsed());
        let until = Timespec::try_from(left).ok();
        let mut fds = [PollFd::new(&pipe, PollFlags::IN)];
        if retry_on_intr(|| poll(&mut fds, until.as_ref()))? == 0 {
            return Err(io::Error::new(
                ErrorKind::TimedOut,
                "it is a pipe, and nobody writes to it",
            ));
        }
        match pipe.read(&mut part) {
            Ok(0) => break,
            Ok(count) => octets.extend_from_slice(&part[..count]),
            Err(error)
                if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        }
        heard = Instant::now();
    }
    Ok(octets)
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    let hint = match error.kind() {
        ErrorKind::IsADirectory => Some("name the file in it"),
        ErrorKind::NotFound => {
            Some("check the path; a relative one begins in the working directory")
        }
        ErrorKind::PermissionDenied => {
            Some("let the user of this process read it, and search its directories")
        }
        ErrorKind::InvalidInput => {
            Some("name a file; one that is empty, as of `touch FILE`, has all defaults")
        }
        ErrorKind::TimedOut => Some("name a file, or start what writes to the pipe first"),
        _ => None,
    };
    let problem = Problem::whole(format!("cannot read the file: {error}"));
    let problem = match hint {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    };
    let source = Source {
        name: path.to_string_lossy().into_owned(),
        text: String::new(),
    };
    Error::system(problem.locate(&source), error)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, os::unix::net::UnixListener, path::PathBuf, thread};

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    struct Directory(PathBuf);

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn directory(name: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("mermin-file-{}-{name}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    fn refused(path: &Path, allowed: Allowed) -> String {
        read(path, allowed).unwrap_err().to_string()
    }

    #[test]
    fn path_that_is_no_file_is_named_at_once() {
        let directory = directory("kinds");
        let (pipe, socket) = (directory.0.join("pipe"), directory.0.join("socket"));
        mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        let _listener = UnixListener::bind(&socket).unwrap();
        let began = Instant::now();
        for (path, words) in [
            (pipe.as_path(), "it is a pipe"),
            (&socket, "it is a socket"),
            (&directory.0, "Is a directory"),
            (Path::new("/dev/zero"), "it is a device"),
            (Path::new("/dev/null"), "it is a device"),
            (Path::new("/dev/ptmx"), "it is a device"),
        ] {
            let said = refused(path, Allowed::Files);
            assert!(said.contains(words) && said.contains("hint: "), "{said}");
        }
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    }

    #[test]
    fn pipe_is_not_waited_for_without_end() {
        let directory = directory("pipe");
        let pipe = directory.0.join("pipe");
        mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        let text = "# long\n".repeat(20_000);
        let writer = thread::spawn({
            let (pipe, text) = (pipe.clone(), text.clone());
            move || {
                let mut pipe = OpenOptions::new().write(true).open(pipe).unwrap();
                pipe.write_all(text.as_bytes()).unwrap();
            }
        });
        assert_eq!(read(&pipe, Allowed::Pipes).unwrap(), text.as_bytes());
        writer.join().unwrap();
        let began = Instant::now();
        assert!(refused(&pipe, Allowed::Pipes).contains("nobody writes"));
        assert!(began.elapsed() < 4 * PATIENCE, "{:?}", began.elapsed());
    }
}
