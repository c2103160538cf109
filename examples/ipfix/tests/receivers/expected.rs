//! The values that receivers have to show of a flow, worked out from the flow alone.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use mermin_core::{
    Flow,
    flow::{Application, Direction, IpHeader, MacAddress, NatSeen, Protocol, TunnelKind, Uniflow},
};
use mermin_ipfix::{FineTimes, Settings};

/// One direction of a flow, as a collector of one-way records stores it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) addresses: [IpAddr; 2],
    /// Source and destination port; of ICMP 0, and type and code.
    pub(crate) ports: [u16; 2],
    pub(crate) protocol: u8,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    pub(crate) flags: u8,
    pub(crate) tos: u8,
    /// First and last packet, ms since 1970.
    pub(crate) times: [u64; 2],
    pub(crate) interface: u64,
    /// Source and destination.
    pub(crate) macs: [String; 2],
    pub(crate) vlan: u16,
}

/// The directions of a flow that have a record, and whether each is backwards.
pub(crate) fn ways(flow: &Flow) -> Vec<bool> {
    let mut ways = Vec::new();
    if has(flow, false) || !has(flow, true) {
        ways.push(false);
    }
    if has(flow, true) {
        ways.push(true);
    }
    ways
}

/// Packets of a direction that the kernel dropped.
fn dropped(flow: &Flow, back: bool) -> u64 {
    let drops = flow.drops.as_deref().cloned().unwrap_or_default();
    let dropped = if back { drops.reverse } else { drops.forward };
    dropped.iter().map(|one| one.packets).sum()
}

/// A direction has packets, or dropped ones.
fn has(flow: &Flow, back: bool) -> bool {
    let way = if back { &flow.reverse } else { &flow.forward };
    way.packets.delta != 0 || dropped(flow, back) != 0
}

fn is_icmp(flow: &Flow) -> bool {
    matches!(flow.protocol, Protocol::ICMP | Protocol::ICMPV6)
}

fn message(way: &Uniflow) -> u16 {
    way.icmp
        .map_or(0, |icmp| u16::from(icmp.kind) << 8 | u16::from(icmp.code))
}

/// Time of the SYN-ACK that answered the flow's SYN, unless that is later than the last packet.
fn answer(flow: &Flow) -> Option<SystemTime> {
    let latency = flow.tcp.and_then(|tcp| tcp.handshake_latency)?;
    let answer = flow.start + latency;
    (flow.direction == Direction::Forward && answer <= flow.end).then_some(answer)
}

/// First and last packet, ns since 1970. Of an answered connection, the second direction begins with the answer.
fn nanoseconds(flow: &Flow, back: bool) -> [u64; 2] {
    let start = match answer(flow) {
        Some(answer) if back => answer,
        _ => flow.start,
    };
    [start, flow.end]
        .map(|time| u64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap())
}

fn milliseconds(flow: &Flow, back: bool) -> [u64; 2] {
    nanoseconds(flow, back).map(|time| time / 1_000_000)
}

/// MAC addresses of the record's source and destination.
fn macs(flow: &Flow, back: bool) -> [Option<MacAddress>; 2] {
    let mut macs = [flow.interface.source_mac, flow.interface.destination_mac];
    if back {
        macs.reverse();
    }
    macs
}

pub(crate) fn rows(flows: &[Flow]) -> Vec<Row> {
    let mut rows: Vec<_> = flows
        .iter()
        .flat_map(|flow| ways(flow).into_iter().map(move |back| row(flow, back)))
        .collect();
    rows.sort();
    rows
}

pub(crate) fn row(flow: &Flow, back: bool) -> Row {
    let way = if back { &flow.reverse } else { &flow.forward };
    let mut ends = [flow.source, flow.destination];
    if back {
        ends.reverse();
    }
    Row {
        addresses: ends.map(|end| end.address),
        ports: if is_icmp(flow) {
            [0, message(way)]
        } else {
            ends.map(|end| end.port.unwrap_or(0))
        },
        protocol: flow.protocol.0,
        packets: way.packets.delta,
        octets: way.octets.delta,
        flags: way.tcp_flags.map_or(0, |flags| flags.0),
        tos: way.ip.map_or(0, |ip| ip.dscp << 2 | ip.ecn),
        times: milliseconds(flow, back),
        interface: flow.interface.index.into(),
        macs: macs(flow, back)
            .map(|mac| mac.map_or("00:00:00:00:00:00".to_owned(), |mac| mac.to_string())),
        vlan: flow.vlans.first().copied().unwrap_or(0),
    }
}

/// `flowId`: both halves of the id.
pub(crate) fn flow_id(flow: &Flow) -> u64 {
    let id = flow.id.to_u128();
    u64::try_from(id >> 64).unwrap() ^ u64::try_from(id & u128::from(u64::MAX)).unwrap()
}

/// Elements of a record by IANA's names, as text: numbers in decimal, times in ms.
pub(crate) type Elements = BTreeMap<String, String>;

/// Records of one-way flows.
pub(crate) fn uniflows(flows: &[Flow]) -> Vec<Elements> {
    flows
        .iter()
        .flat_map(|flow| {
            let elements = |back| elements(flow, back, dropped(flow, back) != 0);
            ways(flow).into_iter().map(elements)
        })
        .collect()
}

/// Records of RFC 5103.
pub(crate) fn biflows(flows: &[Flow]) -> Vec<Elements> {
    flows.iter().map(biflow).collect()
}

fn biflow(flow: &Flow) -> Elements {
    let has_dropped = dropped(flow, false) != 0 || dropped(flow, true) != 0;
    let mut elements = elements(flow, false, has_dropped);
    let direction = match flow.direction {
        Direction::Forward => 1,
        Direction::Reverse => 2,
        Direction::Unknown => 0,
    };
    elements.insert("biflowDirection".to_owned(), direction.to_string());
    if let Some(answer) = answer(flow) {
        let delay = answer.duration_since(flow.start).unwrap().as_millis();
        elements.insert("reverseFlowDeltaMilliseconds".to_owned(), delay.to_string());
    }
    if has(flow, true) {
        for (name, value) in counts(flow, true, has_dropped) {
            elements.insert(reverse(&name), value);
        }
        for (name, value) in translated(flow, true) {
            elements.insert(reverse(&name), value);
        }
    }
    elements
}

/// Name of the element of RFC 5103.
pub(crate) fn reverse(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("reverse{}{rest}", first.to_uppercase())
}

/// Adds an element. Of two with one name, the first is of the outer header (RFC 7011 section 8).
pub(crate) fn add(elements: &mut Elements, name: &str, value: String) {
    if let Some(first) = elements.insert(name.to_owned(), value) {
        elements.insert(format!("outer {name}"), first);
    }
}

/// Every element that is off by default.
pub(crate) fn all_options() -> Settings {
    Settings::default()
        .fine_times(FineTimes::Nanoseconds)
        .wide_tcp_flags(true)
        .totals(true)
        .dot1q(true)
        .outer_addresses(true)
        .frame_octets(true)
}

/// Records of one-way flows, with these elements.
pub(crate) fn uniflows_of_all_options(flows: &[Flow]) -> Vec<Elements> {
    let ways = flows
        .iter()
        .flat_map(|flow| ways(flow).into_iter().map(move |back| (flow, back)));
    let records = uniflows(flows).into_iter().zip(ways);
    let with = |(record, (flow, back))| with_options(record, flow, back);
    records.map(with).collect()
}

/// Records of RFC 5103, with these elements.
pub(crate) fn biflows_of_all_options(flows: &[Flow]) -> Vec<Elements> {
    let records = biflows(flows).into_iter().zip(flows);
    let with = |(record, flow): (Elements, &Flow)| {
        let mut record = with_options(record, flow, false);
        if has(flow, true) {
            for (name, value) in optional_counts(flow, true) {
                record.insert(reverse(name), value.to_string());
            }
        }
        record
    };
    records.map(with).collect()
}

fn optional_counts(flow: &Flow, back: bool) -> [(&'static str, u64); 3] {
    let way = if back { &flow.reverse } else { &flow.forward };
    [
        ("packetTotalCount", way.packets.total),
        ("octetTotalCount", way.octets.total),
        ("layer2OctetDeltaCount", way.frame_octets.delta),
    ]
}

fn with_options(mut record: Elements, flow: &Flow, back: bool) -> Elements {
    for (name, value) in optional_counts(flow, back) {
        record.insert(name.to_owned(), value.to_string());
    }
    let [start, end] = nanoseconds(flow, back);
    record.insert("flowStartNanoseconds".to_owned(), start.to_string());
    record.insert("flowEndNanoseconds".to_owned(), end.to_string());
    if let Some(tag) = record.remove("vlanId") {
        record.insert("dot1qVlanId".to_owned(), tag);
    }
    if let Some(tunnel) = &flow.tunnel {
        let mut ends = [tunnel.source.address, tunnel.destination.address];
        if back {
            ends.reverse();
        }
        let version = if ends[0].is_ipv6() { 6 } else { 4 };
        for (side, end) in ["source", "destination"].into_iter().zip(ends) {
            let name = format!("{side}IPv{version}Address");
            // The other version has a name of its own.
            let is_taken = record.contains_key(&name);
            let name = if is_taken {
                format!("outer {name}")
            } else {
                name
            };
            record.insert(name, end.to_string());
        }
    }
    record
}

fn counts(flow: &Flow, back: bool, has_dropped: bool) -> Elements {
    let way = if back { &flow.reverse } else { &flow.forward };
    let mut elements = Elements::new();
    let mut add = |name: &str, value: u64| elements.insert(name.to_owned(), value.to_string());
    add("packetDeltaCount", way.packets.delta);
    add("octetDeltaCount", way.octets.delta);
    if has_dropped {
        add("droppedPacketDeltaCount", dropped(flow, back));
    }
    // A direction without packets has no headers.
    let ip = way.ip.unwrap_or(IpHeader::new(0, 0, None));
    add("ipClassOfService", u64::from(ip.dscp << 2 | ip.ecn));
    add("ipTTL", ip.ttl.into());
    if flow.source.address.is_ipv6() {
        add("flowLabelIPv6", ip.flow_label.unwrap_or(0).into());
    }
    match flow.protocol {
        Protocol::TCP => _ = add("tcpControlBits", way.tcp_flags.unwrap_or_default().0.into()),
        Protocol::ICMP => _ = add("icmpTypeCodeIPv4", message(way).into()),
        Protocol::ICMPV6 => _ = add("icmpTypeCodeIPv6", message(way).into()),
        _ => {}
    }
    elements
}

/// Sender and receiver behind a translation, of a direction whose packets were seen before it.
fn translated(flow: &Flow, back: bool) -> Elements {
    let mut elements = Elements::new();
    let before = if back {
        NatSeen::After
    } else {
        NatSeen::Before
    };
    let Some(nat) = flow.nat.as_deref().filter(|nat| nat.seen == before) else {
        return elements;
    };
    let mut ends = [
        (nat.source, flow.source),
        (nat.destination, flow.destination),
    ];
    if back {
        ends.reverse();
    }
    for (side, (other, own)) in ["Source", "Destination"].into_iter().zip(ends) {
        let end = other.unwrap_or(own);
        let version = if end.address.is_ipv6() { 6 } else { 4 };
        let name = format!("postNAT{side}IPv{version}Address");
        elements.insert(name, end.address.to_string());
        if let Some(port) = end.port {
            elements.insert(format!("postNAPT{side}TransportPort"), port.to_string());
        }
    }
    elements
}

/// `has_dropped`: a direction of the record has packets that the kernel dropped.
fn elements(flow: &Flow, back: bool, has_dropped: bool) -> Elements {
    let row = row(flow, back);
    let mut elements = counts(flow, back, has_dropped);
    elements.extend(translated(flow, back));
    let version = if flow.source.address.is_ipv6() { 6 } else { 4 };
    let mut add = |name: &str, value: String| elements.insert(name.to_owned(), value);
    add(
        &format!("sourceIPv{version}Address"),
        row.addresses[0].to_string(),
    );
    add(
        &format!("destinationIPv{version}Address"),
        row.addresses[1].to_string(),
    );
    if flow.source.port.is_some() || is_icmp(flow) {
        add("sourceTransportPort", row.ports[0].to_string());
        add("destinationTransportPort", row.ports[1].to_string());
    }
    if let Some(spi) = flow.ipsec.as_ref().and_then(|ipsec| ipsec.esp_spi) {
        add("IPSecSPI", spi.to_string());
    }
    add("protocolIdentifier", row.protocol.to_string());
    add("flowStartMilliseconds", row.times[0].to_string());
    add("flowEndMilliseconds", row.times[1].to_string());
    add("ingressInterface", row.interface.to_string());
    for (name, mac) in ["sourceMacAddress", "destinationMacAddress"]
        .into_iter()
        .zip(macs(flow, back))
    {
        if let Some(mac) = mac {
            add(name, mac.to_string());
        }
    }
    if let [outer, inner @ ..] = &*flow.vlans {
        add("vlanId", outer.to_string());
        if let Some(inner) = inner.first() {
            add("dot1qCustomerVlanId", inner.to_string());
        }
    }
    if let Some(tunnel) = &flow.tunnel
        && let Some(id) = tunnel.id
    {
        let id = u64::from(id);
        let is_ethernet = macs(flow, back).iter().any(Option::is_some);
        let segment = match tunnel.kind {
            TunnelKind::Vxlan => Some(1 << 56 | id),
            TunnelKind::Geneve | TunnelKind::VxlanGpe => Some(id),
            TunnelKind::Gre if is_ethernet && id > 0x000f_ffff => Some(2 << 56 | id >> 8),
            _ => None,
        };
        if let Some(segment) = segment {
            add("layer2SegmentId", segment.to_string());
        }
    }
    add("flowEndReason", flow.end_reason.number().to_string());
    add("flowId", flow_id(flow).to_string());
    if let Some(interval) = flow.sampling_interval {
        add("samplingInterval", interval.to_string());
    }
    if let Some(application) = flow.application.as_deref() {
        elements.extend(names(application));
    }
    elements
}

fn names(application: &Application) -> Elements {
    let mut elements = Elements::new();
    let mut add = |name: &str, value: String| elements.insert(name.to_owned(), value);
    if let Some(host) = &application.http_host {
        add("applicationName", "http".to_owned());
        add("httpRequestHost", host.to_string());
    }
    if let Some(dns) = &application.dns {
        add("applicationName", "dns".to_owned());
        add("dnsQName", dns.question.to_string());
        add("dnsQRType", dns.question_type.to_string());
        if let Some(code) = dns.response_code {
            add("dnsNXDomain", code.to_string());
        }
    }
    if let Some(tls) = &application.tls {
        add("applicationName", "tls".to_owned());
        if let Some(server) = &tls.server_name {
            add("sslServerName", server.to_string());
        }
    }
    if application.quic_version.is_some() {
        add("applicationName", "quic".to_owned());
    }
    elements
}

/// Milliseconds since 1970 of `2025-11-23 00:00:00.000`, with a space or a `T`, and any decimals.
pub(crate) fn parse_time(text: &str) -> u64 {
    let numbers: Vec<u64> = text
        .split(['-', ' ', 'T', ':', '.', 'Z'])
        .filter(|part| !part.is_empty())
        .take(6)
        .map(|part| part.parse().unwrap())
        .collect();
    let [year, month, day, hour, minute, second] = numbers[..] else {
        panic!("{text}");
    };
    // Days before a month of a year that is no leap year.
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let years: u64 = (1970..year)
        .map(|year| 365 + u64::from(is_leap(year)))
        .sum();
    let month = usize::try_from(month).unwrap();
    let leap = u64::from(is_leap(year) && month > 2);
    let days = years + before[month - 1] + leap + day - 1;
    let fraction = text.split_once('.').map_or(0, |(_, decimals)| {
        let padded = format!("{}000", decimals.trim_end_matches('Z'));
        padded[..3].parse().unwrap()
    });
    (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + fraction
}
