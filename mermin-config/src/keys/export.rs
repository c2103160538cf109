//! Where flows go.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};

use crate::{
    diagnostic::Problem,
    node::{Entry, Kind, Node},
    schema::{Reader, section},
    value::{Bounded, Endpoint, OtlpProtocol, Overflow, PositiveDuration, Secret, StdoutFormat},
};

section! {
    /// Receivers of flows.
    Export, Labels {
        /// Flows as spans.
        traces: Traces = Traces::defaults(), Application;
        /// Receivers to which `mermin-export` sends flows.
        flows: Flows = Flows::defaults(), Application;
    }
}

section! {
    /// Receivers to which `mermin-export` sends flows. A program with one exporter takes the target of its kind.
    Flows, Nested {
        /// Targets, in the form of `mermin-export --to`: `ipfix://collector:4739`, `prometheus://127.0.0.1:9464`,
        /// `json:flows.json`.
        to: Vec<String> = Vec::new(), Application;
        /// Maximum number of records that wait for each target in memory, where a killed process loses them. With 0, they
        /// wait in the kernel's table of flows until each target has accepted them, and all targets wait for the slowest;
        /// beside `instance`, a killed process loses none that a target has not accepted. `parquet:` and `s3:` need a buffer.
        buffer: Bounded<0, { u32::MAX }> = Bounded::constant::<65_536>(), Application;
        /// Policy for a full buffer: `block` makes the source wait, `drop-newest` and `drop-oldest` drop records.
        overflow: Overflow = Overflow::Block, Application;
    }
}

section! {
    /// Flows as spans. Each of `stdout` and `otlp` that the file has gets them.
    Traces, Nested {
        /// Standard output. A word in place of the block sets its format.
        stdout: Option<Stdout> = None, Application;
        /// A collector, by OTLP.
        otlp: Option<Otlp> = None, Application;
    }
}

section! {
    /// Standard output.
    Stdout, Nested or "format" {
        /// Format of a flow.
        format: StdoutFormat = StdoutFormat::TextIndent, Application;
    }
}

section! {
    /// A collector, by OTLP.
    Otlp, Nested, consistent {
        /// Address of the collector.
        endpoint: Endpoint = Endpoint::defaults(), Application;
        /// Transport of OTLP.
        protocol: OtlpProtocol = OtlpProtocol::Grpc, Application;
        /// Time limit of a request.
        timeout: PositiveDuration = PositiveDuration::seconds::<10>(), Application;
        /// Maximum number of spans in a request. A full queue is sent without waiting for more.
        max_batch_size: Bounded<1, { u32::MAX }> = Bounded::constant::<1_024>(), Application;
        /// Maximum time that a span waits for others.
        max_batch_interval: PositiveDuration = PositiveDuration::seconds::<2>(), Application;
        /// Maximum number of spans that wait.
        max_queue_size: Bounded<1, { u32::MAX }> = Bounded::constant::<32_768>(), Application;
        /// Maximum number of concurrent requests.
        max_concurrent_exports: Bounded<1, { u32::MAX }> = Bounded::constant::<4>(), Application;
        /// Time limit of a batch, retries included.
        max_export_timeout: PositiveDuration = PositiveDuration::seconds::<10>(), Application;
        /// Credentials of the sender.
        auth: Option<Auth> = None, Application;
        /// Headers of each request.
        headers: BTreeMap<String, Secret> = BTreeMap::new(), Application;
        /// TLS: trusted certificates. `https://` in the endpoint is enough for the system's own.
        tls: Option<Tls> = None, Application;
        retired resource_attributes "The application sets the attributes of the resource.";
    }
}

section! {
    /// Credentials of the sender: `basic` or `bearer`.
    Auth, Nested, one_way {
        /// A user and a password.
        basic: Option<Basic> = None, Application;
        /// A bearer token.
        bearer: Option<Secret> = None, Application;
    }
}

section! {
    /// A user and a password.
    Basic, Nested, userid {
        /// The user.
        user: String = String::new(), Application, required;
        /// The password.
        pass: Secret = Secret::empty(), Application, required;
    }
}

section! {
    /// Trusted certificates.
    Tls, Nested, paired {
        /// Accept any certificate of the collector.
        insecure_skip_verify: bool = false, Application;
        /// PEM file of certificates that are trusted besides the system's.
        ca_cert: Option<String> = None, Application;
        /// PEM file with the client's certificate. It needs `client_key`.
        client_cert: Option<String> = None, Application;
        /// PEM file with the client's key. It needs `client_cert`.
        client_key: Option<String> = None, Application;
    }
}

fn consistent(otlp: &Otlp, node: &Node, reader: &mut Reader) {
    let headers = node.entry("headers").map(|entry| &entry.node.kind);
    if let Some(Kind::Table(headers)) = headers {
        for header in headers {
            sendable(header, reader);
        }
        authorized_once(otlp, headers, node, reader);
    }
    encrypted(otlp, node, reader);
}

/// Refuses a header that no request can have (RFC 9110).
fn sendable(header: &Entry, reader: &mut Reader) {
    if HeaderName::from_bytes(header.key.as_bytes()).is_err() {
        let message = format!("cannot use `{}` as the name of a header", header.key);
        reader.error(
            Problem::at(&header.span, message).with_valid("letters, digits, `-`, `_` and `.`"),
        );
    }
    one_line(header, reader);
}

/// Refuses what no header can hold. It may be a secret, so its text is not repeated.
fn one_line(entry: &Entry, reader: &mut Reader) {
    if let Kind::Text(text) = &entry.node.kind
        && HeaderValue::from_str(text).is_err()
    {
        let message = format!(
            "cannot use this for `{}`: it is not one line of printable text",
            entry.key
        );
        reader.error(
            Problem::at(&entry.node.span, message)
                .with_hint("take out what is no printable ASCII, such as a newline at its end"),
        );
    }
}

/// A header that says who sends and an `auth` block clash.
fn authorized_once(otlp: &Otlp, headers: &[Entry], node: &Node, reader: &mut Reader) {
    let is_authorization = |header: &&Entry| header.key.eq_ignore_ascii_case("authorization");
    if otlp.auth.is_some()
        && let Some(auth) = node.entry("auth")
        && let Some(header) = headers.iter().find(is_authorization)
    {
        reader.error(
            Problem::at(
                &header.span,
                "cannot use the header `Authorization` beside an `auth` block",
            )
            .with_hint("take one of them out")
            .with_other("that", &auth.span),
        );
    }
}

/// Refuses `tls` with an endpoint that is not encrypted.
fn encrypted(otlp: &Otlp, node: &Node, reader: &mut Reader) {
    // An invalid endpoint does not tell if encryption was meant.
    let known = node
        .entry("endpoint")
        .is_none_or(|entry| match &entry.node.kind {
            Kind::Text(text) => *text == otlp.endpoint.as_str(),
            kind => matches!(kind, Kind::Null),
        });
    if let (Some(tls), Some(block)) = (&otlp.tls, node.entry("tls"))
        && !otlp.endpoint.is_encrypted()
        && tls.ca_cert.is_none()
        && known
    {
        reader.error(
            Problem::at(
                &block.span,
                format!(
                    "cannot use `tls` with the endpoint `{}`: it is not encrypted",
                    otlp.endpoint
                ),
            )
            .with_hint("write `https://` in the endpoint, give `ca_cert`, or take the block out")
            .with_discreet("cannot use `tls` with this endpoint: it is not encrypted"),
        );
    }
}

fn one_way(auth: &Auth, node: &Node, reader: &mut Reader) {
    let Some(bearer) = node.entry("bearer") else {
        return;
    };
    one_line(bearer, reader);
    if auth.basic.is_some()
        && auth.bearer.is_some()
        && let Some(basic) = node.entry("basic")
    {
        reader.error(
            Problem::at(&bearer.span, "cannot use `bearer` beside `basic`")
                .with_hint("take one of them out")
                .with_other("that", &basic.span),
        );
    }
}

/// The first part of `user:pass` ends at a colon (RFC 7617).
fn userid(basic: &Basic, node: &Node, reader: &mut Reader) {
    if basic.user.contains(':')
        && let Some(user) = node.entry("user")
    {
        let message = format!("cannot use `{}` for `user`: it has a colon", basic.user);
        reader.error(
            Problem::at(&user.node.span, message)
                .with_hint("only the password may have one")
                .with_discreet("cannot use this for `user`: it has a colon"),
        );
    }
}

fn paired(tls: &Tls, node: &Node, reader: &mut Reader) {
    let (given, missing) = match (&tls.client_cert, &tls.client_key) {
        (Some(_), None) => ("client_cert", "client_key"),
        (None, Some(_)) => ("client_key", "client_cert"),
        _ => return,
    };
    // One that could not be read has been told.
    if node
        .entry(missing)
        .is_some_and(|entry| !matches!(entry.node.kind, Kind::Null))
    {
        return;
    }
    if let Some(entry) = node.entry(given) {
        reader.error(
            Problem::at(
                &entry.span,
                format!("cannot use `{given}` without `{missing}`"),
            )
            .with_hint(format!("give `{missing}` too, or take `{given}` out")),
        );
    }
}
