//! Configuration files, and changes to them.

use std::{
    fs,
    io::{BufRead, BufReader, Read as _},
    net::UdpSocket,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use libtest_mimic::Failed;
use rustix::process::Signal;
use serde_json::Value as Json;

use crate::{
    common::{File, ensure, records, until_said},
    support::{self, flows, run},
};

pub(crate) fn check_prints_every_error() -> Result<(), Failed> {
    let good = File::new("good.hcl", "span {\n  tcp_timeout = \"5s\"\n}\n")?;
    let finished = run(flows().arg("--config").arg(&good.0).arg("--check"))?;
    ensure(finished.code == Some(0), format!("{finished:?}"))?;
    ensure(
        finished.stderr.ends_with("good.hcl: no errors\n"),
        format!("{finished:?}"),
    )?;

    let bad = File::new("bad.hcl", "tcp-timeout = 1\nlog_level = \"loud\"\n")?;
    for more in [&["--check"][..], &[]] {
        let finished = run(flows().arg("--config").arg(&bad.0).args(more))?;
        ensure(finished.code == Some(1), format!("{finished:?}"))?;
        ensure(finished.stdout.is_empty(), format!("{finished:?}"))?;
        for place in ["bad.hcl:1:1: cannot use", "bad.hcl:2:13: cannot use"] {
            ensure(finished.stderr.contains(place), format!("{finished:?}"))?;
        }
    }
    Ok(())
}

/// Flows to one port of two, though both are sent to all the time.
pub(crate) fn configuration_filter_applies() -> Result<(), Failed> {
    let bind = || UdpSocket::bind("127.0.0.1:0");
    let (sender, wanted, other) = (bind()?, bind()?, bind()?);
    let (wanted, other) = (wanted.local_addr()?, other.local_addr()?);
    let text = format!(
        "discovery \"instrument\" {{\n  interfaces = [\"lo\"]\n}}\nfilter \"destination\" {{\n  port = {{ match = [{}, {}], not_match = [{}] }}\n}}\n",
        wanted.port(),
        other.port(),
        other.port(),
    );
    let file = File::new("filter.hcl", &text)?;
    let done = AtomicBool::new(false);
    let finished = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let _ = sender.send_to(b"wanted", wanted);
                let _ = sender.send_to(b"other", other);
                thread::sleep(Duration::from_millis(20));
            }
        });
        let finished = run(flows()
            .args(["--json", "--duration", "4", "--config"])
            .arg(&file.0));
        done.store(true, Ordering::Relaxed);
        finished
    })?;
    ensure(finished.code == Some(0), format!("{finished:?}"))?;
    let records = records(&finished)?;
    ensure(!records.is_empty(), format!("{finished:?}"))?;
    for record in &records {
        ensure(
            record["destination.port"] == wanted.port() && record["network.interface.name"] == "lo",
            record.to_string(),
        )?;
    }
    Ok(())
}

/// One port is wanted, then the other, without a restart.
pub(crate) fn changed_configuration_is_reloaded() -> Result<(), Failed> {
    let bind = || UdpSocket::bind("127.0.0.1:0");
    let (sender, one, other) = (bind()?, bind()?, bind()?);
    let (one, other) = (one.local_addr()?, other.local_addr()?);
    let text = |port: u16| {
        format!(
            "auto_reload = true\nspan {{\n  max_record_interval = \"1s\"\n  udp_timeout = \"500ms\"\n}}\ndiscovery \"instrument\" {{\n  interfaces = [\"lo\"]\n}}\nfilter \"destination\" {{\n  port = {{ match = [{port}] }}\n}}\n"
        )
    };
    let file = File::new("reload.hcl", text(one.port()))?;
    let mut flows = flows();
    flows
        .args(["--json", "--duration", "25", "--config"])
        .arg(&file.0);
    let mut child = support::Running::start(&mut flows)?;
    let mut stdout = BufReader::new(child.stdout()?);
    let done = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for to in [one, other] {
                    // Each a flow of its own: one that is open keeps its verdict.
                    let _ = bind().and_then(|socket| socket.send_to(b"x", to));
                }
                let _ = sender.send_to(b"x", one);
                thread::sleep(Duration::from_millis(50));
            }
        });
        let seen = until_both(&mut stdout, [one.port(), other.port()], || {
            fs::write(&file.0, text(other.port()))
        });
        done.store(true, Ordering::Relaxed);
        seen
    });
    child.signal(Signal::TERM)?;
    let mut rest = String::new();
    stdout.read_to_string(&mut rest)?;
    child.wait(Duration::from_secs(10))?;
    let stderr = child.stderr()?;
    ensure(seen?, stderr.as_str())?;
    ensure(stderr.contains("in force now: filter"), stderr)
}

/// Waits for a record of the first port and, after a change, one of the other.
fn until_both(
    stdout: &mut impl BufRead,
    [one, other]: [u16; 2],
    change: impl Fn() -> std::io::Result<()>,
) -> Result<bool, Failed> {
    let mut changed = false;
    for line in stdout.lines() {
        let record: Json = serde_json::from_str(&line?)?;
        let port = &record["destination.port"];
        if !changed && *port == one {
            change()?;
            changed = true;
        } else if *port == other {
            return Ok(changed);
        }
    }
    Ok(false)
}

pub(crate) fn sighup_reloads_the_configuration() -> Result<(), Failed> {
    let text = |seconds: u32| {
        format!(
            "span {{\n  udp_timeout = \"{seconds}s\"\n}}\ndiscovery \"instrument\" {{\n  interfaces = [\"lo\"]\n}}\nexport \"traces\" {{\n  stdout = \"text\"\n}}\n"
        )
    };
    let file = File::new("again.hcl", text(5))?;
    let mut flows = flows();
    flows
        .args(["--json", "--duration", "25"])
        .args(["--with", "names", "--max-flows", "99", "--config"])
        .arg(&file.0);
    let mut child = support::Running::start(&mut flows)?;
    let mut stderr = BufReader::new(child.stderr_stream()?);
    let first = until_said(&mut stderr, "watching 1 interface: lo")?;
    ensure(first.matches("no use for").count() == 1, first)?;
    fs::write(&file.0, text(9))?;
    child.signal(Signal::HUP)?;
    let again = until_said(&mut stderr, "in force now: timeouts")?;
    ensure(!again.contains("no use for"), again)?;
    fs::write(&file.0, "x")?;
    child.signal(Signal::HUP)?;
    let rest = until_said(&mut stderr, "the configuration in force stays")?;
    // The command line is the same after a restart.
    ensure(!rest.contains("after a restart"), rest)?;
    // A request gets an answer, also when nothing has changed.
    fs::write(&file.0, text(9))?;
    child.signal(Signal::HUP)?;
    until_said(&mut stderr, "the configuration has changed")?;
    child.signal(Signal::TERM)?;
    ensure(
        child.wait(Duration::from_secs(10))? == Some(0),
        "exit status",
    )
}
