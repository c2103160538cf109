//! Signals, closed pipes and closed terminals.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::UdpSocket,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Failed;
use rustix::process::Signal;
use serde_json::Value as Json;

use crate::{
    common::{File, ensure, until_said},
    support::{self, flows, terminal},
};

pub(crate) fn signal_drains(signal: Signal) -> Result<(), Failed> {
    let mut child =
        support::Running::start(flows().args(["--demo", "--json", "--duration", "60"]))?;
    let mut stdout = BufReader::new(child.stdout()?);
    let mut first = String::new();
    stdout.read_line(&mut first)?;
    let signalled = Instant::now();
    child.signal(signal)?;
    let mut rest = String::new();
    stdout.read_to_string(&mut rest)?;
    let code = child.wait(Duration::from_secs(10))?;
    ensure(code == Some(0), format!("exit status {code:?}"))?;
    ensure(
        signalled.elapsed() < Duration::from_secs(5),
        format!("took {:?}", signalled.elapsed()),
    )?;
    // The pings go on for ever: only draining shows their end.
    let drained = rest.lines().any(|line| line.contains("forced end"));
    ensure(drained, format!("nothing was drained: {rest}"))
}

pub(crate) fn closed_output_pipe_ends_quietly() -> Result<(), Failed> {
    let mut child =
        support::Running::start(flows().args(["--demo", "--json", "--duration", "60"]))?;
    let mut line = String::new();
    BufReader::new(child.stdout()?).read_line(&mut line)?;
    let _: Json = serde_json::from_str(&line)?;
    let code = child.wait(Duration::from_secs(10))?;
    ensure(code == Some(0), format!("exit status {code:?}"))?;
    let stderr = child.stderr()?;
    ensure(!stderr.contains("panicked"), stderr.as_str())?;
    ensure(!stderr.contains("cannot"), stderr.as_str())
}

/// The program, with a terminal that controls it as its input and flows in a file.
fn on_a_terminal(out: &File, wrapper: &str) -> Result<(support::Running, fs::File), Failed> {
    let (screen, terminal) = terminal::open(80)?;
    let mut command = Command::new("setsid");
    // Standard error stays a pipe: what is said must not need the terminal.
    command
        .args(["--ctty", "sh", "-c"])
        .arg(format!("exec {wrapper} \"$0\" \"$@\""))
        .arg(env!("CARGO_BIN_EXE_flows"))
        .args(["--json", "--duration", "60", "--interface", "lo"]);
    let child = support::Running::with(
        command
            .stdin(terminal)
            .stdout(fs::File::create(&out.0)?)
            .stderr(Stdio::piped()),
    )?;
    Ok((child, screen))
}

pub(crate) fn closed_terminal_ends_the_program() -> Result<(), Failed> {
    let out = File::new("closed.json", "")?;
    let (mut child, screen) = on_a_terminal(&out, "")?;
    let mut stderr = BufReader::new(child.stderr_stream()?);
    until_said(&mut stderr, "watching")?;
    UdpSocket::bind("127.0.0.1:0")?.send_to(b"x", "127.0.0.1:9")?;
    thread::sleep(Duration::from_millis(500));
    drop(screen);
    let code = child.wait(Duration::from_secs(10))?;
    ensure(code == Some(0), format!("exit status {code:?}"))?;
    let records = fs::read_to_string(&out.0)?;
    ensure(records.contains("forced end"), records)
}

pub(crate) fn nohup_is_respected() -> Result<(), Failed> {
    let out = File::new("nohup.json", "")?;
    let (mut child, screen) = on_a_terminal(&out, "nohup")?;
    let mut stderr = BufReader::new(child.stderr_stream()?);
    until_said(&mut stderr, "watching")?;
    drop(screen);
    ensure(child.wait(Duration::from_secs(2)).is_err(), "it ended")?;
    child.signal(Signal::TERM)?;
    ensure(
        child.wait(Duration::from_secs(10))? == Some(0),
        "exit status",
    )
}

pub(crate) fn sigusr1_prints_statistics() -> Result<(), Failed> {
    let mut child =
        support::Running::start(flows().args(["-i", "lo", "--max-flows", "99", "--json"]))?;
    let mut stderr = BufReader::new(child.stderr_stream()?);
    until_said(&mut stderr, "watching 1 interface: lo")?;
    child.signal(Signal::USR1)?;
    until_said(&mut stderr, "open, room for 99; 0 records, ")?;
    child.signal(Signal::INT)?;
    ensure(
        child.wait(Duration::from_secs(10))? == Some(0),
        "exit status",
    )
}
