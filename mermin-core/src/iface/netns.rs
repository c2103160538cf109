//! Entering another network namespace, with errors an operator can act on.

use std::{io, path::Path};

use crate::{
    error::{Error, ErrorKind},
    sys::netns::{self, NetnsId},
};

/// Moves the calling thread into the network namespace at `path`, and says which one that is.
///
/// # Errors
/// [`ErrorKind::PermissionDenied`] without `CAP_SYS_ADMIN`, [`ErrorKind::InvalidOption`] where `path` is not there or
/// not a network namespace.
pub(crate) fn enter(path: &Path) -> Result<NetnsId, Error> {
    netns::enter_path(path).map_err(|error| explain(path, error))?;
    netns::current().map_err(|error| {
        Error::new(ErrorKind::System, "cannot identify the network namespace").with_source(error)
    })
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
