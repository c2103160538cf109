//! Encodes messages to the server.

use std::io::Write as _;

use mermin_core::{Flow, flow::FlowId};
use serde_json::{Map, Value};

use crate::settings::Credentials;

/// Text shared by all messages of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) subject: String,
    /// Prefix of reply subjects; the number of the message follows.
    pub(crate) inbox: String,
    /// Name of the stream that must store the message; any other rejects it.
    pub(crate) stream: String,
}

/// Returns the message id of a record: flow id and sequence number, as in the contract of sinks.
pub(crate) fn message_id((id, sequence): (FlowId, u64)) -> String {
    format!("{id}-{sequence}")
}

/// Writes `CONNECT`: enables headers, and immediate replies if there is no subscriber.
pub(crate) fn put_connect(out: &mut Vec<u8>, credentials: &Credentials) {
    let mut options = Map::new();
    for (name, value) in [
        ("verbose", Value::from(false)),
        ("pedantic", false.into()),
        ("headers", true.into()),
        ("no_responders", true.into()),
        ("echo", false.into()),
        ("tls_required", false.into()),
        ("protocol", 1.into()),
        ("lang", "rust".into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("name", "mermin".into()),
    ] {
        options.insert(name.to_owned(), value);
    }
    for (name, value) in credentials.options() {
        options.insert(name.to_owned(), value.into());
    }
    // Writing to a vector does not fail, here and below.
    let _ = write!(out, "CONNECT {}\r\n", Value::Object(options));
}

/// Writes `SUB` for all reply subjects.
pub(crate) fn put_subscription(out: &mut Vec<u8>, inbox: &str) {
    let _ = write!(out, "SUB {inbox}.* 1\r\n");
}

/// Writes a request to `JetStream`'s API.
pub(crate) fn put_request(out: &mut Vec<u8>, subject: &str, inbox: &str, payload: &str) {
    let length = payload.len();
    let _ = write!(out, "PUB {subject} {inbox}.q {length}\r\n{payload}\r\n");
}

/// Writes a record as message `number`; returns the octets of its headers and its payload.
pub(crate) fn put_publish(
    out: &mut Vec<u8>,
    frame: &Frame,
    number: usize,
    flow: &Flow,
    payload: &[u8],
) -> usize {
    let Frame {
        subject,
        inbox,
        stream,
    } = frame;
    let id = message_id((flow.id, flow.sequence));
    let header = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\nNats-Expected-Stream: {stream}\r\n\r\n");
    let all = header.len() + payload.len();
    let _ = write!(
        out,
        "HPUB {subject} {inbox}.{number} {} {all}\r\n{header}",
        header.len()
    );
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
    all
}

#[cfg(test)]
mod tests {
    use mermin_core::sink::testing::flows;

    use super::*;

    #[test]
    fn publish_has_message_id_and_expected_stream() {
        let frame = Frame {
            subject: "FLOWS.a".to_owned(),
            inbox: "_INBOX.x".to_owned(),
            stream: "FLOWS".to_owned(),
        };
        let mut out = Vec::new();
        put_publish(&mut out, &frame, 7, &flows(3)[2], b"{}");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HPUB FLOWS.a _INBOX.x.7 90 92\r\nNATS/1.0\r\n\
             Nats-Msg-Id: 000000000000feed0000000000000002-2\r\n\
             Nats-Expected-Stream: FLOWS\r\n\r\n{}\r\n"
        );
    }

    #[test]
    fn connect_message_has_credentials_and_options() {
        let mut out = Vec::new();
        put_connect(&mut out, &Credentials::user("a", "b\"c"));
        let line = String::from_utf8(out).unwrap();
        let json = line.strip_prefix("CONNECT ").unwrap().trim_end();
        let options: Value = serde_json::from_str(json).unwrap();
        assert_eq!(
            (&options["user"], &options["pass"]),
            (&"a".into(), &"b\"c".into())
        );
        assert_eq!(
            (&options["headers"], &options["verbose"]),
            (&true.into(), &false.into())
        );
    }
}
