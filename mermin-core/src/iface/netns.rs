//! Enters another network namespace, with errors an operator can act on.

use std::{
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, ErrorKind},
    probe::privilege::{self, CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN, CAP_SYS_PTRACE},
    sys::netns::{self, NetnsId},
};

/// The network namespace of the watched interfaces. A source watches one namespace; open several sources for several
/// namespaces.
///
/// ```
/// use mermin_core::{FlowSource, NetNs};
///
/// let names = ["blue", "green"];
/// let builders = names.map(|name| {
///     let path = format!("/run/netns/{name}");
///     FlowSource::builder().netns(NetNs::Path(path.into()))
/// });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetNs {
    /// The namespace of the thread that opens the source.
    #[default]
    Own,
    /// The host's namespace, which is that of process 1. A container also needs the host's process namespace
    /// (`hostPID`) and the capabilities `SYS_PTRACE` and `SYS_ADMIN`.
    Host,
    /// The namespace at a path, such as `/run/netns/<name>` or `/proc/<pid>/ns/net`. If the path disappears or leads
    /// to another namespace, the source closes its flows and ends with an error. The source polls the path, because
    /// its own reference keeps a deleted namespace alive.
    Path(PathBuf),
}

const OF_THE_HOST: &str = "/proc/1/ns/net";

/// A namespace at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entered {
    path: PathBuf,
    id: NetnsId,
}

impl NetNs {
    /// Moves the calling thread into the namespace, if it is not there already.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`] with the missing capability; [`ErrorKind::InvalidOption`] if the path does not
    /// exist or is not a network namespace.
    pub(crate) fn enter(&self) -> Result<Option<Entered>, Error> {
        let path = match self {
            Self::Own => return Ok(None),
            Self::Host => Path::new(OF_THE_HOST),
            Self::Path(path) => path,
        };
        let refused = |step| move |error| explain(path, step, error);
        let (namespace, id) = netns::open(path).map_err(refused(Step::Open))?;
        if *self == Self::Host
            && !netns::is_first_pid_namespace()
            && netns::current().is_ok_and(|own| own == id)
        {
            return Err(no_host_pid());
        }
        netns::enter(namespace.as_fd()).map_err(refused(Step::Enter))?;
        Ok(matches!(self, Self::Path(_)).then(|| Entered {
            path: path.to_owned(),
            id,
        }))
    }
}

impl Entered {
    /// Returns an error if the path no longer leads to the namespace. `None` if it still does, or if that is unknown.
    pub(crate) fn gone(&self) -> Option<Error> {
        let gone = match netns::at(&self.path) {
            Ok(id) => id != self.id,
            Err(error) => matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ),
        };
        gone.then(|| {
            let path = self.path.display();
            let message =
                format!("cannot go on: `{path}` no longer leads to the watched network namespace");
            Error::new(ErrorKind::NoInterface, message)
                .with_remedy("open another source when the path leads to the namespace again")
        })
    }
}

/// The step that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Open,
    Enter,
}

/// Process 1 belongs to this process's container, so its interfaces would be mistaken for the host's.
fn no_host_pid() -> Error {
    Error::new(
        ErrorKind::PermissionDenied,
        "cannot enter the host's network namespace: process 1 is not the host's, but this container's own",
    )
    .with_remedy(
        "share the host's process namespace: `hostPID: true` in the pod, `--pid=host` for docker; with `hostNetwork: true` \
         the host's interfaces are this process's own, and `NetNs::Own` sees them",
    )
}

fn explain(path: &Path, step: Step, error: io::Error) -> Error {
    let (kind, remedy) = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            let missing = [CAP_SYS_PTRACE, CAP_SYS_ADMIN]
                .map(|capability| privilege::lacks(capability).then_some(capability.0));
            let remedy = match closed(path).filter(|_| step == Step::Open) {
                Some(directory) => closed_to(directory, missing),
                None => denied(step, missing),
            };
            (ErrorKind::PermissionDenied, Some(remedy))
        }
        io::ErrorKind::NotFound => (ErrorKind::InvalidOption, Some(absent(path).to_owned())),
        io::ErrorKind::InvalidInput => (
            ErrorKind::InvalidOption,
            Some("give a file such as /run/netns/<name> or /proc/<pid>/ns/net".to_owned()),
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

/// Returns a hint for a path that does not exist.
fn absent(path: &Path) -> &'static str {
    if path.starts_with("/proc") {
        "see whether the process lives, and has that descriptor: `ls -l /proc/<pid>/ns /proc/<pid>/fd`; in a container it takes \
         `hostPID: true` to see those of the host, and a /proc that is not mounted with `hidepid`"
    } else {
        "list the names there are with `ip netns list`; their paths are /run/netns/<name>"
    }
}

/// Returns the directory on the path that the calling thread may not search.
fn closed(path: &Path) -> Option<&Path> {
    let is_refused = |path: &Path| {
        let found = path.symlink_metadata();
        found.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    };
    let outermost = path.ancestors().filter(|path| is_refused(path)).last()?;
    outermost.parent()
}

/// Returns the remedy for a directory that may not be searched. It also names the other missing capabilities, because
/// the next steps would be refused without them.
fn closed_to(directory: &Path, missing: [Option<&str>; 2]) -> String {
    let missing: Vec<&str> = [CAP_DAC_READ_SEARCH.0]
        .into_iter()
        .chain(missing.into_iter().flatten())
        .collect();
    format!(
        "`{}` may not be searched: run as its owner or as root, or give the process {}",
        directory.display(),
        missing.join(" and ")
    )
}

/// Returns the remedy for a refused step, with only the missing capabilities. Opening takes `CAP_SYS_PTRACE`, entering
/// `CAP_SYS_ADMIN`. A remedy for opening also names `CAP_SYS_ADMIN` if that is missing, because entering would be
/// refused next.
fn denied(step: Step, [ptrace, admin]: [Option<&str>; 2]) -> String {
    let missing: Vec<&str> = match step {
        Step::Open => ptrace.into_iter().chain(admin).collect(),
        Step::Enter => admin.into_iter().collect(),
    };
    let grants = missing.join(" and ");
    match (step, ptrace.is_some() || step == Step::Enter, missing.is_empty()) {
        (_, true, false) => format!("give the process {grants}"),
        (Step::Open, false, _) => {
            "the capability for it is there: the process at the path is of a user namespace above this one, or a security \
             module denies looking into it (apparmor, yama); run outside of that container"
                .to_owned()
        }
        _ => "the capability for it is there, but not in the user namespace that owns the network namespace: run outside \
              of that container, or have seccomp allow setns(2)"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

    use super::*;

    fn refused(path: &str) -> Error {
        NetNs::Path(path.into()).enter().unwrap_err()
    }

    #[test]
    fn path_that_is_no_namespace_is_an_invalid_option() {
        for path in ["/run/netns/does-not-exist", "/proc/self/status"] {
            let error = refused(path);
            assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error:?}");
            assert!(error.to_string().contains(path));
            assert!(error.remedy().is_some());
        }
    }

    #[test]
    fn remedy_names_what_is_missing_and_no_more() {
        let (ptrace, admin) = (Some("CAP_SYS_PTRACE"), Some("CAP_SYS_ADMIN"));
        for (step, missing, expected) in [
            (
                Step::Open,
                [ptrace, None],
                "give the process CAP_SYS_PTRACE",
            ),
            (
                Step::Open,
                [ptrace, admin],
                "give the process CAP_SYS_PTRACE and CAP_SYS_ADMIN",
            ),
            (Step::Open, [None, admin], "the capability for it is there"),
            (Step::Open, [None, None], "the capability for it is there"),
            (
                Step::Enter,
                [ptrace, admin],
                "give the process CAP_SYS_ADMIN",
            ),
            (Step::Enter, [None, admin], "give the process CAP_SYS_ADMIN"),
            (
                Step::Enter,
                [ptrace, None],
                "the capability for it is there",
            ),
        ] {
            let found = denied(step, missing);
            assert!(found.starts_with(expected), "{step:?} {missing:?}: {found}");
            assert_eq!(found.contains("PTRACE"), expected.contains("PTRACE"));
        }
    }

    #[test]
    fn error_names_missing_capabilities_of_a_thread() {
        // Capabilities belong to the thread, and this thread ends with the test.
        let none = CapabilitySet::empty();
        let sets = CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        };
        set_capabilities(None, sets).unwrap();
        let error = refused("/proc/thread-self/ns/net");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        assert_eq!(error.remedy(), Some("give the process CAP_SYS_ADMIN"));
    }

    #[test]
    fn missing_namespace_path_has_a_matching_remedy() {
        for (path, remedy) in [
            ("/run/netns/does-not-exist", "`ip netns list`"),
            ("/proc/0/ns/net", "`hostPID: true`"),
            ("/proc/self/fd/999999", "/proc/<pid>/fd"),
        ] {
            let error = refused(path);
            assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error:?}");
            assert!(error.remedy().unwrap().contains(remedy), "{error:?}");
        }
    }

    /// Only the owner may search the directory of a process's descriptors.
    #[test]
    fn inaccessible_directory_is_named() {
        use std::os::unix::process::CommandExt;
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root can start a process of somebody else's");
            assert!(std::env::var_os("MERMIN_REQUIRE_KERNEL").is_none());
            return;
        }
        let mut other = std::process::Command::new("sleep")
            .arg("600")
            .uid(65_534)
            .spawn()
            .unwrap();
        let directory = format!("/proc/{}/fd", other.id());
        let path = format!("{directory}/0");
        // Capabilities belong to the thread, and this thread ends with the attempt.
        let attempt = std::thread::spawn({
            let path = path.clone();
            move || {
                let kept = CapabilitySet::SYS_PTRACE;
                let sets = CapabilitySets {
                    effective: kept,
                    permitted: kept,
                    inheritable: CapabilitySet::empty(),
                };
                set_capabilities(None, sets).unwrap();
                refused(&path)
            }
        });
        let error = attempt.join();
        other.kill().unwrap();
        other.wait().unwrap();
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        assert!(error.to_string().contains(&path));
        assert_eq!(
            error.remedy().unwrap(),
            format!(
                "`{directory}` may not be searched: run as its owner or as root, or give the process CAP_DAC_READ_SEARCH and \
                 CAP_SYS_ADMIN"
            )
        );
    }

    #[test]
    fn path_that_no_longer_leads_to_the_namespace_is_an_error() {
        let path = PathBuf::from("/proc/thread-self/ns/net");
        let id = netns::at(&path).unwrap();
        let here = Entered { path, id };
        assert!(here.gone().is_none());
        let other = NetnsId {
            inode: id.inode + 1,
            ..id
        };
        assert!(
            Entered {
                id: other,
                ..here.clone()
            }
            .gone()
            .is_some()
        );
        let path = PathBuf::from("/run/netns/does-not-exist");
        let error = Entered { path, ..here }.gone().unwrap();
        assert_eq!(
            error.to_string(),
            "cannot go on: `/run/netns/does-not-exist` no longer leads to the watched network namespace"
        );
    }
}
