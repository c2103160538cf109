//! Tests that count what the whole process holds need one of their own.

use std::process::Command;

const ALONE: &str = "MERMIN_KERNEL_TEST_ALONE";

/// Runs a test in a process of its own: this executable, told to run that test alone.
pub(crate) fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return test();
    }
    let output = Command::new(std::env::current_exe().unwrap())
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
}

/// What this process holds.
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

    /// Whether this is no more than that.
    pub(crate) fn is_within(self, other: Self) -> bool {
        self.descriptors <= other.descriptors
            && self.threads <= other.threads
            && self.maps <= other.maps
    }
}
