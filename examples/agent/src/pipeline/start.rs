//! Starts the exporter of a receiver.

use std::time::Duration;

use mermin_config::{keys::Otlp, value::OtlpProtocol};
use mermin_core::sink::{
    Backoff, Batching, BoxSink, FlowSink as _, Meter, Overflow, buffered, retry, threaded,
};
use mermin_export::{Opened, Target};
use mermin_otlp::{Endpoint, Exporter, Protocol, Resource, Settings};
use mermin_program::{Result, in_front_of};

use super::{exchange::Doubled, stdout::Stdout};
use crate::configuration::{Receiver, whole};

/// A receiver with its exporter, which has no records yet.
pub struct Prepared {
    /// The receiver.
    pub receiver: Receiver,
    /// Counts of its records.
    pub meter: Option<Meter>,
    pub(super) sink: BoxSink,
    /// Called with the meters of all receivers whenever these change.
    pub(super) opened: Option<Opened>,
    /// Number of records that it may have twice, and a remedy.
    pub(super) doubled: Option<Doubled>,
}

/// Takes the functions that are to be called with the meters, by their receivers.
pub(crate) fn opened(prepared: &mut [Prepared]) -> Vec<(Receiver, Opened)> {
    let opened = prepared
        .iter_mut()
        .filter_map(|it| Some((it.receiver.clone(), it.opened.take()?)));
    opened.collect()
}

/// Starts the exporter of a receiver, with retries and a buffer.
///
/// # Errors
/// Those of the exporter: a port in use, a file that cannot be opened, no thread.
pub fn prepare(receiver: &Receiver) -> Result<Prepared> {
    let (mut opened, mut doubled) = (None, None);
    let sink = match receiver {
        Receiver::Target {
            text,
            buffer,
            overflow,
            ..
        } => {
            let started = (Target::parse(text)?.start)()?;
            (opened, doubled) = (started.opened, started.doubled);
            in_front_of(started.sink, started.batching, *buffer, (*overflow).into())
        }
        Receiver::Stdout {
            format,
            buffer,
            seed,
        } => {
            let lines = threaded("mermin-stdout", Stdout::new(*format, *seed))?;
            let sink = retry(lines, Backoff::default());
            BoxSink::new(buffered(sink, *buffer, Overflow::Block))
        }
        Receiver::Otlp {
            otlp,
            seed,
            trace_id_timeout,
        } => collector(otlp, *seed, *trace_id_timeout)?,
    };
    Ok(Prepared {
        receiver: receiver.clone(),
        meter: sink.meter(),
        sink,
        opened,
        doubled,
    })
}

/// An exporter for `export "traces" otlp`.
fn collector(otlp: &Otlp, seed: u16, trace_id_timeout: Duration) -> Result<BoxSink> {
    let settings = Settings::new(endpoint(otlp)?)
        .resource(Resource::of_host())
        .community_id_seed(seed)
        .trace_id_timeout(trace_id_timeout)
        .requests(whole(otlp.max_concurrent_exports().get()));
    let patience = Backoff::default().elapsed(otlp.max_export_timeout().get());
    let batching = Batching::default()
        .records(whole(otlp.max_batch_size().get()))
        .age(otlp.max_batch_interval().get());
    let sink = retry(Exporter::new(&settings)?, patience);
    let capacity = whole(otlp.max_queue_size().get());
    Ok(BoxSink::new(
        buffered(sink, capacity, Overflow::Block).batch(batching),
    ))
}

fn endpoint(otlp: &Otlp) -> Result<Endpoint> {
    let protocol = match otlp.protocol() {
        OtlpProtocol::HttpBinary => Protocol::Http,
        _ => Protocol::Grpc,
    };
    let mut endpoint =
        Endpoint::new(protocol, otlp.endpoint().as_str())?.timeout(otlp.timeout().get());
    for (name, value) in otlp.headers() {
        endpoint = endpoint.header(name, value.expose())?;
    }
    if let Some(auth) = otlp.auth() {
        if let Some(basic) = auth.basic() {
            endpoint = endpoint.basic(basic.user(), basic.pass().expose())?;
        }
        if let Some(token) = auth.bearer() {
            endpoint = endpoint.bearer(token.expose())?;
        }
    }
    if let Some(tls) = otlp.tls() {
        endpoint = endpoint.trust_anyone(tls.insecure_skip_verify());
        if let Some(path) = tls.ca_cert() {
            endpoint = endpoint.further_authority(path);
        }
        if let (Some(certificate), Some(key)) = (tls.client_cert(), tls.client_key()) {
            endpoint = endpoint.identity(certificate, key);
        }
    }
    Ok(endpoint)
}
