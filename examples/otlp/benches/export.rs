//! Speed of exporting flows over gRPC without TLS, compared with the exporter of OpenTelemetry's own SDK for the same
//! records.
//!
//! The receiver reads requests and responds without decoding, so the exporter dominates. The SDK gets batches of its
//! default size: once with finished spans, which measures encoding and sending, and once including their creation,
//! which a program with flows needs.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on fails")]

use std::{
    convert::Infallible,
    hint::black_box,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::executor::block_on;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mermin_core::{
    Flow,
    flow::{Direction, Value, attributes::ALL},
    sink::{FlowSink as _, testing::flows},
};
use mermin_otlp::{Compression, Endpoint, Exporter, Settings};
use opentelemetry::{
    Array, InstrumentationScope, KeyValue, SpanId, StringValue, TraceFlags, TraceId,
    Value as SdkValue,
    trace::{SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use rustix::time::{ClockId, clock_gettime};

const FLOWS: u32 = 4096;
const ROUNDS: usize = 11;
/// Default batch size of the SDK.
const SDK_BATCH: usize = 512;

/// Received octets, and CPU time of the receiver.
#[derive(Default)]
struct Counts {
    octets: AtomicU64,
    nanoseconds: AtomicU64,
}

fn main() {
    let counts = Arc::new(Counts::default());
    let address = receive(Arc::clone(&counts));
    let url = format!("http://{address}");
    let flows = flows(FLOWS);
    println!(
        "{:<34} {:>12} {:>16} {:>14}",
        "", "flows/s", "CPU us/flow", "octets/flow"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    for (name, compression) in [
        ("mermin-otlp", Compression::None),
        ("mermin-otlp, gzip", Compression::Gzip),
        #[cfg(feature = "zstd")]
        ("mermin-otlp, zstd", Compression::Zstd),
    ] {
        let endpoint = Endpoint::grpc(&url).unwrap().compression(compression);
        let mut sink = Exporter::new(&Settings::new(endpoint)).unwrap();
        measure(name, &counts, || block_on(sink.export(&flows)).unwrap());
    }
    let _guard = runtime.enter();
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(&url)
        .build()
        .unwrap();
    let export = |spans: Vec<SpanData>| runtime.block_on(exporter.export(spans)).unwrap();
    measure("SDK, spans are made", &counts, || {
        for batch in flows.chunks(SDK_BATCH) {
            export(batch.iter().map(span).collect());
        }
    });
    let made: Vec<SpanData> = flows.iter().map(span).collect();
    let mut rounds = vec![made; ROUNDS + 1];
    measure("SDK, spans are there", &counts, || {
        let mut all = black_box(rounds.pop().unwrap());
        while !all.is_empty() {
            let rest = all.split_off(all.len().min(SDK_BATCH));
            export(std::mem::replace(&mut all, rest));
        }
    });
}

fn processor_time(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn measure(name: &str, counts: &Counts, mut export: impl FnMut()) {
    // The first export connects and fills caches.
    export();
    let used = || {
        let receiver = counts.nanoseconds.load(Ordering::Relaxed);
        processor_time(ClockId::ProcessCPUTime) - receiver
    };
    let (octets, before) = (counts.octets.load(Ordering::Relaxed), used());
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            export();
            began.elapsed()
        })
        .collect();
    let exported = (ROUNDS * FLOWS as usize) as f64;
    let used = (used() - before) as f64 / 1000.0 / exported;
    let octets = (counts.octets.load(Ordering::Relaxed) - octets) as f64 / exported;
    rounds.sort_unstable();
    let rate = f64::from(FLOWS) / rounds[ROUNDS / 2].as_secs_f64();
    println!("{name:<34} {rate:>12.0} {used:>16.2} {octets:>14.0}");
}

/// Responds to gRPC requests in a thread of its own.
fn receive(counts: Arc<Counts>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let counts = Arc::clone(&counts);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(Arc::clone(&counts), request));
                    let connection = http2::Builder::new(TokioExecutor::new())
                        .initial_stream_window_size(1 << 24)
                        .initial_connection_window_size(1 << 26)
                        .serve_connection(TokioIo::new(stream), service);
                    _ = connection.await;
                });
            }
        })
    });
    address
}

async fn answer(
    counts: Arc<Counts>,
    request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let mut body = request.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        let octets = frame.data_ref().map_or(0, Bytes::len) as u64;
        counts.octets.fetch_add(octets, Ordering::Relaxed);
    }
    let used = processor_time(ClockId::ThreadCPUTime);
    counts.nanoseconds.store(used, Ordering::Relaxed);
    // An empty message with status OK.
    let trailers = HeaderMap::from_iter([(
        "grpc-status".parse().unwrap(),
        HeaderValue::from_static("0"),
    )]);
    let body = Full::new(Bytes::from_static(&[0; 5]));
    let body = body.with_trailers(std::future::ready(Some(Ok(trailers))));
    let kind = ("content-type", "application/grpc");
    Ok(Response::builder()
        .header(kind.0, kind.1)
        .body(body.boxed())
        .unwrap())
}

/// Returns a record as a span of the SDK.
fn span(flow: &Flow) -> SpanData {
    let mut attributes = Vec::with_capacity(48);
    // In the order of `ALL`, whose names need no copy.
    let mut names = ALL.iter().map(|attribute| attribute.name);
    flow.attributes().for_each(|(name, value)| {
        let Some(name) = names.find(|known| *known == name) else {
            return;
        };
        let value: SdkValue = match value {
            Value::Text(text) => text.to_string().into(),
            Value::Number(number) => i64::try_from(number).unwrap_or(i64::MAX).into(),
            Value::Texts(texts) => {
                let texts = texts.map(|text| StringValue::from(text.to_owned()));
                SdkValue::Array(Array::String(texts.collect()))
            }
            Value::Numbers(numbers) => {
                SdkValue::Array(Array::I64(numbers.map(u64::cast_signed).collect()))
            }
            // The span has these fields itself.
            _ => return,
        };
        attributes.push(KeyValue::new(name, value));
    });
    let id = flow.id.to_u128();
    let kind = match flow.direction {
        Direction::Forward => SpanKind::Client,
        Direction::Reverse => SpanKind::Server,
        Direction::Unknown => SpanKind::Internal,
    };
    let version = if flow.source.address.is_ipv4() {
        "ipv4"
    } else {
        "ipv6"
    };
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(id | 1),
            SpanId::from(u64::try_from(id & u128::from(u64::MAX)).unwrap() | 1),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: kind,
        name: format!("flow_{version}_{}", flow.protocol).into(),
        start_time: flow.start,
        end_time: flow.end,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("mermin").build(),
    }
}
