//! Hosts where nothing can be pinned: a degradation, and an error under `strict`.

use std::{fs, os::unix::fs::chown, path::Path};

use mermin_core::{Attach, ErrorKind, FlowSourceBuilder, Pinning};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};

use super::instance_name;
use crate::support::{
    frame,
    host::Pair,
    raw,
    traffic::Injector,
    wait::{LONGEST, within},
    watch::{Watch, on},
};

crate::cases! {
    case unpinned_missing_bpffs_is_named,
    case unpinned_other_file_system_is_named,
    case unpinned_read_only_bpffs_is_named,
    case unpinned_full_bpffs_is_named,
    case unpinned_foreign_directory_is_named,
}

fn options(bpffs: &Path) -> FlowSourceBuilder {
    on("v0")
        .attach(Attach::Auto)
        .pinning(Pinning::instance(instance_name()).bpffs(bpffs))
}

fn unpinned_missing_bpffs_is_named() {
    let refused = Refused::find(Path::new("/nowhere/bpf"), &|| {});
    assert_eq!(
        refused.cause,
        "there is no BPF file system at `/nowhere/bpf`: No such file or directory (os error 2)"
    );
    assert_eq!(
        refused.remedy,
        "mount one, `mount -t bpf bpf /nowhere/bpf`; in a container, mount the host's there"
    );
}

fn unpinned_other_file_system_is_named() {
    let refused = Refused::find(Path::new("/proc"), &|| {});
    assert_eq!(refused.cause, "what is at `/proc` is no BPF file system");
    assert!(
        refused.remedy.starts_with("mount one, "),
        "{}",
        refused.remedy
    );
}

/// Mounts one of its own for the calling thread.
pub(super) fn mount(at: &Path, options: &str) {
    raw::unshare_mounts().unwrap();
    for line in [
        "mount --make-rprivate /".to_owned(),
        format!("mount -t bpf -o {options} bpf {}", at.display()),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let status = std::process::Command::new(words[0])
            .args(&words[1..])
            .status();
        assert!(status.unwrap().success(), "{line}");
    }
}

/// An empty directory that goes with the test.
struct Directory(std::path::PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(instance_name());
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

fn unpinned_read_only_bpffs_is_named() {
    let at = Directory::new();
    let shown = at.0.display().to_string();
    // The name of the instance is another each time.
    let refused = Refused::find(&at.0, &|| mount(&at.0, "ro"));
    assert!(
        refused
            .cause
            .starts_with(&format!("cannot make and lock `{shown}/mermin/test-"))
    );
    assert!(
        refused
            .cause
            .ends_with("`: Read-only file system (os error 30)"),
        "{}",
        refused.cause
    );
    assert_eq!(
        refused.remedy,
        "remount it, `mount -o remount,rw`; in a container, mount it without `readOnly`"
    );
}

fn unpinned_full_bpffs_is_named() {
    let refused = Refused::find(Path::new("/sys/fs/bpf"), &raw::fill_up);
    assert!(
        refused
            .cause
            .ends_with("`: No space left on device (os error 28)"),
        "{}",
        refused.cause
    );
    assert!(
        refused.remedy.starts_with("make room: "),
        "{}",
        refused.remedy
    );
}

fn unpinned_foreign_directory_is_named() {
    let at = Directory::new();
    let refused = Refused::find(&at.0, &|| {
        mount(&at.0, "mode=0755");
        let mermin = at.0.join("mermin");
        fs::create_dir(&mermin).unwrap();
        chown(&mermin, Some(1234), Some(1234)).unwrap();
        let capabilities = CapabilitySet::NET_ADMIN | CapabilitySet::BPF | CapabilitySet::PERFMON;
        set_capabilities(
            None,
            CapabilitySets {
                effective: capabilities,
                permitted: capabilities,
                inheritable: CapabilitySet::empty(),
            },
        )
        .unwrap();
    });
    assert!(
        refused
            .cause
            .ends_with("`: Permission denied (os error 13)"),
        "{}",
        refused.cause
    );
    assert!(
        refused.remedy.starts_with("let the process write there: "),
        "{}",
        refused.remedy
    );
}

/// Words of a source that goes on unpinned.
struct Refused {
    cause: String,
    remedy: String,
}

impl Refused {
    /// Opens with a BPF file system at this path, in a thread that `prepare` has put somewhere: it must work, say why it is
    /// not pinned, and fail under `strict`.
    fn find(bpffs: &Path, prepare: &(dyn Fn() + Sync)) -> Self {
        let pair = Pair::new();
        let open = |options: FlowSourceBuilder| {
            pair.near.run(|| {
                prepare();
                within(LONGEST, options.open()).expect("opening hangs")
            })
        };
        let source = open(options(bpffs)).unwrap();
        let report = source.report();
        let [said] = &report.degradations[..] else {
            panic!("{report}");
        };
        let refused = Self {
            cause: said.cause.to_string(),
            remedy: said.remedy.to_string(),
        };
        assert!(said.fallback.contains("not pinned"), "{said}");
        let watch = Watch::new(source);
        Injector::new(&pair.near, "v0").send(&frame::numbered(1));
        assert_eq!(watch.finish().packets, 1);
        let error = open(options(bpffs).strict(true)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        refused
    }
}
