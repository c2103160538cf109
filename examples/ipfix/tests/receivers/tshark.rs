//! Wireshark's dissector, on messages as datagrams of a capture.

use std::fs;

use mermin_core::sink::testing::detailed_flows;
use mermin_ipfix::{Exporter, Settings};
use mermin_testing::Folder;

use crate::{
    decode::Decoded,
    expected::{
        Elements, add, all_options, biflows, biflows_of_all_options, parse_time, reverse, uniflows,
        uniflows_of_all_options,
    },
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

/// Fields of the dissector, and the elements that they show.
const FIELDS: [(&str, &str); 41] = [
    ("packets", "packetDeltaCount"),
    ("octets", "octetDeltaCount"),
    ("permanent_packets", "packetTotalCount"),
    ("permanent_octets", "octetTotalCount"),
    ("layer2_octet_delta_count", "layer2OctetDeltaCount"),
    ("drop_packets", "droppedPacketDeltaCount"),
    ("tos", "ipClassOfService"),
    ("ip_ttl", "ipTTL"),
    ("tcpflags", "tcpControlBits"),
    ("icmp_type_code_ipv4", "icmpTypeCodeIPv4"),
    ("ipv6flowlabel", "flowLabelIPv6"),
    ("srcaddr", "sourceIPv4Address"),
    ("dstaddr", "destinationIPv4Address"),
    ("srcaddrv6", "sourceIPv6Address"),
    ("dstaddrv6", "destinationIPv6Address"),
    ("srcport", "sourceTransportPort"),
    ("dstport", "destinationTransportPort"),
    ("ipsec_spi", "IPSecSPI"),
    ("protocol", "protocolIdentifier"),
    ("inputint", "ingressInterface"),
    ("srcmac", "sourceMacAddress"),
    ("dstmac", "destinationMacAddress"),
    ("vlanid", "vlanId"),
    ("dot1q_vlan_id", "dot1qVlanId"),
    ("dot1q_customer_vlan_id", "dot1qCustomerVlanId"),
    ("layer2_segment_id", "layer2SegmentId"),
    ("flow_end_reason", "flowEndReason"),
    ("flow_id", "flowId"),
    ("biflow_direction", "biflowDirection"),
    ("sampling_interval", "samplingInterval"),
    ("post_natsource_ipv4_address", "postNATSourceIPv4Address"),
    (
        "post_natdestination_ipv4_address",
        "postNATDestinationIPv4Address",
    ),
    (
        "post_naptsource_transport_port",
        "postNAPTSourceTransportPort",
    ),
    (
        "post_naptdestination_transport_port",
        "postNAPTDestinationTransportPort",
    ),
    ("post_nat_source_ipv6_address", "postNATSourceIPv6Address"),
    (
        "post_nat_destination_ipv6_address",
        "postNATDestinationIPv6Address",
    ),
    ("appl_name", "applicationName"),
    ("http_request_host", "httpRequestHost"),
    ("icmp_ipv6_code", "icmpTypeCodeIPv6"),
    ("abstimestart", "flowStart"),
    ("abstimeend", "flowEnd"),
];

/// CERT's elements, which the dissector shows by number, and if their value is a text.
const CERT: [(&str, &str, bool); 5] = [
    ("21", "reverseFlowDeltaMilliseconds", false),
    ("175", "dnsQRType", false),
    ("177", "dnsNXDomain", false),
    ("179", "dnsQName", true),
    ("294", "sslServerName", true),
];

/// Returns the value of an attribute of a line of PDML.
fn attribute<'l>(line: &'l str, name: &str) -> &'l str {
    let begin = format!(" {name}=\"");
    let value = line.split_once(&begin).map_or("", |(_, rest)| rest);
    value.split('"').next().unwrap()
}

fn number(octets: &str) -> u64 {
    u64::from_str_radix(octets, 16).unwrap()
}

/// Returns the octets of a text, without those that pad it.
fn text(octets: &str) -> String {
    let pairs = octets.as_bytes().chunks(2);
    let octets: Vec<_> = pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    let text = String::from_utf8(octets).unwrap();
    text.trim_end_matches('\0').to_owned()
}

/// Returns nanoseconds since 1970 of `Nov 14, 2023 22:13:20.123000000 UTC`.
fn time(shown: &str) -> u64 {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let words: Vec<_> = shown
        .split([' ', ','])
        .filter(|it| !it.is_empty())
        .collect();
    let [month, day, year, clock, _] = words[..] else {
        panic!("{shown}");
    };
    let month = MONTHS.find(month).unwrap() / 3 + 1;
    let (seconds, decimals) = clock.split_once('.').unwrap();
    let milliseconds = parse_time(&format!("{year}-{month}-{day} {seconds}.000"));
    milliseconds * 1_000_000 + decimals.parse::<u64>().unwrap()
}

/// Records of flows, as the dissector shows them.
fn read(pdml: &str) -> Vec<Elements> {
    let mut records = Vec::new();
    let mut record: Option<Elements> = None;
    let (mut unit, mut kind) = ("", 0);
    for line in pdml.lines() {
        let depth = line.len() - line.trim_start().len();
        if depth == 6 {
            records.extend(record.take());
            let is_flow = attribute(line, "show").starts_with("Flow ");
            record = is_flow.then(Elements::new);
        }
        let Some(record) = record.as_mut().filter(|_| depth > 6) else {
            continue;
        };
        let (name, label) = (attribute(line, "name"), attribute(line, "showname"));
        let (shown, octets) = (attribute(line, "show"), attribute(line, "value"));
        let Some(name) = name.strip_prefix("cflow.") else {
            continue;
        };
        match name {
            "timedelta" => unit = label.rsplit_once('(').unwrap().1.trim_end_matches(')'),
            "icmp_ipv6_type" => kind = number(octets),
            "enterprise_private_entry" => {
                let known = CERT.iter().find(|(number, ..)| {
                    label.contains(&format!("(CERT Coordination Center) Type {number}:"))
                });
                let (_, element, is_text) = known.unwrap_or_else(|| panic!("{line}"));
                let value = if *is_text {
                    text(octets)
                } else {
                    number(octets).to_string()
                };
                add(record, element, value);
            }
            // Bits of flags, and lengths of texts.
            _ if name.starts_with("tcpflags.") || name.starts_with("string_len") => {}
            _ => {
                let known = FIELDS.iter().find(|(known, _)| *known == name);
                // Other fields are of options.
                let Some((_, element)) = known else {
                    add(record, name, shown.to_owned());
                    continue;
                };
                let (element, value) = match name {
                    "abstimestart" | "abstimeend" => {
                        let (first, rest) = unit.split_at(1);
                        let divisor = if unit == "milliseconds" { 1_000_000 } else { 1 };
                        let element = format!("{element}{}{rest}", first.to_uppercase());
                        (element, (time(shown) / divisor).to_string())
                    }
                    "appl_name" | "http_request_host" => ((*element).to_owned(), text(octets)),
                    "icmp_ipv6_code" => {
                        let both = kind << 8 | number(octets);
                        ((*element).to_owned(), both.to_string())
                    }
                    _ => {
                        let digits = shown.strip_prefix("0x");
                        let value =
                            digits.map_or_else(|| shown.to_owned(), |it| number(it).to_string());
                        ((*element).to_owned(), value)
                    }
                };
                let is_reverse = label.contains("(Reverse Type ");
                let element = if is_reverse {
                    reverse(&element)
                } else {
                    element
                };
                add(record, &element, value);
            }
        }
    }
    records.extend(record);
    records.retain(|record| record.contains_key("protocolIdentifier"));
    records
}

/// The dissector's fractions of a second may be a nanosecond short.
fn with_exact_times(mut record: Elements, expected: &Elements) -> Elements {
    for name in ["flowStartNanoseconds", "flowEndNanoseconds"] {
        let (Some(value), Some(exact)) = (record.get_mut(name), expected.get(name)) else {
            continue;
        };
        let difference = exact.parse::<u64>().unwrap() - value.parse::<u64>().unwrap();
        if difference <= 1 {
            value.clone_from(exact);
        }
    }
    record
}

fn compare(settings: Settings, records: fn(&[mermin_core::Flow]) -> Vec<Elements>) {
    let folder = Folder::new("tshark");
    let file = folder.file("flows.ipfix");
    let flows = detailed_flows(300);
    export(Exporter::file(&file, settings).unwrap(), &flows);
    let messages = fs::read(&file).unwrap();
    Decoded::read(&messages).check_sequence();
    let capture = folder.file("flows.pcap");
    fs::write(&capture, wrapped(&messages)).unwrap();
    let capture = capture.to_str().unwrap();
    let common = ["-n", "-r", capture, "-d", "udp.port==4739,cflow"];
    let pdml = output("tshark", &[&common[..], &["-T", "pdml"]].concat());
    let expected = records(&flows);
    let read = read(&pdml);
    assert_eq!(read.len(), expected.len());
    for (record, expected) in read.into_iter().zip(&expected) {
        assert_eq!(&with_exact_times(record, expected), expected);
    }
    assert!(!pdml.contains("_ws.malformed"));
}

pub(crate) fn uniflow() {
    compare(Settings::default(), uniflows);
}

pub(crate) fn biflow() {
    compare(Settings::default().biflow(true), biflows);
}

pub(crate) fn options() {
    compare(all_options(), uniflows_of_all_options);
    compare(all_options().biflow(true), biflows_of_all_options);
}
