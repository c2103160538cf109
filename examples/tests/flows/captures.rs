//! Flows of capture files.

use std::{
    io::{Read, Write as _},
    os::unix::process::CommandExt as _,
    process::Stdio,
    thread,
    time::Duration,
};

use libtest_mimic::Failed;
use rustix::process::Signal;

use crate::{
    UNPRIVILEGED,
    common::{File, ensure, records},
    support::{self, TICK, flows, run, terminal},
};

/// A capture of 18 packets; the file beside it has its flows.
const CAPTURE: &[u8] = include_bytes!("../../../mermin-core/tests/captures/mixed.pcap");

const FLOWS: &str = include_str!("../../../mermin-core/tests/captures/mixed.pcap.flows");

fn flows_of_the_capture() -> Vec<&'static str> {
    // Behind them is what is in no record.
    FLOWS
        .lines()
        .take_while(|line| !line.starts_with("pcap: "))
        .collect()
}

pub(crate) fn capture_file_needs_no_privilege() -> Result<(), Failed> {
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
    // The summary names what is in no record.
    ensure(
        finished
            .stderr
            .contains("are in no record:\n  1 arp: address resolution"),
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

pub(crate) fn truncated_capture_shows_flows_before_the_damage() -> Result<(), Failed> {
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
pub(crate) fn signal_ends_waiting_for_a_capture() -> Result<(), Failed> {
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

/// Nothing takes the records, so reading stands still and the line is drawn.
pub(crate) fn progress_of_a_capture_is_shown_on_a_terminal() -> Result<(), Failed> {
    let file = File::new("long.pcap", many_flows(20_000))?;
    let (mut screen, line) = terminal::open(100)?;
    let mut child = reading_stands_still(&file, line.into())?;
    let shown = until_progress(&mut screen, 1)?;
    ensure(
        shown.contains("[#") && shown.contains(" % of 1.5 MB, ") && shown.contains(" packets/s, "),
        shown.as_str(),
    )?;
    all_records(&mut child)
}

/// A program whose messages go to a pipe has waited for packets as long as one on a terminal that has drawn the line, and again.
pub(crate) fn progress_of_a_capture_is_not_written_to_a_pipe() -> Result<(), Failed> {
    let mut piped = support::Running::reading(flows().args(["--pcap", "-"]), Stdio::piped())?;
    let mut stdin = piped.stdin()?;
    stdin.write_all(&CAPTURE[..24])?;
    let file = File::new("long-twice.pcap", many_flows(20_000))?;
    let (mut screen, line) = terminal::open(100)?;
    let mut child = reading_stands_still(&file, line.into())?;
    until_progress(&mut screen, 2)?;
    all_records(&mut child)?;
    drop(stdin);
    ensure(piped.wait(Duration::from_mins(1))? == Some(0), "a failure")?;
    let stderr = piped.stderr()?;
    let is_silent = ["\r", " left", " read", "packets/s"]
        .iter()
        .all(|part| !stderr.contains(part));
    ensure(is_silent, stderr)
}

/// Starts the program on a file, with this standard error. Its records wait until they are read.
fn reading_stands_still(file: &File, stderr: Stdio) -> Result<support::Running, Failed> {
    let child = support::Running::with(
        flows()
            .arg("--pcap")
            .arg(&file.0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr),
    );
    Ok(child?)
}

/// Reads a screen until the line was drawn so often.
fn until_progress(screen: &mut impl Read, times: usize) -> Result<String, Failed> {
    let mut shown = Vec::new();
    let mut seen = 0;
    while seen < times {
        let mut octet = [0];
        screen.read_exact(&mut octet)?;
        shown.push(octet[0]);
        seen += usize::from(shown.ends_with(b" left"));
    }
    Ok(String::from_utf8_lossy(&shown).into_owned())
}

fn all_records(child: &mut support::Running) -> Result<(), Failed> {
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
