//! The demonstration and its traffic.

use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::Value as Json;

use crate::{
    common::{ensure, records},
    support::{flows, run, terminal},
};

pub(crate) fn demo_shows_every_kind_of_flow() -> Result<(), Failed> {
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

pub(crate) fn demo_lines_are_readable() -> Result<(), Failed> {
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

pub(crate) fn demo_table_fits_the_terminal() -> Result<(), Failed> {
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

/// On a terminal it comes again after flows were shown.
pub(crate) fn status_line_is_updated() -> Result<(), Failed> {
    let shown = terminal::run(flows().args(["--demo", "--duration", "6"]), 100)?;
    let behind = shown.split_once(":8080").map_or("", |(_, behind)| behind);
    ensure(behind.contains("open, "), shown.as_str())
}
