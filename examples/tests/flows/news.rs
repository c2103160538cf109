//! Messages while flows are shown: readiness, and interfaces that come and go.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    os::unix::net::UnixDatagram,
    process::{self, Command},
    time::Duration,
};

use libtest_mimic::Failed;
use rustix::process::Signal;

use crate::{
    common::{apart, ensure, shell, until_said},
    support::{self, flows, run},
};

pub(crate) fn readiness_is_notified() -> Result<(), Failed> {
    let socket = env::temp_dir().join(format!("mermin-flows-{}-notify", process::id()));
    let manager = UnixDatagram::bind(&socket)?;
    manager.set_read_timeout(Some(Duration::from_secs(20)))?;
    // A shell that makes the descriptor, as a script does.
    let script = "exec \"$0\" -i lo --json --duration 60 --ready-fd 7 7>&1";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_flows")])
        .env("NOTIFY_SOCKET", &socket);
    let mut child = support::Running::start(&mut command)?;
    let mut first = String::new();
    BufReader::new(child.stdout()?).read_line(&mut first)?;
    ensure(first == "ready\n", first)?;
    let mut told = [0; 64];
    let length = manager.recv(&mut told)?;
    fs::remove_file(&socket)?;
    ensure(&told[..length] == b"READY=1", format!("{told:?}"))?;
    child.signal(Signal::TERM)?;
    ensure(
        child.wait(Duration::from_secs(10))? == Some(0),
        "exit status",
    )?;
    let finished = run(flows().args(["-i", "lo", "--ready-fd", "99"]))?;
    ensure(finished.code == Some(1), format!("{finished:?}"))?;
    ensure(
        finished.stderr.contains("what to do: open it for `flows`"),
        finished.stderr,
    )
}

/// Interfaces that come and go, and a pattern that fits nothing any more.
pub(crate) fn interface_changes_are_printed() -> Result<(), Failed> {
    apart(|| {
        shell("ip link add x0 type veth peer name z0")?;
        let mut child = support::Running::start(flows().args([
            "-i",
            "lo,x*",
            "--exclude",
            "/^x1/,y*",
            "--json",
            "--duration",
            "60",
        ]))?;
        let mut stderr = BufReader::new(child.stderr_stream()?);
        let said = until_said(&mut stderr, "watching 2 interfaces: lo, x0")?;
        ensure(
            said.contains("the exclude pattern") && said.contains("fit no interface"),
            said.as_str(),
        )?;
        shell("ip link add x10 type veth peer name z1")?;
        let said = until_said(&mut stderr, "now also watching x10")?;
        ensure(
            said.contains("fits a part of `x10`") && said.contains("write `/x1.*/`"),
            said.as_str(),
        )?;
        shell("ip link del x0")?;
        until_said(&mut stderr, "no longer watching x0")?;
        shell("ip link del x10")?;
        until_said(&mut stderr, "`x*` matches no interface")?;
        child.signal(Signal::TERM)?;
        ensure(
            child.wait(Duration::from_secs(10))? == Some(0),
            "exit status",
        )
    })?
}
