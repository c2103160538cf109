//! Why nothing can be pinned, in words.

use std::{io, path::Path};

/// Why nothing can be pinned, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) cause: String,
    pub(crate) remedy: String,
}

/// The path is not there, or something else is.
pub(crate) fn no_bpffs(path: &Path, error: Option<&io::Error>) -> Trouble {
    let at = path.display();
    let cause = match error {
        Some(error) => format!("there is no BPF file system at `{at}`: {error}"),
        None => format!("what is at `{at}` is no BPF file system"),
    };
    Trouble {
        cause,
        remedy: format!(
            "mount one, `mount -t bpf bpf {at}`; in a container, mount the host's there"
        ),
    }
}

/// A step was refused.
pub(crate) fn refused(step: &str, path: &Path, error: &io::Error) -> Trouble {
    let at = path.display();
    let remedy = match error.raw_os_error() {
        Some(libc::EROFS) => {
            "remount it, `mount -o remount,rw`; in a container, mount it without `readOnly`".to_owned()
        }
        Some(libc::EACCES | libc::EPERM) => {
            "let the process write there: run as root, or have the directory made for its user".to_owned()
        }
        Some(libc::ENOSPC | libc::EDQUOT | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => {
            "make room: raise the memory limit of the control group, and remove pins that nobody needs".to_owned()
        }
        _ => "see the cause".to_owned(),
    };
    Trouble {
        cause: format!("cannot {step} `{at}`: {error}"),
        remedy,
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
            let trouble = refused("make", path, &error);
            assert!(trouble.remedy.contains(word), "{trouble:?}");
            assert!(
                trouble
                    .cause
                    .starts_with("cannot make `/sys/fs/bpf/mermin/a`: "),
                "{trouble:?}"
            );
        }
        assert!(no_bpffs(path, None).remedy.contains("mount -t bpf"));
    }
}
