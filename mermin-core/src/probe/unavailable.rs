//! Texts about missing features that have a fallback, the same in `preflight` and in the report of a source.

use std::{borrow::Cow, io, path::Path};

use crate::sys::netlink::errno;

/// A cause and its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unavailable {
    pub(crate) cause: Cow<'static, str>,
    pub(crate) remedy: Cow<'static, str>,
}

/// Describes missing TCX.
pub(crate) fn no_tcx(refusal: &io::Error) -> Unavailable {
    let (what, remedy) = match errno(refusal) {
        Some(libc::EMFILE | libc::ENFILE) => (
            "no file descriptor is left for a TCX link",
            "raise the limit, which takes two for each interface: `ulimit -n 65536`",
        ),
        Some(libc::ERANGE) => (
            "a hook has no room for another TCX program",
            "see who is there: `bpftool net`",
        ),
        _ => ("the kernel refuses TCX", "run Linux 6.6 or newer"),
    };
    Unavailable {
        cause: format!("{what}: {refusal}").into(),
        remedy: remedy.into(),
    }
}

/// Describes missing grace periods by membarrier(2).
pub(crate) fn no_membarrier() -> Unavailable {
    Unavailable {
        cause: "the kernel does not offer MEMBARRIER_CMD_GLOBAL (nohz_full, or seccomp)".into(),
        remedy: "allow membarrier(2) in the seccomp profile".into(),
    }
}

/// Describes a path that does not exist or is no BPF file system.
pub(crate) fn no_bpffs(path: &Path, error: Option<&io::Error>) -> Unavailable {
    let at = path.display();
    let cause = match error {
        Some(error) => format!("there is no BPF file system at `{at}`: {error}"),
        None => format!("what is at `{at}` is no BPF file system"),
    };
    let remedy =
        format!("mount one, `mount -t bpf bpf {at}`; in a container, mount the host's there");
    Unavailable {
        cause: cause.into(),
        remedy: remedy.into(),
    }
}

/// Describes a refused step.
pub(crate) fn refused(step: &str, path: &Path, error: &io::Error) -> Unavailable {
    let at = path.display();
    let remedy = match error.raw_os_error() {
        Some(libc::EROFS) => {
            "remount it, `mount -o remount,rw`; in a container, mount it without `readOnly`"
        }
        Some(libc::EACCES | libc::EPERM) => {
            "let the process write there: run as root, or have the directory made for its user"
        }
        Some(libc::ENOSPC | libc::EDQUOT | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => {
            "make room: raise the memory limit of the control group, and remove pins that nobody needs"
        }
        _ => "see the cause",
    };
    Unavailable {
        cause: format!("cannot {step} `{at}`: {error}").into(),
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_remedy() {
        let path = Path::new("/sys/fs/bpf/mermin/a");
        for (errno, word) in [
            (libc::EROFS, "remount"),
            (libc::EACCES, "root"),
            (libc::EPERM, "root"),
            (libc::ENOSPC, "room"),
            (libc::ENOMEM, "memory limit"),
        ] {
            let error = io::Error::from_raw_os_error(errno);
            let unavailable = refused("make", path, &error);
            assert!(unavailable.remedy.contains(word), "{unavailable:?}");
            assert!(
                unavailable
                    .cause
                    .starts_with("cannot make `/sys/fs/bpf/mermin/a`: "),
                "{unavailable:?}"
            );
        }
        assert!(no_bpffs(path, None).remedy.contains("mount -t bpf"));
    }
}
