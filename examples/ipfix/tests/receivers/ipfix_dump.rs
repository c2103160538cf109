//! libfixbuf's `ipfixDump`: shows every element by its name.

use std::{
    fs,
    io::Read as _,
    net::{Ipv6Addr, TcpListener},
    path::Path,
    thread,
};

use mermin_core::sink::testing::detailed_flows;
use mermin_ipfix::{Exporter, Settings};
use mermin_testing::Folder;

use crate::{
    expected::{
        Elements, add, all_options, biflows, biflows_of_all_options, parse_time, uniflows,
        uniflows_of_all_options,
    },
    support::{export, output},
};

/// Records of flows, as it shows them.
fn read(file: &Path) -> Vec<Elements> {
    let text = output("ipfixDump", &["--yaf", "--in", file.to_str().unwrap()]);
    let mut records = Vec::new();
    let mut record: Option<Elements> = None;
    for line in text.lines() {
        if line.starts_with("---") {
            records.extend(record.take());
            record = line.starts_with("--- data record").then(Elements::new);
        } else if let Some(record) = &mut record
            && let Some((name, value)) = line.split_once(" : ")
        {
            let name = name.split_whitespace().next_back().unwrap();
            // Its numbers are before the name of a reverse element that libfixbuf does not know.
            let name = name.rsplit_once(')').map_or(name, |(_, name)| name);
            let is_time = |unit| name.starts_with("flow") && name.ends_with(unit);
            let value = if is_time("Milliseconds") {
                parse_time(value).to_string()
            } else if is_time("Nanoseconds") {
                (parse_time(value) * 1_000_000).to_string()
            } else {
                // A text has its length before it, and addresses have leading zeros.
                let value = value.trim();
                let value = match value.strip_prefix("(len: ") {
                    Some(text) => text.split_once(") ").unwrap().1,
                    None => value,
                };
                value
                    .parse::<Ipv6Addr>()
                    .map_or_else(|_| value.to_owned(), |address| address.to_string())
            };
            add(record, name, value);
        }
    }
    records.extend(record);
    records
}

fn compare(file: &Path, expected: &[Elements]) {
    let read = read(file);
    let (options, records): (Vec<_>, Vec<_>) = read
        .into_iter()
        .partition(|record| !record.contains_key("protocolIdentifier"));
    for (record, expected) in records.iter().zip(expected) {
        assert_eq!(record, expected);
    }
    assert_eq!(records.len(), expected.len());
    let shown = |key: &str| {
        options
            .iter()
            .filter(|option| option.contains_key(key))
            .count()
    };
    // Three interfaces have names.
    assert_eq!(
        (shown("interfaceName"), shown("samplingPacketInterval")),
        (3, 1)
    );
    let named = options.iter().any(|option| {
        option
            .get("ingressInterface")
            .is_some_and(|index| index == "1")
            && option["interfaceName"].ends_with("eth0")
    });
    assert!(named, "{options:?}");
    assert_eq!(shown("exportedFlowRecordTotalCount"), 1);
}

fn exported(settings: Settings, expected: fn(&[mermin_core::Flow]) -> Vec<Elements>) {
    let folder = Folder::new("dump");
    let file = folder.file("flows.ipfix");
    let flows = detailed_flows(500);
    export(Exporter::file(&file, settings).unwrap(), &flows);
    compare(&file, &expected(&flows));
}

pub(crate) fn uniflow() {
    exported(Settings::default(), uniflows);
}

pub(crate) fn biflow() {
    exported(Settings::default().biflow(true), biflows);
}

/// It shows whole seconds of times in nanoseconds.
fn in_seconds(mut records: Vec<Elements>) -> Vec<Elements> {
    const SECOND: u64 = 1_000_000_000;
    for record in &mut records {
        for name in ["flowStartNanoseconds", "flowEndNanoseconds"] {
            let time = record.get_mut(name).unwrap();
            *time = (time.parse::<u64>().unwrap() / SECOND * SECOND).to_string();
        }
    }
    records
}

pub(crate) fn options() {
    exported(all_options(), |flows| {
        in_seconds(uniflows_of_all_options(flows))
    });
    let biflow = all_options().biflow(true);
    exported(biflow, |flows| in_seconds(biflows_of_all_options(flows)));
}

pub(crate) fn stream() {
    let folder = Folder::new("stream");
    let file = folder.file("flows.ipfix");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let receiver = thread::spawn(move || {
        let mut octets = Vec::new();
        listener
            .accept()
            .unwrap()
            .0
            .read_to_end(&mut octets)
            .unwrap();
        octets
    });
    let flows = detailed_flows(500);
    export(Exporter::tcp(address, Settings::default()).unwrap(), &flows);
    fs::write(&file, receiver.join().unwrap()).unwrap();
    compare(&file, &uniflows(&flows));
}
