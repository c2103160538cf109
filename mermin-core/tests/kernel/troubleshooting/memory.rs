//! A table that does not fit into the control group's limit: version 1 or 2, whichever has the memory controller.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{self, Command},
};

use mermin_core::report::Feature;

use super::{Symptom, open, preflight, row, words};
use crate::support::{
    child_process::{ChildProcess, Task},
    host::Host,
    raw,
    skip::skip,
    watch::on,
};

pub(super) const ROWS: &[Symptom] = &[row!(
    "`of the control group's` .. `are left`",
    symptom_memory_limit
)];

pub(super) const TASKS: &[Task] = &[("in-group", in_group)];

const ROOT: &str = "/sys/fs/cgroup";
const MIB: u64 = 1 << 20;

/// A group with a limit, removed with the test.
struct Group {
    path: PathBuf,
    version: u8,
}

impl Group {
    /// Makes one of 128 MiB where the controller is.
    fn new() -> io::Result<Self> {
        let first = Path::new(ROOT).join("memory");
        let (parent, version, file) = if first.join("memory.limit_in_bytes").exists() {
            (first, 1, "memory.limit_in_bytes")
        } else {
            mount_version_2()?;
            (PathBuf::from(ROOT), 2, "memory.max")
        };
        let path = parent.join(format!("mermin-test-{}", process::id()));
        fs::create_dir(&path)?;
        let group = Self { path, version };
        fs::write(group.path.join(file), (128 * MIB).to_string())?;
        Ok(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
    }
}

/// For the calling thread, and the processes it starts, alone, should no one have mounted it.
fn mount_version_2() -> io::Result<()> {
    let controllers = Path::new(ROOT).join("cgroup.controllers");
    if !controllers.exists() {
        raw::unshare_mounts()?;
        for line in ["--make-rprivate /", "-t cgroup2 none /sys/fs/cgroup"] {
            let status = Command::new("mount").args(line.split(' ')).status()?;
            if !status.success() {
                return Err(io::Error::other(format!("mount {line}: {status}")));
            }
        }
    }
    if !fs::read_to_string(&controllers)?.contains("memory") {
        return Err(io::Error::other("no hierarchy has the memory controller"));
    }
    fs::write(Path::new(ROOT).join("cgroup.subtree_control"), "+memory")
}

/// Enters a group and asks there.
fn in_group(path: &str) -> String {
    fs::write(Path::new(path).join("cgroup.procs"), "0").unwrap();
    let [fits, does_not] = [1 << 10, 1 << 20].map(|flows| preflight(&on("lo").max_flows(flows)));
    assert!(fits.can_capture(), "{fits:#?}");
    assert!(!does_not.can_capture(), "{does_not:#?}");
    // `open` says so as well, and the process is not killed for it.
    let opened = open(on("lo").max_flows(1 << 20));
    assert!(opened.contains("cannot make room for flows"), "{opened}");
    let opened = open(on("lo").max_flows(1 << 10));
    assert!(!opened.contains("cannot"), "{opened}");
    // It has room for the flows, and not for their analysis.
    let analysed = || on("lo").max_flows(100_000).tcp_analysis(true);
    let report = preflight(&analysed());
    assert!(report.can_capture(), "{report:#?}");
    let less: Vec<_> = report.degradations.iter().map(|it| it.feature).collect();
    assert!(less.contains(&Feature::TcpAnalysis), "{report:#?}");
    let opened = open(analysed());
    assert!(opened.contains("TCP is not analysed"), "{opened}");
    let report = preflight(&analysed().strict(true));
    assert!(!report.can_capture(), "{report:#?}");
    words(&does_not)
}

fn symptom_memory_limit() -> String {
    let (said, version) = Host::new().run(|| {
        let group = Group::new().unwrap_or_else(|error| {
            skip(format!("no control group for memory can be made: {error}"));
        });
        let child = ChildProcess::start(&format!("in-group {}", group.path.display()));
        (child.rest(), group.version)
    });
    let limit = "of the control group's 128 MiB only ";
    assert!(said.contains(limit), "version {version}: {said}");
    assert!(said.contains("raise the memory limit by "), "{said}");
    said
}
