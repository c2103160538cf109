//! Names in payloads: those of this project's records beside those that tshark shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::{BufRead as _, BufReader},
    net::IpAddr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, executor::block_on};
use mermin_core::{
    FlowSource, Stats,
    flow::{Application, Endpoint},
    lab::{Fault, with_fault},
};

use crate::conversation::Conversation;

/// Fields that are compared.
const FIELDS: [&str; 7] = [
    "tls.client.server_name",
    "tls.alpn",
    "dns.question.name",
    "dns.question.type",
    "dns.response_code",
    "http.host",
    "quic.version",
];

/// Fields that tshark prints.
const ASKED: [&str; 23] = [
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
];

const FILTER: &str = "(tls.handshake.type == 1 || dns || (tcp && http.request) || quic.long.packet_type == 0) && !icmp && !icmpv6";
/// Between the values of a field, of which none has it.
const BETWEEN: char = '\u{1}';
/// Differences of a field that are told.
const TOLD: usize = 4;
/// Longer than any capture.
const LONG: Duration = Duration::from_secs(1 << 31);

/// A value of a field, and whose it is.
type Named = BTreeSet<(Conversation, String)>;

/// Values by field.
type Values = BTreeMap<&'static str, Named>;

/// How the captures came out.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    captures: u64,
    fields: BTreeMap<&'static str, Agreement>,
    cut: u64,
    malformed: u64,
}

/// Of one field.
#[derive(Clone, Copy, Debug, Default)]
struct Agreement {
    same: u64,
    ours_only: u64,
    theirs_only: u64,
}

impl Outcome {
    /// Compares a capture, of whose payloads so many octets are read.
    pub(crate) fn add(&mut self, path: &Path, octets: usize) -> Result<()> {
        let (ours, stats) = ours(path, octets);
        let theirs = theirs(path)?;
        self.captures += 1;
        self.cut += stats.payloads.cut;
        self.malformed += stats.payloads.malformed;
        for field in FIELDS {
            let empty = Named::new();
            let [ours, theirs] = [&ours, &theirs].map(|it| it.get(field).unwrap_or(&empty));
            let sum = self.fields.entry(field).or_default();
            sum.same += ours.intersection(theirs).count() as u64;
            sum.ours_only += ours.difference(theirs).count() as u64;
            sum.theirs_only += theirs.difference(ours).count() as u64;
            for (whose, one, other) in [("here", ours, theirs), ("tshark", theirs, ours)] {
                for (conversation, value) in one.difference(other).take(TOLD) {
                    println!(
                        "{}: {field} {whose} alone: {value:?} of {conversation}",
                        path.display()
                    );
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} captures; {} messages cut, {} malformed",
            self.captures, self.cut, self.malformed
        )?;
        let mut sum = Agreement::default();
        for (field, it) in &self.fields {
            sum.same += it.same;
            sum.ours_only += it.ours_only;
            sum.theirs_only += it.theirs_only;
            writeln!(f, "{field}: {it}")?;
        }
        write!(f, "all: {sum}")
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.same + self.ours_only + self.theirs_only;
        let hundredths = (self.same * 10_000).checked_div(all).unwrap_or(10_000);
        write!(
            f,
            "{} the same, {} here alone, {} tshark alone: {}.{:02} %",
            self.same,
            self.ours_only,
            self.theirs_only,
            hundredths / 100,
            hundredths % 100
        )
    }
}

/// By a source that reads the capture, one record for each flow.
fn ours(path: &Path, octets: usize) -> (Values, Stats) {
    let builder = FlowSource::builder()
        .pcap(path)
        .names(true)
        .active_timeout(LONG)
        .tcp_timeout(LONG)
        .udp_timeout(LONG)
        .tcp_fin_timeout(LONG)
        .tcp_half_closed_timeout(LONG)
        .tcp_rst_timeout(LONG);
    let builder = with_fault(builder, Fault::PayloadOctets(octets));
    let mut values = Values::new();
    block_on(async {
        let Ok(mut source) = builder.open().await else {
            return (values, Stats::default());
        };
        // A capture that is broken has flows up to there.
        while let Some(Ok(flow)) = source.next().await {
            let end = |end: &Endpoint| (end.address, end.port.unwrap_or(0));
            let conversation =
                Conversation::new(end(&flow.source), end(&flow.destination), flow.protocol.0);
            if let Some(application) = &flow.application {
                add(&mut values, conversation, application);
            }
        }
        let stats = source.handle().stats();
        (values, stats)
    })
}

fn add(values: &mut Values, conversation: Conversation, application: &Application) {
    let mut put = |field, value: String| {
        values
            .entry(field)
            .or_default()
            .insert((conversation, value));
    };
    if let Some(tls) = &application.tls {
        if let Some(name) = &tls.server_name {
            put("tls.client.server_name", name.to_string());
        }
        if !tls.alpn.is_empty() {
            put("tls.alpn", tls.alpn.join(","));
        }
    }
    if let Some(dns) = &application.dns {
        put("dns.question.name", dns.question.to_string());
        put("dns.question.type", dns.question_type.to_string());
        if let Some(code) = dns.response_code {
            put("dns.response_code", code.to_string());
        }
    }
    if let Some(host) = &application.http_host {
        put("http.host", host.to_string());
    }
    if let Some(version) = application.quic_version {
        put("quic.version", format!("{:#010x}", version.0));
    }
}

/// A frame as tshark shows it: all values of each field that it is asked for.
struct Shown<'a>(Vec<&'a str>);

impl<'a> Shown<'a> {
    fn all(&self, field: &str) -> impl DoubleEndedIterator<Item = &'a str> {
        let place = ASKED.iter().position(|asked| *asked == field);
        let text = place
            .and_then(|place| self.0.get(place))
            .copied()
            .unwrap_or_default();
        text.split(BETWEEN).filter(|value| !value.is_empty())
    }

    fn first(&self, field: &str) -> Option<&'a str> {
        self.all(field).next()
    }

    fn last(&self, field: &str) -> Option<&'a str> {
        self.all(field).next_back()
    }

    /// The innermost packet's ends, protocol and number of its stream.
    fn conversation(&self) -> Option<(Conversation, &'a str)> {
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

    fn has_port(&self, port: &str) -> bool {
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

/// By tshark: of each stream the first hello, the first question and its response, the first request, the first packet of QUIC.
fn theirs(path: &Path) -> Result<Values> {
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-r"])
        .arg(path)
        .args(["-Y", FILTER, "-T", "fields", "-E", "occurrence=a", "-E"])
        .arg(format!("aggregator={BETWEEN}"));
    for field in ASKED {
        command.args(["-e", field]);
    }
    let mut tshark = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start `tshark`")?;
    let output = tshark.stdout.take().context("tshark has no output")?;
    let mut values = Values::new();
    // Fields of each stream that are known, and the id of its question.
    let mut known = BTreeSet::new();
    let mut questions = BTreeMap::new();
    let mut lines = BufReader::new(output);
    let mut raw = Vec::new();
    while lines.read_until(b'\n', &mut raw)? != 0 {
        let line = String::from_utf8_lossy(&raw).into_owned();
        raw.clear();
        let shown = Shown(line.trim_end_matches('\n').split('\t').collect());
        let Some((conversation, stream)) = shown.conversation() else {
            continue;
        };
        let mut put = |field: &'static str, value: Option<String>| {
            if let Some(value) = value
                && known.insert((conversation, stream.to_owned(), field))
            {
                values
                    .entry(field)
                    .or_default()
                    .insert((conversation, value));
            }
        };
        if shown.all("tls.handshake.type").any(|kind| kind == "1") {
            put(
                "tls.client.server_name",
                shown
                    .first("tls.handshake.extensions_server_name")
                    .map(unquoted),
            );
            let alpn: Vec<_> = shown
                .all("tls.handshake.extensions_alpn_str")
                .map(unquoted)
                .collect();
            put("tls.alpn", (!alpn.is_empty()).then(|| alpn.join(",")));
        }
        if shown.has_port("53") {
            let id = shown.first("dns.id").unwrap_or_default().to_owned();
            let question = questions.entry((conversation, stream.to_owned()));
            let is_response = matches!(shown.first("dns.flags.response"), Some("1" | "True"));
            if let Some(name) = shown.first("dns.qry.name") {
                let name = if name == "<Root>" { "." } else { name };
                question.or_insert_with(|| id.clone());
                // Octets that cannot be printed are in three digits already.
                put(
                    "dns.question.name",
                    Some(unquoted(name).replace("\\092", "\\")),
                );
                put(
                    "dns.question.type",
                    shown.first("dns.qry.type").map(decimal),
                );
            }
            let key = (conversation, stream.to_owned());
            if is_response && questions.get(&key) == Some(&id) {
                put(
                    "dns.response_code",
                    shown.first("dns.flags.rcode").map(decimal),
                );
            }
        }
        if shown.first("http.request").is_some() {
            put("http.host", shown.first("http.host").map(unquoted));
        }
        if shown.first("quic.long.packet_type") == Some("0") {
            put(
                "quic.version",
                shown.first("quic.version").map(str::to_owned),
            );
        }
    }
    tshark.wait()?;
    Ok(values)
}

/// Text as records have it: printable octets, others in three digits.
fn unquoted(text: &str) -> String {
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

fn decimal(number: &str) -> String {
    match number.strip_prefix("0x") {
        Some(digits) => {
            u32::from_str_radix(digits, 16).map_or_else(|_| number.to_owned(), |it| it.to_string())
        }
        None => number.to_owned(),
    }
}
