//! Errors and remedies without the privilege to load eBPF programs.

use std::{
    fs::OpenOptions,
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    process::Command,
};

use libtest_mimic::Failed;
use rustix::thread::CapabilitySet;

use crate::{
    UNPRIVILEGED,
    common::{apart, ensure},
    rights,
    support::{self, run},
};

pub(crate) fn without_privilege() -> Result<(), Failed> {
    // Not in the build directory, which the user `nobody` may be unable to enter.
    let copy = support::Copy::of_flows("refused")?;
    for arguments in [&["--duration", "1"][..], &["--demo"]] {
        let mut command = copy.command();
        command.args(arguments);
        if support::is_root() {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        let finished = run(&mut command)?;
        ensure(finished.code == Some(1), format!("{finished:?}"))?;
        ensure(finished.stdout.is_empty(), format!("{finished:?}"))?;
        ensure(
            finished.stderr.starts_with("flows: cannot "),
            format!("{finished:?}"),
        )?;
        ensure(
            finished.stderr.contains("because: "),
            format!("{finished:?}"),
        )?;
        ensure(
            finished.stderr.contains("what to do: "),
            format!("{finished:?}"),
        )?;
    }
    Ok(())
}

pub(crate) fn without_perfmon() -> Result<(), Failed> {
    let program = OpenOptions::new()
        .read(true)
        .open(env!("CARGO_BIN_EXE_flows"))?;
    let program = OwnedFd::from(program);
    let path = format!(
        "/proc/self/fd/{}",
        std::os::fd::AsRawFd::as_raw_fd(&program)
    );
    let finished = apart(|| {
        rights::become_nobody(CapabilitySet::NET_ADMIN | CapabilitySet::BPF);
        run(Command::new(path).args(["-i", "lo", "--duration", "1"]))
    })??;
    ensure(finished.code == Some(1), format!("{finished:?}"))?;
    ensure(
        finished.stderr.lines().count() <= 6,
        finished.stderr.as_str(),
    )?;
    let remedy = finished.stderr.lines().last().unwrap_or_default();
    ensure(
        remedy.contains("what to do: ") && remedy.contains("CAP_PERFMON"),
        finished.stderr.as_str(),
    )
}
