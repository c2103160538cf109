//! Receivers that others wrote, as programs beside the test. They are in no distribution that CI has, so these are run by name:
//!
//! ```sh
//! python3 -m venv /tmp/rotel && /tmp/rotel/bin/pip install --pre rotel==0.0.1a15 grpcio opentelemetry-proto
//! export MERMIN_ROTEL=$(find /tmp/rotel -name rotel-agent) MERMIN_PYTHON=/tmp/rotel/bin/python
//! export MERMIN_VICTORIA_METRICS=/usr/bin/victoria-metrics # Debian's, from 1.93 on
//! cargo test -p mermin-otlp --test otlp -- --ignored
//! ```

use std::{
    env,
    fs::{self, File},
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use mermin_core::{
    Flow,
    sink::{
        retry,
        testing::{detailed_flows, flows},
    },
};
use mermin_otlp::{Compression, Encoder, Endpoint, Exporter, Protocol};
use mermin_testing::{free_port, soon, wait};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    trace::v1::Span,
};
use prost::Message as _;

use crate::{
    decoded::{attributes, check_span},
    metrics::sums_of,
    support::settings,
};

/// A program that is ended with the test, what it says, and a folder of its own.
struct Program {
    child: Child,
    folder: PathBuf,
}

impl Program {
    fn start(variable: &str, arguments: &[&str]) -> Self {
        let program = env::var_os(variable)
            .unwrap_or_else(|| panic!("cannot find the receiver: set `{variable}` to its program"));
        let name = format!("mermin-otlp-{variable}-{}", free_port());
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let said = File::create(folder.join("said")).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.join("said")).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn export(endpoint: Endpoint, flows: &[Flow]) {
    let exporter = Exporter::new(&settings(endpoint)).unwrap();
    crate::grpc::export(retry(exporter, soon()), flows);
}

#[test]
#[ignore = "needs rotel (PyPI, 0.0.1a15) as MERMIN_ROTEL"]
fn rotel_decodes_every_span() {
    let ports = [free_port(), free_port()];
    let [grpc, http] = ports.map(|port| format!("127.0.0.1:{port}"));
    let rotel = Program::start(
        "MERMIN_ROTEL",
        &[
            "start",
            "--otlp-grpc-endpoint",
            &grpc,
            "--otlp-http-endpoint",
            &http,
            "--exporter",
            "blackhole",
            "--debug-log",
            "traces",
            "--debug-log-verbosity",
            "detailed",
        ],
    );
    let flows = detailed_flows(300);
    let mut batches = flows.chunks(100);
    for (protocol, address, compression) in [
        (Protocol::Grpc, &grpc, Compression::None),
        (Protocol::Grpc, &grpc, Compression::Gzip),
        (Protocol::Http, &http, Compression::Gzip),
    ] {
        let endpoint = Endpoint::new(protocol, &format!("http://{address}")).unwrap();
        let batch = batches.next().unwrap();
        export(endpoint.compression(compression), batch);
    }
    let expected = sorted(spans(&flows).iter().map(in_rotel).collect());
    let mut said = String::new();
    wait(|| {
        // All of them, and the last to its end.
        let before = said.len();
        said = rotel.said();
        said.matches("\nSpan #").count() == flows.len() && said.len() == before
    });
    let (mut came, mut resources) = (Vec::new(), 0);
    for part in said.split("\nResourceSpans #").skip(1) {
        let (head, spans) = part.split_once("\nSpan #").unwrap();
        for (name, value) in RESOURCE {
            assert!(
                head.contains(&format!("\n     -> {name}: Str({value})\n")),
                "{head}"
            );
        }
        assert!(head.contains("\nInstrumentationScope mermin "), "{head}");
        resources += 1;
        // Behind the number of the span.
        let blocks = spans
            .split("\nSpan #")
            .map(|it| it.split_once('\n').unwrap().1);
        came.extend(blocks.map(|block| block.trim_end().to_owned()));
    }
    assert!(resources >= 3);
    assert_eq!(sorted(came), expected);
}

/// Attributes of the resource of every request.
const RESOURCE: [(&str, &str); 3] = [
    ("service.name", "mermin"),
    ("telemetry.distro.name", "mermin"),
    ("k8s.node.name", "node-7"),
];

/// Returns the spans of these flows as the decoder of this process has them. Each equals its flow, and so has its ids.
fn spans(flows: &[Flow]) -> Vec<Span> {
    let octets = Encoder::new(&settings(Endpoint::default())).spans(flows);
    let request = ExportTraceServiceRequest::decode(&octets[..]).unwrap();
    let spans = request.resource_spans[0].scope_spans[0].spans.clone();
    assert_eq!(spans.len(), flows.len());
    for (span, flow) in spans.iter().zip(flows) {
        check_span(span, flow);
    }
    spans
}

fn hexadecimal(octets: &[u8]) -> String {
    let pairs = octets.iter().map(|octet| format!("{octet:02x}"));
    pairs.collect::<Vec<_>>().concat()
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

/// Writes a value as rotel's log does.
fn in_rotel_value(value: &AnyValue) -> String {
    match value.value.as_ref().unwrap() {
        any_value::Value::StringValue(text) => format!("Str({text})"),
        any_value::Value::IntValue(number) => format!("Int({number})"),
        any_value::Value::ArrayValue(list) => {
            let values: Vec<_> = list.values.iter().map(in_rotel_value).collect();
            format!("Slice({})", values.join(", "))
        }
        other => panic!("{other:?}"),
    }
}

/// Writes a span as rotel's log does.
fn in_rotel(span: &Span) -> String {
    let kind = ["INTERNAL", "SERVER", "CLIENT"][usize::try_from(span.kind - 1).unwrap()];
    let attributes: Vec<_> = span
        .attributes
        .iter()
        .map(|it| {
            format!(
                "\n     -> {}: {}",
                it.key,
                in_rotel_value(it.value.as_ref().unwrap())
            )
        })
        .collect();
    let text = format!(
        "    Trace ID       : {}\n    Parent ID      : \n    ID             : {}\n    Name           : {}\n    Kind           : SPAN_KIND_{kind}\n\
         Start time: {}\nEnd time: {}\nAttributes:{}",
        hexadecimal(&span.trace_id),
        hexadecimal(&span.span_id),
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        attributes.concat(),
    );
    text.trim_end().to_owned()
}

/// Prints resources, spans, log records and sums by Google's Protocol Buffers.
const PRINT: &str = r#"
import importlib, sys, grpc
from concurrent import futures
def shown(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return "[" + ",".join(map(shown, value.array_value.values)) + "]"
    return str(getattr(value, kind)).replace("\n", "\\n")
def listed(attributes):
    return [f"{a.key}={shown(a.value)}" for a in attributes]
def span(it):
    print("span", it.name, it.kind, it.start_time_unix_nano, it.end_time_unix_nano, it.trace_id.hex(), it.span_id.hex(),
          len(it.parent_span_id), *listed(it.attributes), flush=True)
def log(it):
    print("log", shown(it.body), it.event_name, it.severity_number, it.severity_text, it.time_unix_nano, it.trace_id.hex(), it.span_id.hex(),
          *listed(it.attributes), flush=True)
def metric(it):
    for point in it.sum.data_points:
        labels = dict(a.split("=") for a in listed(point.attributes))
        names = ["network.type", "network.transport", "network.interface.name", "mermin.flow.way"]
        print("sum", it.name, *(labels.get(name, "") for name in names), "=", point.as_int, it.unit, it.sum.is_monotonic, it.sum.aggregation_temporality,
              point.start_time_unix_nano < point.time_unix_nano, flush=True)
server = grpc.server(futures.ThreadPoolExecutor(1))
for signal, name, parts, scopes, items, show in [
    ("trace", "Trace", "resource_spans", "scope_spans", "spans", span),
    ("logs", "Logs", "resource_logs", "scope_logs", "log_records", log),
    ("metrics", "Metrics", "resource_metrics", "scope_metrics", "metrics", metric),
]:
    m, s = (importlib.import_module(f"opentelemetry.proto.collector.{signal}.v1.{signal}_service_pb2{end}") for end in ("", "_grpc"))
    class Service(getattr(s, f"{name}ServiceServicer")):
        layout, answer = (parts, scopes, items, show), getattr(m, f"Export{name}ServiceResponse")
        def Export(self, request, context):
            parts, scopes, items, show = self.layout
            for part in getattr(request, parts):
                for scope in getattr(part, scopes):
                    print("resource", *listed(part.resource.attributes), scope.scope.name, flush=True)
                    for item in getattr(scope, items):
                        show(item)
            return self.answer()
    getattr(s, f"add_{name}ServiceServicer_to_server")(Service(), server)
server.add_insecure_port(sys.argv[1]); server.start(); server.wait_for_termination()
"#;

/// Writes a value as the script does.
fn shown(value: &AnyValue) -> String {
    match value.value.as_ref().unwrap() {
        any_value::Value::StringValue(text) => text.replace('\n', "\\n"),
        any_value::Value::IntValue(number) => number.to_string(),
        any_value::Value::ArrayValue(list) => {
            let values: Vec<_> = list.values.iter().map(shown).collect();
            format!("[{}]", values.join(","))
        }
        other => panic!("{other:?}"),
    }
}

/// Writes attributes as the script does, each behind a space.
fn listed<'a>(attributes: impl Iterator<Item = (&'a str, &'a AnyValue)>) -> String {
    let one = |(name, value): (&str, &AnyValue)| format!(" {name}={}", shown(value));
    attributes.map(one).collect()
}

fn pair(attribute: &KeyValue) -> (&str, &AnyValue) {
    (&attribute.key, attribute.value.as_ref().unwrap())
}

/// Returns the lines that the script prints of spans, of log records, and of sums.
fn printed(flows: &[Flow]) -> [Vec<String>; 3] {
    let spans = spans(flows);
    let logs = spans.iter().zip(flows).map(|(span, flow)| {
        // A log record has the span's ids, and all attributes of the flow.
        let attributes = attributes(flow);
        let attributes = attributes.iter().map(|(name, value)| (&**name, value));
        let attributes = listed(attributes);
        let (trace, id) = (hexadecimal(&span.trace_id), hexadecimal(&span.span_id));
        let end = span.end_time_unix_nano;
        format!(
            "log {} mermin.flow 9 INFO {end} {trace} {id}{attributes}",
            span.name
        )
    });
    let in_spans = spans.iter().map(|span| {
        format!(
            "span {} {} {} {} {} {} 0{}",
            span.name,
            span.kind,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            hexadecimal(&span.trace_id),
            hexadecimal(&span.span_id),
            listed(span.attributes.iter().map(pair))
        )
    });
    let sums = sums_of(flows).into_iter().map(|(name, sum)| {
        let unit = match name.split(' ').next() {
            Some("mermin.flow.io") => "By",
            Some("mermin.flow.packets") => "{packet}",
            _ => "{flow}",
        };
        // The script writes line feeds so, and one interface has one.
        let name = name.replace('\n', "\\n");
        format!("sum {name} = {sum} {unit} True 2 True")
    });
    [in_spans.collect(), logs.collect(), sums.collect()].map(sorted)
}

#[test]
#[ignore = "needs Python with grpcio and opentelemetry-proto as MERMIN_PYTHON"]
fn python_decodes_every_span_log_record_and_sum() {
    let address = format!("127.0.0.1:{}", free_port());
    let python = Program::start("MERMIN_PYTHON", &["-X", "utf8", "-c", PRINT, &address]);
    let flows = detailed_flows(900);
    let endpoint = Endpoint::grpc(&format!("http://{address}")).unwrap();
    for (batch, compression) in flows
        .chunks(450)
        .zip([Compression::None, Compression::Gzip])
    {
        let settings = settings(endpoint.clone().compression(compression)).logs(true);
        let exporter = Exporter::new(&settings).unwrap();
        crate::grpc::export(retry(exporter, soon()), batch);
    }
    let alone = settings(endpoint).traces(false).metrics(true);
    crate::grpc::export(Exporter::new(&alone).unwrap(), &flows);
    let said = python.said();
    let came = ["span ", "log ", "sum "].map(|kind| {
        let lines = said.lines().filter(|line| line.starts_with(kind));
        // Requests that are under way at once are answered in any order.
        sorted(lines.map(str::to_owned).collect())
    });
    let expected = printed(&flows);
    for (came, expected) in came.iter().zip(&expected) {
        assert!(!expected.is_empty());
        assert_eq!(came, expected);
    }
    let resources = said.lines().filter(|line| line.starts_with("resource "));
    let resources: Vec<_> = resources.collect();
    assert!(resources.len() >= 5);
    for line in &resources {
        let has = |(name, value)| line.contains(&format!(" {name}={value} "));
        assert!(
            line.ends_with(" mermin") && RESOURCE.into_iter().all(has),
            "{line}"
        );
    }
    let lines: usize = came.iter().map(Vec::len).sum();
    assert_eq!(said.lines().count(), lines + resources.len(), "{said}");
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
#[ignore = "needs victoria-metrics (Debian, from 1.93 on) as MERMIN_VICTORIA_METRICS"]
fn victoria_metrics_stores_the_sums() {
    let port = free_port();
    let listen = format!("-httpListenAddr=127.0.0.1:{port}");
    let _program = Program::start(
        "MERMIN_VICTORIA_METRICS",
        &["-storageDataPath=data", &listen],
    );
    wait(|| get(port, "/health").is_some_and(|answer| answer.contains("OK")));
    let flows = flows(500);
    let url = format!("http://127.0.0.1:{port}/opentelemetry");
    let settings = settings(Endpoint::http(&url).unwrap());
    let alone = settings.metrics(true).traces(false);
    crate::grpc::export(Exporter::new(&alone).unwrap(), &flows);
    let packets = flows
        .iter()
        .map(|flow| flow.forward.packets.delta + flow.reverse.packets.delta);
    // Read back from storage: each line is a series with its values.
    let total: u64 = packets.sum();
    let mut seen = String::new();
    wait(|| {
        get(port, "/internal/force_flush");
        seen = get(
            port,
            "/api/v1/export?match[]=%7B__name__%3D~%22mermin.flow.packets.*%22%7D",
        )
        .unwrap_or_default();
        let values = seen.split("\"values\":[").skip(1);
        let values = values.filter_map(|rest| rest.split([',', ']']).next()?.parse::<f64>().ok());
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let total = total as f64;
        (values.sum::<f64>() - total).abs() < 0.5
    });
    assert!(
        seen.contains("network.transport") || seen.contains("network_transport"),
        "{seen}"
    );
}
