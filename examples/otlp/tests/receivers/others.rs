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
use mermin_otlp::{Compression, Endpoint, Exporter, Protocol};
use mermin_testing::{free_port, soon, wait};
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};

use crate::support::settings;

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
    let has_all = |said: &str| flows.iter().all(|flow| said.contains(&flow.id.to_string()));
    wait(|| has_all(&rotel.said()));
    let said = rotel.said();
    for word in [
        "flow_ipv4_tcp",
        "flow_ipv6_udp",
        "flow.tcp.flags.tags",
        "node-7",
        "tls.alpn",
        "a.example",
    ] {
        assert!(said.contains(word), "{word}");
    }
}

/// Prints spans and their attributes by Google's Protocol Buffers.
const PRINT: &str = r#"
import sys, grpc
from concurrent import futures
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as m, trace_service_pb2_grpc as s
def shown(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return "[" + ",".join(map(shown, value.array_value.values)) + "]"
    return str(getattr(value, kind)).replace("\n", "\\n")
class Service(s.TraceServiceServicer):
    def Export(self, request, context):
        for part in request.resource_spans:
            for scope in part.scope_spans:
                for span in scope.spans:
                    print(span.name, span.kind, span.start_time_unix_nano, len(span.trace_id), len(span.span_id),
                          *(f"{a.key}={shown(a.value)}" for a in span.attributes), flush=True)
        return m.ExportTraceServiceResponse()
server = grpc.server(futures.ThreadPoolExecutor(1))
s.add_TraceServiceServicer_to_server(Service(), server)
server.add_insecure_port(sys.argv[1]); server.start(); server.wait_for_termination()
"#;

/// Writes a value as the script does.
fn shown(value: AnyValue) -> String {
    match value.value.unwrap() {
        any_value::Value::StringValue(text) => text.replace('\n', "\\n"),
        any_value::Value::IntValue(number) => number.to_string(),
        any_value::Value::ArrayValue(list) => {
            let values: Vec<_> = list.values.into_iter().map(shown).collect();
            format!("[{}]", values.join(","))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
#[ignore = "needs Python with grpcio and opentelemetry-proto as MERMIN_PYTHON"]
fn python_decodes_every_span() {
    let address = format!("127.0.0.1:{}", free_port());
    let python = Program::start("MERMIN_PYTHON", &["-X", "utf8", "-c", PRINT, &address]);
    let flows = detailed_flows(900);
    for (batch, compression) in flows
        .chunks(450)
        .zip([Compression::None, Compression::Gzip])
    {
        let endpoint = Endpoint::grpc(&format!("http://{address}")).unwrap();
        export(endpoint.compression(compression), batch);
    }
    let expected = flows.iter().map(|flow| {
        let version = if flow.source.address.is_ipv4() {
            "ipv4"
        } else {
            "ipv6"
        };
        let kind = match flow.direction {
            mermin_core::flow::Direction::Forward => 3,
            mermin_core::flow::Direction::Reverse => 2,
            mermin_core::flow::Direction::Unknown => 1,
        };
        let start = crate::decoded::nanoseconds(flow.start);
        let attributes = crate::decoded::span_attributes(flow).into_iter();
        let attributes: Vec<_> = attributes
            .map(|(name, value)| format!("{name}={}", shown(value)))
            .collect();
        let (protocol, attributes) = (flow.protocol, attributes.join(" "));
        format!("flow_{version}_{protocol} {kind} {start} 16 8 {attributes}")
    });
    let mut expected: Vec<_> = expected.collect();
    let mut came: Vec<_> = python.said().lines().map(str::to_owned).collect();
    // Requests that are under way at once are answered in any order.
    expected.sort();
    came.sort();
    assert_eq!(came, expected);
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
