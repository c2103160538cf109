//! The `flows` program from outside: arguments, exit status, both output streams, signals, and real traffic.
//!
//! A test that needs the privilege to load eBPF programs is skipped by name without it; with `MERMIN_REQUIRE_KERNEL=1` it
//! fails instead.

#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and the lint knows only functions that are marked as tests"
)]
#[path = "../../mermin-core/tests/kernel/support/rights.rs"]
mod rights;
mod support;

use std::{
    env,
    fs::{self, OpenOptions},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::UdpSocket,
    os::{
        fd::OwnedFd,
        unix::{net::UnixDatagram, process::CommandExt as _},
    },
    path::PathBuf,
    process::{self, Command, ExitCode, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Failed, Trial};
use rustix::{
    process::Signal,
    thread::{CapabilitySet, UnshareFlags},
};
use serde_json::Value as Json;
use support::{Finished, TICK, flows, run, terminal};

/// Nobody, on every distribution.
const UNPRIVILEGED: u32 = 65_534;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        Trial::test("bad_arguments_exit_2", bad_arguments_exit_2),
        Trial::test("help_and_version_exit_0", help_and_version_exit_0),
        Trial::test("check_prints_every_error", check_prints_every_error),
        Trial::test(
            "capture_file_needs_no_privilege",
            capture_file_needs_no_privilege,
        ),
        Trial::test(
            "truncated_capture_shows_flows_before_the_damage",
            truncated_capture_shows_flows_before_the_damage,
        ),
        Trial::test(
            "signal_ends_waiting_for_a_capture",
            signal_ends_waiting_for_a_capture,
        ),
        Trial::test(
            "progress_of_a_capture_is_shown_on_a_terminal",
            progress_of_a_capture_is_shown_on_a_terminal,
        ),
        kernel("configuration_filter_applies", configuration_filter_applies),
        kernel(
            "changed_configuration_is_reloaded",
            changed_configuration_is_reloaded,
        ),
        Trial::test("without_privilege_the_remedy_is_shown", without_privilege),
        kernel(
            "demo_shows_every_kind_of_flow",
            demo_shows_every_kind_of_flow,
        ),
        kernel("demo_lines_are_readable", demo_lines_are_readable),
        kernel("demo_table_fits_the_terminal", demo_table_fits_the_terminal),
        kernel("sigterm_exports_open_flows", || {
            a_signal_drains(Signal::TERM)
        }),
        kernel("ctrl_c_exports_open_flows", || a_signal_drains(Signal::INT)),
        kernel("sighup_exports_open_flows", || a_signal_drains(Signal::HUP)),
        kernel(
            "sighup_reloads_the_configuration",
            sighup_reloads_the_configuration,
        ),
        kernel(
            "closed_terminal_exports_open_flows",
            closed_terminal_ends_the_program,
        ),
        kernel("nohup_outlives_its_terminal", nohup_is_respected),
        kernel("sigusr1_prints_statistics", sigusr1_prints_statistics),
        kernel("readiness_is_notified", readiness_is_notified),
        kernel(
            "interface_changes_are_printed",
            interface_changes_are_printed,
        ),
        kernel("status_line_is_updated", status_line_is_updated),
        kernel("without_perfmon_the_remedy_is_shown", without_perfmon),
        kernel(
            "closed_output_pipe_ends_quietly",
            closed_output_pipe_ends_quietly,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test that loads the program; ignored, and listed so, where that cannot be.
fn kernel(name: &str, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    let skipped = !support::privileged() && !support::kernel_required();
    Trial::test(name, test).with_ignored_flag(skipped)
}

fn ensure(holds: bool, what: impl Into<String>) -> Result<(), Failed> {
    if holds {
        Ok(())
    } else {
        Err(what.into().into())
    }
}

fn bad_arguments_exit_2() -> Result<(), Failed> {
    for arguments in [
        &["--nonsense"][..],
        &["eth0"],
        &["--duration", "soon"],
        &["--attach", "xdp"],
        &["--demo", "--interface", "eth0"],
        &["--check"],
    ] {
        let finished = run(flows().args(arguments))?;
        ensure(
            finished.code == Some(2),
            format!("{arguments:?}: {finished:?}"),
        )?;
        ensure(finished.stdout.is_empty(), format!("{finished:?}"))?;
        ensure(
            finished.stderr.contains("flows --help"),
            format!("{finished:?}"),
        )?;
        ensure(
            !finished.stderr.contains("panicked"),
            format!("{finished:?}"),
        )?;
    }
    Ok(())
}

fn help_and_version_exit_0() -> Result<(), Failed> {
    for (argument, expected) in [("--help", "Usage: flows"), ("--version", "flows 0.")] {
        let finished = run(flows().arg(argument))?;
        ensure(finished.code == Some(0), format!("{finished:?}"))?;
        ensure(finished.stdout.contains(expected), format!("{finished:?}"))?;
        ensure(finished.stderr.is_empty(), format!("{finished:?}"))?;
    }
    Ok(())
}

fn without_privilege() -> Result<(), Failed> {
    // Elsewhere than in the build directory, which nobody may not be allowed to enter.
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

/// A capture of 18 packets; what flows they are is told beside it.
const CAPTURE: &[u8] = include_bytes!("../../mermin-core/tests/captures/mixed.pcap");
const FLOWS: &str = include_str!("../../mermin-core/tests/captures/mixed.pcap.flows");

fn flows_of_the_capture() -> Vec<&'static str> {
    // Behind them is what is in no flow.
    FLOWS
        .lines()
        .take_while(|line| !line.starts_with("pcap: "))
        .collect()
}

fn capture_file_needs_no_privilege() -> Result<(), Failed> {
    let copy = support::Copy::of_flows("capture")?;
    let file = File::new("whole.pcap", CAPTURE)?;
    let shown = |more: &[&str]| {
        let mut command = copy.command();
        command.arg("--pcap").arg(&file.0).args(more);
        if support::is_root() {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        let finished = run(&mut command)?;
        ensure(finished.code == Some(0), format!("{finished:?}"))?;
        Ok::<_, Failed>(finished)
    };
    let finished = shown(&[])?;
    let lines: Vec<&str> = finished.stdout.lines().collect();
    ensure(lines == flows_of_the_capture(), format!("{finished:?}"))?;
    // The summary names what is in no flow.
    ensure(
        finished
            .stderr
            .contains("are in no flow:\n  1 arp: address resolution"),
        format!("{finished:?}"),
    )?;
    let records = records(&shown(&["--json"])?)?;
    ensure(records.len() == lines.len(), format!("{records:?}"))?;
    ensure(
        records[0]["source.address"] == "192.0.2.1",
        format!("{records:?}"),
    )?;
    // The filter of a configuration holds, and what is for interfaces is said to have no effect.
    let config = File::new(
        "capture.hcl",
        b"filter \"source\" {\n  address = { not_match = [\"192.0.2.1/32\"] }\n}\n\
          discovery \"instrument\" {\n  interfaces = [\"eth0\"]\n}\n",
    )?;
    let path = config.0.display().to_string();
    let finished = shown(&["--config", &path])?;
    let rest = lines.iter().filter(|line| !line.contains(" 192.0.2.1:"));
    ensure(
        finished.stdout.lines().eq(rest.copied()),
        format!("{finished:?}"),
    )?;
    ensure(
        finished
            .stderr
            .contains("discovery has no effect with `--pcap`"),
        format!("{finished:?}"),
    )
}

fn truncated_capture_shows_flows_before_the_damage() -> Result<(), Failed> {
    let file = File::new("cut.pcap", &CAPTURE[..700])?;
    let finished = run(flows().arg("--pcap").arg(&file.0))?;
    ensure(finished.code == Some(1), format!("{finished:?}"))?;
    ensure(
        finished.stdout.lines().count() == 1,
        format!("{finished:?}"),
    )?;
    for part in [
        "at byte 164: it ends within a packet record",
        "what to do: ",
    ] {
        ensure(finished.stderr.contains(part), format!("{finished:?}"))?;
    }
    Ok(())
}

/// Nothing comes, or no more does, and the writer stays: before the capture's header, behind a packet, and within one.
fn signal_ends_waiting_for_a_capture() -> Result<(), Failed> {
    for (there, shown) in [
        (0, 0),
        (CAPTURE.len(), flows_of_the_capture().len()),
        (700, 1),
    ] {
        let mut child = support::Running::reading(flows().args(["--pcap", "-"]), Stdio::piped())?;
        let mut stdin = child.stdin()?;
        stdin.write_all(&CAPTURE[..there])?;
        child.wait_until_it_catches(Signal::INT)?;
        while rustix::io::ioctl_fionread(&stdin)? != 0 {
            thread::sleep(TICK);
        }
        // Packets that were read are counted at once.
        thread::sleep(Duration::from_millis(200));
        child.signal(Signal::INT)?;
        let mut stdout = String::new();
        child.stdout()?.read_to_string(&mut stdout)?;
        let code = child.wait(Duration::from_secs(10))?;
        let stderr = child.stderr()?;
        ensure(code == Some(0), format!("{there}: {code:?} {stderr}"))?;
        ensure(
            stdout.lines().count() == shown,
            format!("{there}: {stdout}"),
        )?;
        ensure(!stderr.contains("flows: cannot"), stderr)?;
    }
    Ok(())
}

/// A file of this test, gone with it.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: impl AsRef<[u8]>) -> Result<Self, Failed> {
        let path = env::temp_dir().join(format!("mermin-flows-{}-{name}", process::id()));
        fs::write(&path, text)?;
        Ok(Self(path))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn check_prints_every_error() -> Result<(), Failed> {
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
fn configuration_filter_applies() -> Result<(), Failed> {
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
fn changed_configuration_is_reloaded() -> Result<(), Failed> {
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
    stdout: &mut impl std::io::BufRead,
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

fn records(finished: &Finished) -> Result<Vec<Json>, Failed> {
    let lines = finished.stdout.lines();
    let parsed: Result<Vec<Json>, _> = lines.map(serde_json::from_str).collect();
    Ok(parsed?)
}

fn demo_shows_every_kind_of_flow() -> Result<(), Failed> {
    let started = Instant::now();
    let finished = run(flows().args(["--demo", "--json", "--duration", "3"]))?;
    ensure(finished.code == Some(0), format!("{finished:?}"))?;
    ensure(
        started.elapsed() < Duration::from_secs(10),
        format!("took {:?}", started.elapsed()),
    )?;
    let records = records(&finished)?;
    for (transport, network) in [
        ("tcp", "ipv4"),
        ("udp", "ipv4"),
        ("icmp", "ipv4"),
        ("tcp", "ipv6"),
        ("udp", "ipv6"),
        ("ipv6-icmp", "ipv6"),
    ] {
        // Both ways: what is not answered proves half.
        let seen = records.iter().any(|record| {
            record["network.transport"] == transport
                && record["network.type"] == network
                && record["flow.packets.total"].as_u64() > Some(0)
                && record["flow.reverse.packets.total"].as_u64() > Some(0)
        });
        ensure(seen, format!("no {transport} over {network}: {finished:?}"))?;
    }
    for (name, value) in [
        ("flow.icmp.type.name", "echo_request"),
        ("flow.reverse.icmp.type.name", "echo_reply"),
        ("flow.direction", "forward"),
        ("network.interface.name", "demo0"),
    ] {
        let seen = records.iter().any(|record| record[name] == value);
        ensure(seen, format!("no {name} {value}: {finished:?}"))?;
    }
    tcp_answers_are_counted(&records)
}

/// The demonstration's server sends 600, 40,000 and 1,500,000 octets in turn.
fn tcp_answers_are_counted(records: &[Json]) -> Result<(), Failed> {
    for (least, most) in [(600, 2_000), (40_000, 50_000), (1_500_000, 1_700_000)] {
        let seen = records.iter().any(|record| {
            record["network.transport"] == "tcp"
                && record["destination.port"] == 8080
                && record["flow.reverse.bytes.total"]
                    .as_u64()
                    .is_some_and(|octets| (least..most).contains(&octets))
        });
        ensure(
            seen,
            format!("no TCP flow with {least} octets back: {records:?}"),
        )?;
    }
    Ok(())
}

fn demo_lines_are_readable() -> Result<(), Failed> {
    let finished = run(flows().args(["--demo", "--duration", "2"]))?;
    ensure(finished.code == Some(0), format!("{finished:?}"))?;
    ensure(
        finished.stdout.contains("tcp 192.0.2.1:"),
        format!("{finished:?}"),
    )?;
    ensure(
        finished.stdout.contains("-> 192.0.2.2:8080 sent"),
        format!("{finished:?}"),
    )?;
    ensure(!finished.stdout.contains('\x1b'), format!("{finished:?}"))
}

fn demo_table_fits_the_terminal() -> Result<(), Failed> {
    const COLUMNS: u16 = 100;
    let shown = terminal::run(flows().args(["--demo", "--duration", "3"]), COLUMNS)?;
    ensure(shown.contains("SOURCE"), shown.as_str())?;
    ensure(shown.contains("icmp6"), shown.as_str())?;
    for line in shown.lines() {
        // The status line is drawn over; what counts is what stands after it was cleared.
        let last = line.rsplit("\x1b[K").next().unwrap_or(line);
        ensure(last.chars().count() <= COLUMNS.into(), last)?;
    }
    Ok(())
}

fn a_signal_drains(signal: Signal) -> Result<(), Failed> {
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

fn closed_output_pipe_ends_quietly() -> Result<(), Failed> {
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

/// Nothing takes the records, so reading stands still and the line is drawn.
fn progress_of_a_capture_is_shown_on_a_terminal() -> Result<(), Failed> {
    let file = File::new("long.pcap", many_flows(20_000))?;
    let (mut screen, line) = terminal::open(100)?;
    let mut child = support::Running::with(
        flows()
            .arg("--pcap")
            .arg(&file.0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(line),
    )?;
    let mut shown = Vec::new();
    while !shown.ends_with(b" left") {
        let mut octet = [0];
        screen.read_exact(&mut octet)?;
        shown.push(octet[0]);
    }
    let shown = String::from_utf8_lossy(&shown).into_owned();
    ensure(
        shown.contains("[#") && shown.contains(" % of 1.5 MB, ") && shown.contains(" packets/s, "),
        shown.as_str(),
    )?;
    let mut records = String::new();
    child.stdout()?.read_to_string(&mut records)?;
    ensure(child.wait(Duration::from_mins(1))? == Some(0), "a failure")?;
    let count = records.lines().count();
    ensure(count == 20_000, format!("{count} records"))
}

/// A capture of so many flows of one datagram each.
fn many_flows(count: u16) -> Vec<u8> {
    let mut octets = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    octets.extend([0; 8]);
    octets.extend([0, 0, 4, 0, 1, 0, 0, 0]);
    for port in 1..=count {
        octets.extend([0; 8]);
        octets.extend([60, 0, 0, 0, 60, 0, 0, 0]);
        octets.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
        octets.extend([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0]);
        octets.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        octets.extend(port.to_be_bytes());
        octets.extend([0, 9, 0, 8, 0, 0]);
        octets.extend([0; 18]);
    }
    octets
}

/// In a network namespace of its own, which has a loopback interface that is down.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Failed> {
    let work = || {
        #[expect(
            deprecated,
            reason = "deprecated because of file tables, which a network namespace leaves alone; the new one is unsafe"
        )]
        rustix::thread::unshare(UnshareFlags::NEWNET)?;
        Ok(work())
    };
    let done = thread::scope(|scope| scope.spawn(work).join());
    done.map_err(|_| "a thread panicked")?
        .map_err(|error: rustix::io::Errno| error.to_string().into())
}

fn shell(line: &str) -> Result<(), Failed> {
    let status = Command::new("sh").args(["-ec", line]).status()?;
    ensure(status.success(), line)
}

/// Standard error up to a line that has this; the lines before it as well.
fn until_said(stderr: &mut impl std::io::BufRead, text: &str) -> Result<String, Failed> {
    let mut said = String::new();
    loop {
        let start = said.len();
        ensure(
            stderr.read_line(&mut said)? > 0,
            format!("no `{text}`: {said}"),
        )?;
        if said[start..].contains(text) {
            return Ok(said);
        }
    }
}

fn sighup_reloads_the_configuration() -> Result<(), Failed> {
    let text = |seconds: u32| {
        format!(
            "span {{\n  udp_timeout = \"{seconds}s\"\n}}\ndiscovery \"instrument\" {{\n  interfaces = [\"lo\"]\n}}\nexport \"traces\" {{\n  stdout = \"text\"\n}}\n"
        )
    };
    let file = File::new("again.hcl", text(5))?;
    let mut flows = flows();
    flows
        .args(["--json", "--duration", "25", "--config"])
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
    until_said(&mut stderr, "the configuration in force stays")?;
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

fn closed_terminal_ends_the_program() -> Result<(), Failed> {
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

fn nohup_is_respected() -> Result<(), Failed> {
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

fn sigusr1_prints_statistics() -> Result<(), Failed> {
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

fn readiness_is_notified() -> Result<(), Failed> {
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
fn interface_changes_are_printed() -> Result<(), Failed> {
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

/// On a terminal it comes again after flows were shown.
fn status_line_is_updated() -> Result<(), Failed> {
    let shown = terminal::run(flows().args(["--demo", "--duration", "6"]), 100)?;
    let behind = shown.split_once(":8080").map_or("", |(_, behind)| behind);
    ensure(behind.contains("open, "), shown.as_str())
}

fn without_perfmon() -> Result<(), Failed> {
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
