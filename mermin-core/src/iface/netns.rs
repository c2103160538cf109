//! Entering another network namespace, with errors an operator can act on.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, ErrorKind},
    sys::netns,
};

/// Whose interfaces are watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetNs {
    /// Those of the network namespace of the thread that opens the source.
    #[default]
    Own,
    /// Those of the host: of process 1, so a container needs the host's process namespace (`hostPID`) too.
    Host,
    /// Those of the namespace at a path, such as `/run/netns/<name>` or `/proc/<pid>/ns/net`.
    Path(PathBuf),
}

impl NetNs {
    /// Moves the calling thread there, if it is not there already.
    ///
    /// # Errors
    /// As [`enter`].
    pub(crate) fn enter(&self) -> Result<(), Error> {
        match self {
            Self::Own => Ok(()),
            Self::Host => enter(Path::new("/proc/1/ns/net")),
            Self::Path(path) => enter(path),
        }
    }
}

/// Moves the calling thread into the network namespace at `path`.
///
/// # Errors
/// [`ErrorKind::PermissionDenied`] without `CAP_SYS_ADMIN`, [`ErrorKind::InvalidOption`] where `path` is not there or
/// not a network namespace.
fn enter(path: &Path) -> Result<(), Error> {
    netns::enter_path(path).map_err(|error| explain(path, error))
}

fn explain(path: &Path, error: io::Error) -> Error {
    let (kind, remedy) = match error.kind() {
        io::ErrorKind::PermissionDenied => (
            ErrorKind::PermissionDenied,
            Some(
                "give the process CAP_SYS_ADMIN, and CAP_SYS_PTRACE for a path under /proc of another process",
            ),
        ),
        io::ErrorKind::NotFound => (
            ErrorKind::InvalidOption,
            Some(
                "list the names there are with `ip netns list`; their paths are /run/netns/<name>",
            ),
        ),
        io::ErrorKind::InvalidInput => (
            ErrorKind::InvalidOption,
            Some("give a file such as /run/netns/<name> or /proc/<pid>/ns/net"),
        ),
        _ => (ErrorKind::System, None),
    };
    let message = format!("cannot enter the network namespace `{}`", path.display());
    let explained = Error::new(kind, message).with_source(error);
    match remedy {
        Some(remedy) => explained.with_remedy(remedy),
        None => explained,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_no_namespace_is_the_options_fault() {
        for path in ["/run/netns/does-not-exist", "/proc/self/status"] {
            let error = enter(Path::new(path)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error:?}");
            assert!(error.to_string().contains(path));
            assert!(error.remedy().is_some());
        }
    }
}
