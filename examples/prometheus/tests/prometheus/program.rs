//! The program from outside.

use mermin_testing::wait;
use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
};

use crate::support::{self, exporter, scrape, sum, try_scrape};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mermin-prometheus");

/// It ends when the last counts were scraped.
pub(crate) fn capture() {
    let mut child = Command::new(PROGRAM)
        .args([
            "--pcap",
            &support::capture(),
            "--to",
            "prometheus://:0?linger=600",
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let address = line
        .trim()
        .strip_prefix("http://")
        .and_then(|it| it.strip_suffix("/metrics"));
    let address = address.unwrap().parse().unwrap();
    let mut page = scrape(address);
    // The first pages may be from before its end.
    wait(|| {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return true;
        }
        if let Some(next) = try_scrape(address) {
            page = next;
        }
        false
    });
    assert_eq!(sum(&page, "mermin_flow_records_total"), 8);
    assert_eq!(sum(&page, "mermin_source_records_total"), 8);
    let counted = sum(&page, "mermin_flow_packets_total")
        + sum(&page, "mermin_ignored_packets_total")
        + sum(&page, "mermin_ignored_fragment_packets");
    assert_eq!(counted, sum(&page, "mermin_source_packets_total"));
    let counted = sum(&page, "mermin_flow_frame_bytes_total")
        + sum(&page, "mermin_ignored_frame_bytes_total")
        + sum(&page, "mermin_ignored_fragment_frame_bytes");
    assert_eq!(counted, sum(&page, "mermin_source_frame_bytes_total"));
    assert_eq!(
        sum(&page, "mermin_interface_packets_total"),
        sum(&page, "mermin_source_packets_total")
    );
    assert_eq!(sum(&page, "mermin_export_delivered_records_total"), 8);
    let mut table = String::new();
    said.read_to_string(&mut table).unwrap();
    assert!(table.contains("accepted"), "{table}");
}

pub(crate) fn wrong() {
    let taken = exporter(mermin_prometheus::Settings::default());
    let target = format!("prometheus://{}", taken.address());
    let capture = support::capture();
    for (arguments, status, words) in [
        (
            vec!["--to", "prometheus://localhost"],
            2,
            "cannot export to `prometheus://localhost`: name an address",
        ),
        (
            vec!["--pcap", "x", "--interface", "eth0"],
            2,
            "choose `--interface` (`MERMIN_INTERFACE`) or `--pcap` (`MERMIN_PCAP`)",
        ),
        (
            vec!["--pcap", &*capture, "--to", &*target],
            1,
            "what to do: choose another port",
        ),
    ] {
        let output = Command::new(PROGRAM).args(&arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}
