//! pmacct's collector: what it stores of one-way records is what was sent.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use mermin_core::{flow::Protocol, sink::testing::detailed_flows};
use mermin_ipfix::{Exporter, Settings};
use mermin_testing::Folder;
use rustix::process::Signal;
use serde_json::Value as Json;

use crate::{
    expected::{Row, parse_time, rows},
    support::{Program, export, free_port, wait_for_port},
};

/// How long it has to write what it read; the rest it writes when it is ended.
const PATIENCE: Duration = Duration::from_secs(5);

fn protocol(name: &str) -> u8 {
    let known = (0..=u8::MAX).find(|number| Protocol(*number).keyword() == Some(name));
    known.unwrap_or_else(|| name.parse().unwrap())
}

fn row(line: &str) -> Row {
    let flow: Json = serde_json::from_str(line).unwrap();
    let text = |name: &str| flow[name].as_str().unwrap().to_owned();
    let number = |name: &str| flow[name].as_u64().unwrap();
    let port = |name: &str| u16::try_from(number(name)).unwrap();
    Row {
        addresses: ["ip_src", "ip_dst"].map(|name| text(name).parse().unwrap()),
        ports: ["port_src", "port_dst"].map(port),
        protocol: protocol(&text("ip_proto")),
        packets: number("packets"),
        octets: number("bytes"),
        flags: text("tcp_flags").parse().unwrap(),
        tos: u8::try_from(number("tos")).unwrap(),
        times: ["timestamp_start", "timestamp_end"].map(|name| parse_time(&text(name))),
        interface: number("iface_in"),
        macs: ["mac_src", "mac_dst"].map(text),
        vlan: port("vlan"),
    }
}

pub(crate) fn stores() {
    let folder = Folder::new("nfacctd");
    let (conf, stored) = (folder.file("conf"), folder.file("stored.json"));
    let port = free_port();
    let text = format!(
        "nfacctd_ip: 127.0.0.1\nnfacctd_port: {port}\nplugins: print\nprint_output: json\n\
         print_output_file: {}\nprint_output_file_append: true\nprint_refresh_time: 2\ntimestamps_utc: true\n\
         aggregate: src_host, dst_host, src_port, dst_port, proto, tcpflags, tos, in_iface, src_mac, dst_mac, vlan, \
         timestamp_start, timestamp_end\n",
        stored.display()
    );
    fs::write(&conf, text).unwrap();
    let mut collector = Program::start("nfacctd", &["-f", conf.to_str().unwrap()]);
    wait_for_port(port);
    let flows = detailed_flows(300);
    let exporter = Exporter::udp(format!("127.0.0.1:{port}"), Settings::default()).unwrap();
    export(exporter, &flows);
    let expected = rows(&flows);
    let lines = || fs::read_to_string(&stored).unwrap_or_default();
    let began = Instant::now();
    while lines().lines().count() < expected.len() && began.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(100));
    }
    collector.end(Signal::INT);
    let mut stored: Vec<_> = lines().lines().map(row).collect();
    stored.sort();
    for (stored, expected) in stored.iter().zip(&expected) {
        assert_eq!(stored, expected);
    }
    assert_eq!(stored.len(), expected.len());
}
