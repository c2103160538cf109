//! Frames as tshark shows them.

use std::net::IpAddr;

use crate::conversation::Conversation;

/// Fields that tshark prints.
pub(super) const ASKED: [&str; 27] = [
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "tcp.stream",
    "udp.stream",
    "tls.handshake.type",
    "tls.handshake.extensions_server_name",
    "tls.handshake.extensions_alpn_str",
    "dns.id",
    "dns.flags.response",
    "dns.flags.rcode",
    "dns.qry.name",
    "dns.qry.type",
    "http.request",
    "http.host",
    "quic.version",
    "quic.long.packet_type",
    "tcp.seq",
    "frame.len",
    "frame.cap_len",
    "dns.flags.opcode",
];

pub(super) const FILTER: &str = "(tls.handshake.type == 1 || dns || (tcp && http.request) || quic.long.packet_type == 0) && !icmp && !icmpv6";
/// Between the values of a field, of which none has it.
pub(super) const BETWEEN: char = '\u{1}';
/// A frame as tshark shows it: all values of each field that it is asked for.
pub(super) struct Shown<'a>(pub(super) Vec<&'a str>);

impl<'a> Shown<'a> {
    pub(super) fn all(&self, field: &str) -> impl DoubleEndedIterator<Item = &'a str> {
        let place = ASKED.iter().position(|asked| *asked == field);
        let text = place
            .and_then(|place| self.0.get(place))
            .copied()
            .unwrap_or_default();
        text.split(BETWEEN).filter(|value| !value.is_empty())
    }

    pub(super) fn first(&self, field: &str) -> Option<&'a str> {
        self.all(field).next()
    }

    fn last(&self, field: &str) -> Option<&'a str> {
        self.all(field).next_back()
    }

    /// The innermost packet's ends, protocol and number of its stream.
    pub(super) fn conversation(&self) -> Option<(Conversation, &'a str)> {
        let protocols = self.first("frame.protocols")?;
        let innermost = |name: &str| protocols.split(':').rposition_of(name);
        let version = if innermost("ipv6") > innermost("ip") {
            "ipv6"
        } else {
            "ip"
        };
        let (name, number) = if innermost("tcp") > innermost("udp") {
            ("tcp", 6)
        } else {
            ("udp", 17)
        };
        let end = |address: &str, port: &str| {
            let address: IpAddr = self.last(&format!("{version}.{address}"))?.parse().ok()?;
            let port: u16 = self.last(&format!("{name}.{port}"))?.parse().ok()?;
            Some((address, port))
        };
        let stream = self.last(&format!("{name}.stream"))?;
        let conversation =
            Conversation::new(end("src", "srcport")?, end("dst", "dstport")?, number);
        Some((conversation, stream))
    }

    /// The innermost port of one end.
    pub(super) fn port(&self, end: &str) -> Option<&'a str> {
        let udp = self.last(&format!("udp.{end}"));
        udp.or_else(|| self.last(&format!("tcp.{end}")))
    }

    pub(super) fn has_port(&self, port: &str) -> bool {
        ["tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport"]
            .iter()
            .any(|field| self.last(field) == Some(port))
    }
}

trait Position {
    fn rposition_of(self, name: &str) -> Option<usize>;
}

impl<'a, I: Iterator<Item = &'a str>> Position for I {
    fn rposition_of(self, name: &str) -> Option<usize> {
        self.enumerate()
            .filter(|(_, it)| *it == name)
            .last()
            .map(|(place, _)| place)
    }
}

/// Text as records have it: printable octets, others in three digits.
pub(super) fn unquoted(text: &str) -> String {
    let mut written = String::new();
    for octet in text.bytes() {
        if octet.is_ascii_graphic() && octet != b'\\' {
            written.push(char::from(octet));
        } else {
            written.extend(['\\', digit(octet / 100), digit(octet / 10), digit(octet)]);
        }
    }
    written
}

/// The last digit of a number.
fn digit(number: u8) -> char {
    char::from(b'0' + number % 10)
}

pub(super) fn decimal(number: &str) -> String {
    match number.strip_prefix("0x") {
        Some(digits) => {
            u32::from_str_radix(digits, 16).map_or_else(|_| number.to_owned(), |it| it.to_string())
        }
        None => number.to_owned(),
    }
}
