//! A test in a process of its own, and the resources of this process.

use std::{env, process::Command};

const ALONE: &str = "MERMIN_KERNEL_TEST_ALONE";

/// True if this process was started for one test.
pub(crate) fn is_alone() -> bool {
    env::var_os(ALONE).is_some()
}

/// Runs a test in a process of its own: this executable with the name of that test.
pub(crate) fn alone(name: &str, test: impl FnOnce()) {
    if is_alone() {
        return test();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads", "1"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // Its measurements.
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
}

/// Resources that this process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holdings {
    descriptors: usize,
    threads: usize,
    /// Mappings of BPF maps.
    maps: usize,
}

impl Holdings {
    pub(crate) fn now() -> Self {
        let count = |path| std::fs::read_dir(path).unwrap().count();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        Self {
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            maps: maps.matches("bpf-map").count(),
        }
    }

    /// True if descriptors and maps are no more than those.
    pub(crate) fn holds_as(self, other: Self) -> bool {
        self.descriptors <= other.descriptors && self.maps <= other.maps
    }

    /// True if this is no more than that.
    pub(crate) fn is_within(self, other: Self) -> bool {
        self.holds_as(other) && self.threads <= other.threads
    }
}

/// Memory of this process that is in use, KiB.
pub(crate) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    kilobytes.unwrap().parse().unwrap()
}

/// The amount of work of a test: the usual one, or that of a variable.
pub(crate) fn extent(variable: &str, usual: u64) -> u64 {
    env::var(variable).map_or(usual, |asked| asked.parse().unwrap())
}
