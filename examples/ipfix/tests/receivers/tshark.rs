//! Wireshark's dissector, on messages as datagrams of a capture.

use std::{fs, path::Path};

use mermin_core::sink::testing::detailed_flows;
use mermin_ipfix::{Exporter, Settings};
use mermin_testing::Folder;

use crate::{
    decode::Decoded,
    expected::{Elements, biflows, uniflows},
    support::{export, output},
};

/// Wraps each message into a frame.
fn wrapped(messages: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 4 << 16 | 2, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    let mut rest = messages;
    while !rest.is_empty() {
        let length = u16::from_be_bytes([rest[2], rest[3]]);
        let (message, behind) = rest.split_at(length.into());
        rest = behind;
        let mut frame = vec![0; 12];
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((28 + length).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        for number in [4000, 4739, 8 + length, 0] {
            frame.extend(number.to_be_bytes());
        }
        frame.extend(message);
        let captured = u32::try_from(frame.len()).unwrap();
        for word in [1, 0, captured, captured] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

/// Values of a field in the order of records.
fn field(file: &Path, name: &str) -> Vec<String> {
    let file = file.to_str().unwrap();
    let said = output(
        "tshark",
        &[
            "-n",
            "-r",
            file,
            "-d",
            "udp.port==4739,cflow",
            "-T",
            "fields",
            "-e",
            name,
        ],
    );
    said.split(['\n', ','])
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Values of these elements where a record has them.
fn expected(records: &[Elements], names: &[&str]) -> Vec<String> {
    records
        .iter()
        .flat_map(|record| names.iter().filter_map(|name| record.get(*name).cloned()))
        .collect()
}

fn compare(settings: Settings, records: fn(&[mermin_core::Flow]) -> Vec<Elements>) {
    let folder = Folder::new("tshark");
    let file = folder.file("flows.ipfix");
    let flows = detailed_flows(300);
    export(Exporter::file(&file, settings).unwrap(), &flows);
    let messages = fs::read(&file).unwrap();
    Decoded::read(&messages).check_sequence();
    let capture = {
        let path = folder.file("flows.pcap");
        fs::write(&path, wrapped(&messages)).unwrap();
        path
    };
    let records = records(&flows);
    // Reverse elements come first, and the dissector shows both under one name.
    for (name, elements) in [
        (
            "cflow.octets",
            ["reverseOctetDeltaCount", "octetDeltaCount"].as_slice(),
        ),
        (
            "cflow.packets",
            &["reversePacketDeltaCount", "packetDeltaCount"],
        ),
        ("cflow.flow_id", &["flowId"]),
        ("cflow.srcaddr", &["sourceIPv4Address"]),
        ("cflow.dstaddr", &["destinationIPv4Address"]),
        ("cflow.srcaddrv6", &["sourceIPv6Address"]),
        ("cflow.dstaddrv6", &["destinationIPv6Address"]),
        ("cflow.srcport", &["sourceTransportPort"]),
        ("cflow.dstport", &["destinationTransportPort"]),
        ("cflow.protocol", &["protocolIdentifier"]),
        ("cflow.flow_end_reason", &["flowEndReason"]),
        ("cflow.srcmac", &["sourceMacAddress"]),
        ("cflow.dstmac", &["destinationMacAddress"]),
        ("cflow.ip_ttl", &["reverseIpTTL", "ipTTL"]),
        ("cflow.http_request_host", &["httpRequestHost"]),
    ] {
        assert_eq!(
            field(&capture, name),
            expected(&records, elements),
            "{name}"
        );
    }
    assert_eq!(field(&capture, "_ws.malformed"), [""; 0]);
}

pub(crate) fn uniflow() {
    compare(Settings::default(), uniflows);
}

pub(crate) fn biflow() {
    compare(Settings::default().biflow(true), biflows);
}
