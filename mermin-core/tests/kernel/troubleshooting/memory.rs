//! A table that does not fit into the control group's limit: version 1 or 2, whichever has the memory controller.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{self, Command},
};

use mermin_core::report::{Feature, Report};

use super::{Symptom, open, preflight, row, words};
use crate::support::{
    child_process::{ChildProcess, Task},
    host::Host,
    raw,
    skip::skip,
    wait::{LONGEST, until_true, within},
    watch::{on, shut},
};

pub(super) const ROWS: &[Symptom] = &[row!(
    "`of the control group's` .. `are left`",
    symptom_memory_limit
)];

pub(super) const TASKS: &[Task] = &[("in-group", in_group)];

const ROOT: &str = "/sys/fs/cgroup";
const MIB: u64 = 1 << 20;
const OF_TCP: [Feature; 2] = [Feature::TcpSockets, Feature::TcpAnalysis];

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
    less_is_given_up_where_all_has_no_room();
    words(&does_not)
}

/// The kernel's values of sockets go where that makes room, and else the analysis of TCP. `open` and `preflight` agree.
fn less_is_given_up_where_all_has_no_room() {
    const LOADING: u64 = 24 * MIB;
    let all = |flows| {
        let options = on("lo").max_flows(flows);
        options.tcp_analysis(true).tcp_sockets(true)
    };
    let rows = |report: &Report| -> Vec<Feature> {
        let rows = report.degradations.iter().map(|row| row.feature);
        rows.filter(|feature| OF_TCP.contains(feature)).collect()
    };
    let foreseen = |flows| {
        let report = preflight(&all(flows));
        assert!(report.can_capture(), "{report:#?}");
        rows(&report)
    };
    assert_eq!(foreseen(1 << 10), []);
    // A flow takes 600 octets, 1,240 with the analysis, 1,272 with the values as well.
    let many = 120_000;
    assert_eq!(foreseen(many), [Feature::TcpAnalysis]);
    let source = within(LONGEST, all(many).open()).unwrap().unwrap();
    assert_eq!(rows(&source.report()), [Feature::TcpAnalysis]);
    shut(source);
    // The memory that is left is not quite the same each time: no room at all may be left for what had some a moment before.
    until_true("room without the values of sockets alone", || {
        let said = words(&preflight(&on("lo").max_flows(1)));
        let (_, left) = said.split_once("loading included, of ").unwrap();
        let left: u64 = left.split(' ').next().unwrap().parse().unwrap();
        let flows = ((left * MIB) + MIB / 2 - LOADING) / 1_256;
        let report = preflight(&all(u32::try_from(flows).unwrap()));
        report.can_capture() && rows(&report) == [Feature::TcpSockets]
    });
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
