//! nfdump's collector: what it stores of one-way records is what was sent.

use mermin_core::{Flow, sink::testing::detailed_flows};
use mermin_ipfix::{Exporter, FineTimes, Settings};
use mermin_testing::Folder;
use rustix::process::Signal;
use serde_json::Value as Json;

use crate::{
    expected::{self, Row, parse_time, rows},
    support::{Program, export, free_port, output, wait_for_port},
};

fn number(flow: &Json, name: &str) -> u64 {
    flow[name].as_u64().unwrap_or(0)
}

fn text<'a>(flow: &'a Json, name: &str) -> &'a str {
    flow[name].as_str().unwrap_or_default()
}

/// `...AP.SF`: a letter for each bit that is set.
fn flags(text: &str) -> u8 {
    text.bytes()
        .fold(0, |bits, letter| bits << 1 | u8::from(letter != b'.'))
}

fn row(flow: &Json) -> Row {
    let address = |side: &str| {
        let v4 = text(flow, &format!("{side}4_addr"));
        let v6 = text(flow, &format!("{side}6_addr"));
        if v4.is_empty() { v6 } else { v4 }.parse().unwrap()
    };
    let protocol = u8::try_from(number(flow, "proto")).unwrap();
    let port = |name| u16::try_from(number(flow, name)).unwrap();
    let ports = if flow["icmp_type"].is_null() {
        [port("src_port"), port("dst_port")]
    } else {
        [0, port("icmp_type") << 8 | port("icmp_code")]
    };
    Row {
        addresses: [address("src"), address("dst")],
        ports,
        protocol,
        packets: number(flow, "in_packets"),
        octets: number(flow, "in_bytes"),
        flags: flags(text(flow, "tcp_flags")),
        tos: u8::try_from(number(flow, "src_tos")).unwrap(),
        times: [
            parse_time(text(flow, "first")),
            parse_time(text(flow, "last")),
        ],
        interface: number(flow, "input_snmp"),
        macs: ["in_src_mac", "in_dst_mac"].map(|name| match text(flow, name) {
            "" => "00:00:00:00:00:00".to_owned(),
            mac => mac.to_owned(),
        }),
        vlan: port("src_vlan"),
    }
}

/// Records that it stores of these flows, as nfdump shows them.
fn stored(flows: &[Flow], settings: Settings) -> Vec<Json> {
    let folder = Folder::new("nfcapd");
    let path = folder.path().to_str().unwrap();
    let port = free_port();
    let listen = port.to_string();
    let mut collector = Program::start(
        "nfcapd",
        &[
            "-w",
            path,
            "-b",
            "127.0.0.1",
            "-p",
            &listen,
            "-t",
            "60",
            "-T",
            "all",
        ],
    );
    wait_for_port(port);
    let exporter = Exporter::udp(format!("127.0.0.1:{port}"), settings).unwrap();
    export(exporter, flows);
    // It reads its socket empty before it ends.
    std::thread::sleep(std::time::Duration::from_secs(1));
    collector.end(Signal::TERM);
    serde_json::from_str(&output("nfdump", &["-R", path, "-o", "json"])).unwrap()
}

fn compare<T: Ord + std::fmt::Debug>(mut stored: Vec<T>, mut expected: Vec<T>) {
    stored.sort();
    expected.sort();
    for (stored, expected) in stored.iter().zip(&expected) {
        assert_eq!(stored, expected);
    }
    assert_eq!(stored.len(), expected.len());
}

/// Also with totals and finer times beside what it reads.
pub(crate) fn stores() {
    let flows = detailed_flows(300);
    for settings in [
        Settings::default(),
        Settings::default()
            .totals(true)
            .fine_times(FineTimes::Microseconds),
        Settings::default().fine_times(FineTimes::Nanoseconds),
    ] {
        let stored = stored(&flows, settings);
        compare(stored.iter().map(row).collect(), rows(&flows));
    }
}

/// Forward values are as sent, because reverse elements stand before them; reverse counters are those of the way out.
pub(crate) fn biflows() {
    let flows = detailed_flows(300);
    let stored = stored(&flows, Settings::default().biflow(true));
    let with_out = |flow: &Json| {
        let out = ["out_packets", "out_bytes"].map(|name| number(flow, name));
        (row(flow), out)
    };
    let expected = flows.iter().map(|flow| {
        let out = [flow.reverse.packets.delta, flow.reverse.octets.delta];
        (expected::row(flow, false), out)
    });
    compare(stored.iter().map(with_out).collect(), expected.collect());
}
