//! Where flows go.

use std::collections::BTreeMap;

use crate::{
    diagnostic::Problem,
    node::{Entry, Kind, Node},
    schema::{Reader, section},
    value::{Bounded, Endpoint, OtlpProtocol, PositiveDuration, Secret, StdoutFormat},
};

section! {
    /// Where flows go.
    Export, Labels {
        /// Flows as spans.
        traces: Traces = Traces::preset(), Application;
    }
}

section! {
    /// Flows as spans. Each way that is there is used.
    Traces, Nested {
        /// To standard output.
        stdout: Option<Stdout> = None, Application;
        /// To a collector, by OTLP.
        otlp: Option<Otlp> = None, Application;
    }
}

section! {
    /// To standard output.
    Stdout, Nested {
        /// How a flow is shown.
        format: StdoutFormat = StdoutFormat::TextIndent, Application;
    }
}

section! {
    /// To a collector, by OTLP.
    Otlp, Nested, consistent {
        /// Where the collector listens.
        endpoint: Endpoint = Endpoint::preset(), Application;
        /// How OTLP is carried.
        protocol: OtlpProtocol = OtlpProtocol::Grpc, Application;
        /// How long a request may take.
        timeout: PositiveDuration = PositiveDuration::seconds::<10>(), Application;
        /// Spans in a request at most.
        max_batch_size: Bounded<1, { u32::MAX }> = Bounded::preset::<1_024>(), Application;
        /// How long a span waits for others.
        max_batch_interval: PositiveDuration = PositiveDuration::seconds::<2>(), Application;
        /// Spans that wait at most.
        max_queue_size: Bounded<1, { u32::MAX }> = Bounded::preset::<32_768>(), Application;
        /// Requests at once.
        max_concurrent_exports: Bounded<1, { u32::MAX }> = Bounded::preset::<4>(), Application;
        /// How long a batch may take, with all that is tried again.
        max_export_timeout: PositiveDuration = PositiveDuration::seconds::<10>(), Application;
        /// Who sends.
        auth: Option<Auth> = None, Application;
        /// Headers of each request.
        headers: BTreeMap<String, Secret> = BTreeMap::new(), Application;
        /// What is trusted, beyond what `https://` in the endpoint says.
        tls: Option<Tls> = None, Application;
    }
}

section! {
    /// Who sends: one of these.
    Auth, Nested, one_way {
        /// A user and a password.
        basic: Option<Basic> = None, Application;
        /// A bearer token.
        bearer: Option<Secret> = None, Application;
    }
}

section! {
    /// A user and a password.
    Basic, Nested {
        /// The user.
        user: String = String::new(), Application, required;
        /// The password.
        pass: Secret = Secret::empty(), Application, required;
    }
}

section! {
    /// What is trusted.
    Tls, Nested, paired {
        /// Whether the collector's certificate is taken unseen.
        insecure_skip_verify: bool = false, Application;
        /// A file with certificates to trust besides the system's, as PEM.
        ca_cert: Option<String> = None, Application;
        /// A file with the client's certificate, as PEM. It needs `client_key`.
        client_cert: Option<String> = None, Application;
        /// A file with the client's key, as PEM. It needs `client_cert`.
        client_key: Option<String> = None, Application;
    }
}

fn entry<'n>(node: &'n Node, key: &str) -> Option<&'n Entry> {
    match &node.kind {
        Kind::Table(entries) => entries.iter().find(|entry| entry.key == key),
        _ => None,
    }
}

/// A header that says who sends and an `auth` block clash, and so do `tls` and an endpoint that is not encrypted.
fn consistent(otlp: &Otlp, node: &Node, reader: &mut Reader) {
    let is_authorization = |key: &str| key.eq_ignore_ascii_case("authorization");
    if let (Some(auth), Some(headers)) = (entry(node, "auth"), entry(node, "headers"))
        && otlp.auth.is_some()
        && let Kind::Table(headers) = &headers.node.kind
        && let Some(header) = headers.iter().find(|header| is_authorization(&header.key))
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
    let given =
        |key: &str| entry(node, key).is_some_and(|entry| !matches!(entry.node.kind, Kind::Broken));
    if let (Some(tls), Some(block)) = (&otlp.tls, entry(node, "tls"))
        && !otlp.endpoint.is_encrypted()
        && tls.ca_cert.is_none()
        && (given("endpoint") || entry(node, "endpoint").is_none())
    {
        reader.error(
            Problem::at(
                &block.span,
                format!(
                    "cannot use `tls` with the endpoint `{}`: it is not encrypted",
                    otlp.endpoint
                ),
            )
            .with_hint("write `https://` in the endpoint, give `ca_cert`, or take the block out"),
        );
    }
}

fn one_way(auth: &Auth, node: &Node, reader: &mut Reader) {
    if auth.basic.is_some()
        && auth.bearer.is_some()
        && let (Some(basic), Some(bearer)) = (entry(node, "basic"), entry(node, "bearer"))
    {
        reader.error(
            Problem::at(&bearer.span, "cannot use `bearer` beside `basic`")
                .with_hint("take one of them out")
                .with_other("that", &basic.span),
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
    if entry(node, missing).is_some_and(|entry| !matches!(entry.node.kind, Kind::Null)) {
        return;
    }
    if let Some(entry) = entry(node, given) {
        reader.error(
            Problem::at(
                &entry.span,
                format!("cannot use `{given}` without `{missing}`"),
            )
            .with_hint(format!("give `{missing}` too, or take `{given}` out")),
        );
    }
}
