//! Table of all attributes: name, kind, unit, meaning. The reference is generated from it.

use super::{drops, name::Name, tcp_analysis, tcp_sockets};

/// Kinds of attribute values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// [`Value::Text`](super::Value::Text).
    Text,
    /// [`Value::Texts`](super::Value::Texts).
    Texts,
    /// [`Value::Number`](super::Value::Number): an unsigned integer of at most 64 bits.
    Number,
    /// [`Value::Numbers`](super::Value::Numbers).
    Numbers,
    /// [`Value::Time`](super::Value::Time).
    Time,
}

/// An attribute: its name, kind and meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribute {
    /// The name, with dots.
    pub name: &'static str,
    /// The kind of its value.
    pub kind: Kind,
    /// The meaning, in one sentence.
    pub meaning: &'static str,
    /// Unit in UCUM's notation, as OpenTelemetry uses it (`By`, `ns`, `{packet}`); empty if it has no unit.
    pub unit: &'static str,
    /// The condition under which a record has it, in words; [`ALWAYS`] if every record has it.
    pub presence: &'static str,
    /// IANA's names of the IPFIX elements with the same meaning. There are two where IPv4 and IPv6 have one each.
    pub ipfix: &'static [&'static str],
}

/// [`Attribute::presence`] of attributes that every record has.
pub const ALWAYS: &str = "always";

impl Attribute {
    const fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    const fn when(self, presence: &'static str) -> Self {
        Self { presence, ..self }
    }

    const fn ipfix(self, ipfix: &'static [&'static str]) -> Self {
        Self { ipfix, ..self }
    }
}

const fn text(name: &'static str, meaning: &'static str) -> Attribute {
    let kind = Kind::Text;
    Attribute {
        name,
        kind,
        meaning,
        unit: "",
        presence: ALWAYS,
        ipfix: &[],
    }
}

const fn number(name: &'static str, meaning: &'static str) -> Attribute {
    Attribute {
        kind: Kind::Number,
        ..text(name, meaning)
    }
}

const fn of(kind: Kind, name: &'static str, meaning: &'static str) -> Attribute {
    Attribute {
        kind,
        ..text(name, meaning)
    }
}

/// Names of the attributes of one direction.
pub(super) struct UniflowAttributes {
    /// Packets, octets, frame octets: delta and total.
    pub(super) counts: [[Name; 2]; 3],
    pub(super) dscp_id: Name,
    pub(super) dscp_name: Name,
    pub(super) ecn_id: Name,
    pub(super) ecn_name: Name,
    pub(super) ttl: Name,
    pub(super) flow_label: Name,
    pub(super) icmp_type_id: Name,
    pub(super) icmp_type_name: Name,
    pub(super) icmp_code_id: Name,
    pub(super) icmp_code_name: Name,
    pub(super) tcp_flag_bits: Name,
    pub(super) tcp_flag_tags: Name,
}

macro_rules! names {
    ($prefix:literal) => {
        UniflowAttributes {
            counts: [
                [
                    Name::new(concat!($prefix, "packets.delta")),
                    Name::new(concat!($prefix, "packets.total")),
                ],
                [
                    Name::new(concat!($prefix, "bytes.delta")),
                    Name::new(concat!($prefix, "bytes.total")),
                ],
                [
                    Name::new(concat!($prefix, "frame_bytes.delta")),
                    Name::new(concat!($prefix, "frame_bytes.total")),
                ],
            ],
            dscp_id: Name::new(concat!($prefix, "ip.dscp.id")),
            dscp_name: Name::new(concat!($prefix, "ip.dscp.name")),
            ecn_id: Name::new(concat!($prefix, "ip.ecn.id")),
            ecn_name: Name::new(concat!($prefix, "ip.ecn.name")),
            ttl: Name::new(concat!($prefix, "ip.ttl")),
            flow_label: Name::new(concat!($prefix, "ip.flow_label")),
            icmp_type_id: Name::new(concat!($prefix, "icmp.type.id")),
            icmp_type_name: Name::new(concat!($prefix, "icmp.type.name")),
            icmp_code_id: Name::new(concat!($prefix, "icmp.code.id")),
            icmp_code_name: Name::new(concat!($prefix, "icmp.code.name")),
            tcp_flag_bits: Name::new(concat!($prefix, "tcp.flags.bits")),
            tcp_flag_tags: Name::new(concat!($prefix, "tcp.flags.tags")),
        }
    };
}

pub(super) static FORWARD: UniflowAttributes = names!("flow.");
pub(super) static REVERSE: UniflowAttributes = names!("flow.reverse.");

/// Rows of the attributes of one direction; `$way` names the direction.
macro_rules! one_way {
    ($names:ident, $way:literal) => {
        &[
            number($names.counts[0][0].text, concat!("Packets on the wire ", $way, " since this flow's previous record")).unit("{packet}").ipfix(&["packetDeltaCount"]),
            number($names.counts[0][1].text, concat!("Packets on the wire ", $way, " since the flow began")).unit("{packet}").ipfix(&["packetTotalCount"]),
            number($names.counts[1][0].text, concat!("IP octets on the wire ", $way, " since this flow's previous record")).unit("By").ipfix(&["octetDeltaCount"]),
            number($names.counts[1][1].text, concat!("IP octets on the wire ", $way, " since the flow began")).unit("By").ipfix(&["octetTotalCount"]),
            number($names.counts[2][0].text, concat!("Octets of whole frames ", $way, ", link header and padding included, since this flow's previous record")).unit("By").ipfix(&["layer2OctetDeltaCount"]),
            number($names.counts[2][1].text, concat!("Octets of whole frames ", $way, ", link header and padding included, since the flow began")).unit("By").ipfix(&["layer2OctetTotalCount"]),
            number($names.dscp_id.text, concat!("Differentiated services code point of the first packet ", $way, " in the record's interval")).when("a packet in this direction in the record's interval").ipfix(&["ipDiffServCodePoint"]),
            text($names.dscp_name.text, "Name of the code point in IANA's registry, lower case; `df` for 0").when("a packet in this direction in the record's interval, and a registered value"),
            number($names.ecn_id.text, concat!("ECN bits of the first packet ", $way, " in the record's interval (RFC 3168)")).when("a packet in this direction in the record's interval"),
            text($names.ecn_name.text, "Name of the ECN bits: `non-ect`, `ect1`, `ect0`, `ce`").when("a packet in this direction in the record's interval"),
            number($names.ttl.text, concat!("IPv4 time to live or IPv6 hop limit of the first packet ", $way, " in the record's interval")).when("a packet in this direction in the record's interval").ipfix(&["ipTTL"]),
            number($names.flow_label.text, concat!("IPv6 flow label of the first packet ", $way, " in the record's interval")).when("a packet in this direction in the record's interval, IPv6").ipfix(&["flowLabelIPv6"]),
            number($names.icmp_type_id.text, concat!("ICMP or ICMPv6 type of the first message ", $way, " in the record's interval")).when("a packet in this direction in the record's interval, ICMP or ICMPv6").ipfix(&["icmpTypeIPv4", "icmpTypeIPv6"]),
            text($names.icmp_type_name.text, "Name of the type in IANA's registry, lower case with underscores").when("the same, and a registered type"),
            number($names.icmp_code_id.text, concat!("ICMP or ICMPv6 code of the first message ", $way, " in the record's interval")).when("a packet in this direction in the record's interval, ICMP or ICMPv6").ipfix(&["icmpCodeIPv4", "icmpCodeIPv6"]),
            text($names.icmp_code_name.text, "Name of the code in IANA's registry, lower case with underscores; absent if the type has only one code").when("the same, and a registered code"),
            number($names.tcp_flag_bits.text, concat!("TCP flags ", $way, ", OR over the flow so far")).when("TCP").ipfix(&["tcpControlBits"]),
            of(Kind::Texts, $names.tcp_flag_tags.text, "Names of the TCP flags: `FIN`, `SYN`, `RST`, `PSH`, `ACK`, `URG`, `ECE`, `CWR`").when("TCP"),
        ]
    };
}

const FORWARD_ATTRIBUTES: &[Attribute] = one_way!(FORWARD, "from source to destination");
const REVERSE_ATTRIBUTES: &[Attribute] = one_way!(REVERSE, "from destination to source");

/// Condition of the attributes of the TCP analysis.
const ANALYSED: &str = "TCP, `tcp_analysis` is on";
const ROUND_TRIPS: &str = "the same, and a round trip was timed in the record's interval";
const RESPONSES: &str = "the same, and a response was timed in the record's interval";

/// Rows of the TCP analysis of one direction: `$way` names that direction, and `$back` the other one.
macro_rules! analysed {
    ($names:ident, $way:literal, $receiver:literal, $back:literal) => {
        &[
            number(tcp_analysis::$names.retransmissions.text, concat!("TCP segments ", $way, " that were sent again, as seen here, since this flow's previous record")).unit("{packet}").when(ANALYSED),
            number(tcp_analysis::$names.retransmitted_octets.text, concat!("Octets of payload ", $way, " that were sent again since this flow's previous record")).unit("By").when(ANALYSED),
            number(tcp_analysis::$names.out_of_order.text, concat!("TCP segments ", $way, " that were reordered, by the time in which they filled a gap, since this flow's previous record")).unit("{packet}").when(ANALYSED),
            number(tcp_analysis::$names.duplicate_acks.text, concat!("Duplicate acknowledgments ", $way, " since this flow's previous record (RFC 5681)")).unit("{packet}").when(ANALYSED),
            number(tcp_analysis::$names.zero_windows.text, concat!("TCP segments ", $way, " that advertised a window of zero since this flow's previous record")).unit("{packet}").when(ANALYSED),
            number(tcp_analysis::$names.resets.text, concat!("TCP segments ", $way, " with RST since this flow's previous record")).unit("{packet}").when(ANALYSED),
            number(tcp_analysis::$names.round_trip.mean.text, concat!("Mean time from a segment ", $way, " to its acknowledgment, as seen here: the round trip to the ", $receiver, ", in the record's interval")).unit("ns").when(ROUND_TRIPS),
            number(tcp_analysis::$names.round_trip.min.text, "Least round trip").unit("ns").when(ROUND_TRIPS),
            number(tcp_analysis::$names.round_trip.max.text, "Greatest round trip").unit("ns").when(ROUND_TRIPS),
            number(tcp_analysis::$names.round_trip.jitter.text, "Mean difference between each round trip and the one before").unit("ns").when(ROUND_TRIPS),
            number(tcp_analysis::$names.round_trip.samples.text, "Round trips that were timed").unit("{sample}").when(ROUND_TRIPS),
            number(tcp_analysis::$names.response.mean.text, concat!("Mean time from the end of a request ", $way, " to the first segment of the response ", $back, ", as seen here, in the record's interval")).unit("ns").when(RESPONSES),
            number(tcp_analysis::$names.response.min.text, "Least response time").unit("ns").when(RESPONSES),
            number(tcp_analysis::$names.response.max.text, "Greatest response time").unit("ns").when(RESPONSES),
            number(tcp_analysis::$names.response.jitter.text, "Mean difference between each response time and the one before").unit("ns").when(RESPONSES),
            number(tcp_analysis::$names.response.samples.text, "Responses that were timed").unit("{sample}").when(RESPONSES),
        ]
    };
}

#[rustfmt::skip]
const HANDSHAKE: &[Attribute] = &[
    number("flow.icmp.id", "Identifier of an ICMP or ICMPv6 query and its answers").when("an ICMP or ICMPv6 query or its answer"),
    number("flow.tcp.handshake.latency", "Time from the first SYN to SYN-ACK as seen here").unit("ns").when("both SYN and SYN-ACK were seen"),
    number("flow.tcp.handshake.client.latency", "Time from SYN-ACK to its acknowledgment as seen here: the round trip to the client").unit("ns").when("TCP, `tcp_analysis` is on, both were seen and the SYN-ACK was not sent again"),
    number("flow.tcp.handshake.server.latency", "Time from SYN to SYN-ACK as seen here: the round trip to the server").unit("ns").when("TCP, `tcp_analysis` is on, both were seen and the SYN was not sent again"),
];
#[rustfmt::skip]
const FORWARD_ANALYSED: &[Attribute] = analysed!(FORWARD, "from source to destination", "destination", "from destination to source");
#[rustfmt::skip]
const REVERSE_ANALYSED: &[Attribute] = analysed!(REVERSE, "from destination to source", "source", "from source to destination");

/// Rows of the socket at one end.
macro_rules! socket {
    ($names:ident, $end:literal) => {
        &[
            number(tcp_sockets::$names.smoothed_round_trip.text, concat!("Smoothed round trip of the ", $end, "'s socket in the kernel (`rtt` of `ss -ti`), as of the latest packet that it sent")).unit("ns").when("TCP, `tcp_sockets` is on, the socket is seen here and has timed a round trip"),
            number(tcp_sockets::$names.retransmissions.text, concat!("Segments that the ", $end, "'s socket has sent again since the connection began")).unit("{packet}").when("TCP, `tcp_sockets` is on, the socket is seen here"),
            number(tcp_sockets::$names.delivered.text, concat!("Segments of the ", $end, "'s socket that the other end has acknowledged since the connection began")).unit("{packet}").when("the same"),
            number(tcp_sockets::$names.congestion_window.text, concat!("Congestion window of the ", $end, "'s socket")).unit("{packet}").when("the same"),
        ]
    };
}

#[rustfmt::skip]
const SOURCE_SOCKET: &[Attribute] = socket!(SOURCE, "source");
#[rustfmt::skip]
const DESTINATION_SOCKET: &[Attribute] = socket!(DESTINATION, "destination");

/// Rows of dropped packets of one direction; `$way` names the direction.
macro_rules! dropped {
    ($names:ident, $way:literal) => {
        &[
            number(
                drops::$names.packets.text,
                concat!(
                    "Packets ",
                    $way,
                    " that the kernel dropped since this flow's previous record"
                ),
            )
            .unit("{packet}")
            .when("`drops` is on, and packets in this direction were dropped since then")
            .ipfix(&["droppedPacketDeltaCount"]),
            text(
                drops::$names.reason.text,
                "Reason of most of the dropped packets: the kernel's name without `SKB_DROP_REASON_`",
            )
            .when("the same"),
            of(
                Kind::Texts,
                drops::$names.reasons.text,
                "Reasons of the dropped packets, that of most packets first; `OTHER` for all beyond three",
            )
            .when("the same"),
            of(
                Kind::Numbers,
                drops::$names.reason_packets.text,
                "For each of the reasons, dropped packets",
            )
            .unit("{packet}")
            .when("the same"),
        ]
    };
}

#[rustfmt::skip]
const FORWARD_DROPPED: &[Attribute] = dropped!(FORWARD, "from source to destination");
#[rustfmt::skip]
const REVERSE_DROPPED: &[Attribute] = dropped!(REVERSE, "from destination to source");

#[rustfmt::skip]
const BEFORE: &[Attribute] = &[
    text("flow.id", "Id of the flow: 128 bits in hexadecimal, unique across restarts").ipfix(&["flowId"]),
    number("flow.sequence", "Number of this record in its flow, from 0; two records with the same id and sequence are the same record"),
    of(Kind::Time, "flow.start", "First packet of the flow").when("always live; in a capture with timestamps").ipfix(&["flowStartNanoseconds"]),
    of(Kind::Time, "flow.end", "Last packet counted in this record, rounded down by less than `flow.time.resolution`").when("always live; in a capture with timestamps").ipfix(&["flowEndNanoseconds"]),
    number("flow.time.resolution", "Resolution of `flow.end`: a tick of the kernel, 1 with `exact_end`; in a capture, the unit of its timestamps").unit("ns").when("always live; in a capture with timestamps"),
    text("flow.community_id", "Community ID version 1, seed 0 unless configured"),
    text("flow.end_reason", "Reason for which the record was made: `active timeout`, `idle timeout`, `end of flow detected`, `forced end`, `lack of resources`").ipfix(&["flowEndReason"]),
    text("flow.connection.state", "TCP state as of this record, as far as the segments seen prove it: `syn_sent`, `syn_received`, `established`, `fin_wait_1`, `fin_wait_2`, `close_wait`, `closing`, `last_ack`, `time_wait`, `closed`").when("TCP"),
    text("source.address", "Address of the side that started the flow: for TCP the sender of the SYN, otherwise the receiver of an answer, otherwise the sender of the first packet").ipfix(&["sourceIPv4Address", "sourceIPv6Address"]),
    number("source.port", "Transport port of the source; ICMP has none").when("the protocol has ports").ipfix(&["sourceTransportPort"]),
    text("destination.address", "Address of the other side").ipfix(&["destinationIPv4Address", "destinationIPv6Address"]),
    number("destination.port", "Transport port of the destination").when("the protocol has ports").ipfix(&["destinationTransportPort"]),
    text("flow.direction", "`forward`: the source is the client; `reverse`: the source is the server, because the capture began during the flow or the server sent the first packet; `unknown`"),
    text("flow.direction.rule", "Rule that decided the direction: `syn`, `answer`, `first_packet`, `listening_port` (if the option for listening ports is on), `port_number`; for an unknown direction `answer` if a reply was seen first, else `first_packet`").when("a source made the record"),
    text("network.transport", "IANA's keyword of the protocol in lower case, else its number").ipfix(&["protocolIdentifier"]),
    text("network.type", "`ipv4` or `ipv6`").ipfix(&["ipVersion"]),
    number("flow.sampling.interval", "Sampling interval: one flow of so many was kept, so multiply counts by it; 1 while all flows are kept").when("flows may be sampled (`sampling`)").ipfix(&["samplingInterval"]),
    number("network.interface.index", "Kernel index of the interface that saw the flow").ipfix(&["ingressInterface"]),
    text("network.interface.name", "Name of the interface that saw the flow").ipfix(&["interfaceName"]),
    text("network.interface.mac", "MAC address on the source's side of the link, from the flow's first packet").when("the link has MAC addresses; in a tunnel, if the source sent that packet").ipfix(&["sourceMacAddress"]),
    text("destination.mac", "MAC address on the destination's side of the link, from the flow's first packet").when("the link has MAC addresses; in a tunnel, if the destination sent that packet").ipfix(&["destinationMacAddress"]),
    of(Kind::Numbers, "network.vlan.ids", "VLAN ids, outermost first").when("VLAN tags").ipfix(&["dot1qVlanId", "dot1qCustomerVlanId"]),
    of(Kind::Texts, "flow.several", "Fields in which the flow's packets differed; the record has those of the first packet: `vlan_ids`, `vlan_tags` (more than two), `tunnel_ids`, `tunnels` (kinds or outer endpoints)").when("packets of the flow differ"),
];

#[rustfmt::skip]
const AFTER: &[Attribute] = &[
    text("tunnel.type", "Outermost encapsulation: `vxlan`, `geneve`, `gre`, `ipip`, `gtpu`, `wireguard`, `erspan`, `pptp`, `etherip`, `eoip`, `vxlan_gpe`, `l2tp`, `teredo`").when("a tunnel"),
    text("tunnel.id", "VNI, key, TEID, receiver index, session, call or tunnel id, decimal").when("a tunnel whose header has one").ipfix(&["layer2SegmentId"]),
    text("tunnel.network.type", "`ipv4` or `ipv6` of the outer header").when("a tunnel"),
    text("tunnel.network.transport", "Protocol of the outer header, as `network.transport`").when("a tunnel"),
    text("tunnel.source.address", "Outer address of the source's side").when("a tunnel"),
    number("tunnel.source.port", "Outer port of the source's side, where the outer protocol has ports").when("a tunnel over UDP"),
    text("tunnel.destination.address", "Outer address of the destination's side").when("a tunnel"),
    number("tunnel.destination.port", "Outer port of the destination's side, where the outer protocol has ports").when("a tunnel over UDP"),
    text("tunnel.network.interface.mac", "MAC address of the first outer frame's sender").when("a tunnel on a link with MAC addresses"),
    number("tunnel.bytes.delta", "Octets the encapsulation added from source to destination since this flow's previous record").unit("By").when("a tunnel other than WireGuard"),
    number("tunnel.bytes.total", "Octets the encapsulation added from source to destination since the flow began").unit("By").when("a tunnel other than WireGuard"),
    number("tunnel.reverse.bytes.delta", "Octets the encapsulation added from destination to source since this flow's previous record").unit("By").when("a tunnel other than WireGuard"),
    number("tunnel.reverse.bytes.total", "Octets the encapsulation added from destination to source since the flow began").unit("By").when("a tunnel other than WireGuard"),
    number("flow.ipsec.ah.spi", "Security parameters index of an authentication header").when("AH").ipfix(&["ipSecSPI"]),
    number("flow.ipsec.esp.spi", "Security parameters index of an encapsulating security payload").when("ESP").ipfix(&["ipSecSPI"]),
    number("flow.ipsec.sender_index", "WireGuard: index that the sender of the flow's first packet chose for itself").when("a WireGuard handshake"),
    number("flow.ipsec.receiver_index", "WireGuard: index that the receiver of the flow's first packet chose earlier").when("a WireGuard message that has one"),
    of(Kind::Texts, "flow.interfaces", "Interfaces that saw the conversation so far, in the order in which they did").when("conversations are joined (`join`)"),
    of(Kind::Numbers, "flow.interfaces.delay", "For each of `flow.interfaces`, delay between the conversation's first packet there and at the first interface").unit("ns").when("`join` is `merged`"),
    of(Kind::Numbers, "flow.interfaces.packets", "For each of `flow.interfaces`, packets from source to destination since the conversation began there").unit("{packet}").when("`join` is `merged`"),
    of(Kind::Numbers, "flow.interfaces.bytes", "For each of `flow.interfaces`, IP octets of the packets from source to destination").unit("By").when("`join` is `merged`"),
    of(Kind::Numbers, "flow.interfaces.reverse.packets", "For each of `flow.interfaces`, packets from destination to source").unit("{packet}").when("`join` is `merged`"),
    of(Kind::Numbers, "flow.interfaces.reverse.bytes", "For each of `flow.interfaces`, IP octets of the packets from destination to source").unit("By").when("`join` is `merged`"),
    text("flow.nat.seen", "`before` if packets from source to destination were seen before their translation (NAT), `after` if behind it").when("`nat` is on, and the host translates the flow"),
    text("source.nat.address", "Address of the source on the other side of the translation").when("the same, and the source's address or port differs there").ipfix(&["postNATSourceIPv4Address", "postNATSourceIPv6Address"]),
    number("source.nat.port", "Port of the source on the other side of the translation").when("the same, and the protocol has ports").ipfix(&["postNAPTSourceTransportPort"]),
    text("destination.nat.address", "Address of the destination on the other side of the translation").when("`nat` is on, and the host translates the flow, and the destination's address or port differs on the other side").ipfix(&["postNATDestinationIPv4Address", "postNATDestinationIPv6Address"]),
    number("destination.nat.port", "Port of the destination on the other side of the translation").when("the same, and the protocol has ports").ipfix(&["postNAPTDestinationTransportPort"]),
    number("process.pid", "PID of the process that had the source's socket open").when("`process` is on, and the source process is local"),
    text("process.executable.name", "Name of the executable of the source process, without directories").when("the same, and it can be read"),
    number("process.cgroup.id", "Id of the control group of the source process in the unified hierarchy").when("the same, and the group is visible"),
    text("source.container.id", "Id of the container of the source process, from the name of its control group").when("the same, and it is in a container"),
    number("flow.reverse.process.pid", "PID of the process that had the destination's socket open").when("`process` is on, and the destination process is local"),
    text("flow.reverse.process.executable.name", "Name of the executable of the destination process, without directories").when("the same, and it can be read"),
    number("flow.reverse.process.cgroup.id", "Id of the control group of the destination process in the unified hierarchy").when("the same, and the group is visible"),
    text("destination.container.id", "Id of the container of the destination process, from the name of its control group").when("the same, and it is in a container"),
    text("tls.client.server_name", "Server name that the client asked for (SNI), over TCP or QUIC").when("`names` is on, and a ClientHello has one"),
    of(Kind::Texts, "tls.alpn", "Protocols that the client offered (ALPN), in its order").when("`names` is on, and a ClientHello has them"),
    text("dns.question.name", "Name in the flow's first question, without a final dot; `.` for the root").when("`names` is on, and a message of DNS at port 53 has a question"),
    text("dns.question.type", "Type of the records in question: IANA's mnemonic, else `TYPE` and the number").when("the same"),
    text("dns.response_code", "Code of the response to that question: IANA's mnemonic, else the number").when("the same, and its response was seen"),
    number("dns.latency", "Time from that query to its response as seen here").unit("ns").when("both query and response were seen, with times"),
    text("http.host", "`Host` of the flow's first request of HTTP/1, as sent").when("`names` is on, and a request has it").ipfix(&["httpRequestHost"]),
    text("quic.version", "Version of QUIC in the client's first packet: `1`, `2`, `draft-29`; hexadecimal for others").when("`names` is on, and a first packet of QUIC has a known version"),
];

/// All attributes, in the order in which [`Attributes`](super::Attributes) returns them.
pub const ALL: &[Attribute] = &{
    let parts: [&[Attribute]; 11] = [
        BEFORE,
        FORWARD_ATTRIBUTES,
        REVERSE_ATTRIBUTES,
        HANDSHAKE,
        FORWARD_ANALYSED,
        REVERSE_ANALYSED,
        SOURCE_SOCKET,
        DESTINATION_SOCKET,
        FORWARD_DROPPED,
        REVERSE_DROPPED,
        AFTER,
    ];
    let mut all = [BEFORE[0];
        BEFORE.len()
            + 2 * FORWARD_ATTRIBUTES.len()
            + HANDSHAKE.len()
            + 2 * FORWARD_ANALYSED.len()
            + 2 * SOURCE_SOCKET.len()
            + 2 * FORWARD_DROPPED.len()
            + AFTER.len()];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut of_part = 0;
        while of_part < parts[part].len() {
            all[at] = parts[part][of_part];
            at += 1;
            of_part += 1;
        }
        part += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_explained() {
        let mut seen = std::collections::HashSet::new();
        for attribute in ALL {
            assert!(seen.insert(attribute.name), "{} twice", attribute.name);
            assert!(attribute.meaning.len() > 10, "{}", attribute.name);
            assert!(!attribute.meaning.ends_with('.'), "{}", attribute.name);
        }
        assert!(ALL.len() >= 76);
    }
}
