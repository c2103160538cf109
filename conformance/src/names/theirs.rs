//! Names that tshark shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Result;

use super::{
    Values,
    shown::{ASKED, BETWEEN, FILTER, Shown, decimal, unquoted},
};
use crate::{
    conversation::Conversation,
    fields::{self, End},
};

/// A stream: its ends, and tshark's number of it.
type Stream = (Conversation, String);

/// Facts of the frame that a value is of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    /// tshark's sequence number in a stream of TCP, which begins at 1.
    pub(super) sequence: Option<u32>,
    /// The end of the frame was not captured.
    pub(super) is_snapped: bool,
    /// A response whose question is not the one that was asked, or from the end that asked.
    pub(super) is_of_another: bool,
    /// A message of DNS that is no query.
    pub(super) is_no_query: bool,
    /// Messages of DNS of its direction, with this one.
    pub(super) messages: u32,
    /// Version of QUIC.
    pub(super) version: Option<u32>,
}

/// A question, and who asked.
#[derive(Clone, Debug)]
struct Asked {
    id: String,
    name: String,
    /// Source of its packet, or the receiver of the response.
    asker: Option<String>,
}

/// The names that tshark shows of a capture.
#[derive(Debug, Default)]
pub(super) struct Theirs {
    pub(super) values: Values,
    pub(super) facts: BTreeMap<(&'static str, Conversation), Facts>,
    /// The capture is damaged, or of a link type that tshark does not know.
    pub(super) is_cut: bool,
    /// Frames without ports or IP addresses.
    pub(super) without_ends: u64,
    /// Fields of each stream that are known.
    known: BTreeSet<(Stream, &'static str)>,
    questions: BTreeMap<Stream, Asked>,
    /// Messages of DNS, by source port.
    messages: BTreeMap<(Stream, String), u32>,
}

/// Returns the names that tshark finds: of each stream the first hello, the first question and its response, the first request,
/// the first packet of QUIC.
///
/// # Errors
/// tshark cannot be run.
pub(super) fn theirs(path: &Path) -> Result<Theirs> {
    let aggregator = format!("aggregator={BETWEEN}");
    let mut arguments = vec!["-Y", FILTER, "-T", "fields", "-E", "occurrence=a", "-E"];
    arguments.push(&aggregator);
    arguments.extend(ASKED.iter().flat_map(|field| ["-e", field]));
    let mut theirs = Theirs::default();
    let end = fields::each_line(path, arguments, |line| {
        theirs.add(&Shown(line.split('\t').collect()));
        Ok(())
    })?;
    theirs.is_cut = end != End::Whole;
    Ok(theirs)
}

impl Theirs {
    fn add(&mut self, shown: &Shown<'_>) {
        let Some((conversation, stream)) = shown.conversation() else {
            self.without_ends += 1;
            return;
        };
        let stream = (conversation, stream.to_owned());
        let version = shown.first("quic.version");
        let version = version.and_then(|it| it.strip_prefix("0x"));
        let facts = Facts {
            version: version.and_then(|it| u32::from_str_radix(it, 16).ok()),
            sequence: shown.first("tcp.seq").and_then(|it| it.parse().ok()),
            is_snapped: shown.first("frame.len") != shown.first("frame.cap_len"),
            is_no_query: shown.first("dns.flags.opcode").is_some_and(|it| it != "0"),
            ..Facts::default()
        };
        if shown.all("tls.handshake.type").any(|kind| kind == "1") {
            self.hello(&stream, shown, facts);
        }
        if shown.has_port("53") {
            self.dns(&stream, shown, facts);
        }
        if shown.first("http.request").is_some() {
            let host = shown.first("http.host").map(unquoted);
            self.put(&stream, "http.host", host, facts);
        }
        if shown.first("quic.long.packet_type") == Some("0") {
            let version = shown.first("quic.version").map(str::to_owned);
            self.put(&stream, "quic.version", version, facts);
        }
    }

    fn put(&mut self, stream: &Stream, field: &'static str, value: Option<String>, facts: Facts) {
        if let Some(value) = value
            && self.known.insert((stream.clone(), field))
        {
            let (conversation, _) = *stream;
            self.facts.insert((field, conversation), facts);
            let values = self.values.entry(field).or_default();
            values.insert((conversation, value));
        }
    }

    fn hello(&mut self, stream: &Stream, shown: &Shown<'_>, facts: Facts) {
        let name = shown.first("tls.handshake.extensions_server_name");
        self.put(stream, "tls.client.server_name", name.map(unquoted), facts);
        let alpn = shown.all("tls.handshake.extensions_alpn_str");
        let alpn: Vec<_> = alpn.map(unquoted).collect();
        let alpn = (!alpn.is_empty()).then(|| alpn.join(","));
        self.put(stream, "tls.alpn", alpn, facts);
    }

    fn dns(&mut self, stream: &Stream, shown: &Shown<'_>, facts: Facts) {
        let id = shown.first("dns.id").unwrap_or_default().to_owned();
        let is_response = matches!(shown.first("dns.flags.response"), Some("1" | "True"));
        let name = shown.first("dns.qry.name");
        let source = shown.port("srcport").unwrap_or_default().to_owned();
        let messages = self.messages.entry((stream.clone(), source)).or_default();
        *messages += 1;
        let facts = Facts {
            messages: *messages,
            ..facts
        };
        let asker = shown.port(if is_response { "dstport" } else { "srcport" });
        if let Some(name) = name {
            self.questions
                .entry(stream.clone())
                .or_insert_with(|| Asked {
                    id: id.clone(),
                    name: name.to_owned(),
                    asker: asker.map(str::to_owned),
                });
            // Octets that cannot be printed are in three digits already.
            let shown_name = if name == "<Root>" { "." } else { name };
            let text = unquoted(shown_name).replace("\\092", "\\");
            self.put(stream, "dns.question.name", Some(text), facts);
            let kind = shown.first("dns.qry.type").map(decimal);
            self.put(stream, "dns.question.type", kind, facts);
        }
        let question = self.questions.get(stream);
        if is_response
            && let Some(question) = question
            && question.id == id
        {
            let is_of_another = name.is_some_and(|name| !name.eq_ignore_ascii_case(&question.name))
                || question.asker.as_deref() != asker;
            let facts = Facts {
                is_of_another,
                ..facts
            };
            let code = shown.first("dns.flags.rcode").map(decimal);
            self.put(stream, "dns.response_code", code, facts);
        }
    }
}
