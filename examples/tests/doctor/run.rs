//! Runs the program: as root, as nobody with some capabilities, without a BPF file system.

use std::{fs::File, os::fd::AsRawFd as _, process::Command, thread};

use rustix::thread::{CapabilitySet, UnshareFlags};

use crate::rights;

pub(crate) const DOCTOR: &str = env!("CARGO_BIN_EXE_doctor");

/// Its output, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let said = Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!said.stderr.contains("panicked"), "{said:?}");
    said
}

/// In a network namespace of its own, which has a loopback interface and no other.
pub(crate) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let work = || {
        #[expect(
            deprecated,
            reason = "deprecated because of file tables, which a network namespace leaves alone; the new one is unsafe"
        )]
        rustix::thread::unshare(UnshareFlags::NEWNET).unwrap();
        work()
    };
    thread::scope(|scope| scope.spawn(work).join().unwrap())
}

/// As root.
pub(crate) fn doctor(arguments: &[&str]) -> Said {
    apart(|| run(Command::new(DOCTOR).args(arguments)))
}

/// As nobody, who has these capabilities alone.
pub(crate) fn as_nobody(capabilities: CapabilitySet, arguments: &[&str]) -> Said {
    // Nobody may not be allowed to enter the directory it is in.
    let program = File::open(DOCTOR).unwrap();
    let path = format!("/proc/self/fd/{}", program.as_raw_fd());
    apart(|| {
        rights::become_nobody(capabilities);
        run(Command::new(path).args(arguments))
    })
}

pub(crate) const NEEDED: [(CapabilitySet, &str); 3] = [
    (CapabilitySet::NET_ADMIN, "CAP_NET_ADMIN"),
    (CapabilitySet::BPF, "CAP_BPF"),
    (CapabilitySet::PERFMON, "CAP_PERFMON"),
];

pub(crate) fn needed() -> CapabilitySet {
    NEEDED.iter().map(|(capability, _)| *capability).collect()
}

/// Without a BPF file system.
pub(crate) fn unpinned(more: &[&str]) -> Said {
    let line = "umount -l /sys/fs/bpf; exec \"$0\" --instance doctor lo \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", line, DOCTOR])
        .args(more);
    apart(|| run(&mut command))
}
