#!/usr/bin/env bash
# opentelemetry-exporter-otlp-proto-http 1.45.2 (PyPI), how Python's exporters of OTLP over HTTP take an answer: a redirect is success, and so is a refusal in part.
#
# * 301, 302, 307 and 308 with a Location, and 304, are SUCCESS. The new place is not asked, nothing is sent again, nothing is logged. A proxy that sends
#   http to https, or a path without its slash, so takes all spans and logs away while the program says that all were delivered.
# * 200 with `partial_success` (one span of one rejected, with the reason) is SUCCESS, and the reason is nowhere.
# * An attribute above 2^63-1, as a counter of unsigned64 may be, is left out of the span, which goes; `dropped_attributes_count` stays 0.
# * 404 is FAILURE, and 503 is sent again, as expected.
# A receiver refuses with a status from 400 on; a rejection in part is for the receiver's own counters.
. "$(dirname "$0")/lib/common.sh"

pypi opentelemetry-exporter-otlp-proto-http==1.45.2
python >"$work/seen" 2>"$work/log" <<'PYTHON'
import http.server, logging, threading
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

asked, answers, logged = [], [], []


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        status, content, headers = answers.pop(0) if answers else (200, b"", {})
        asked.append((self.command, self.path, status, body))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST

    def log_message(self, *words):
        pass


class Logged(logging.Handler):
    def emit(self, record):
        logged.append(record.levelname)


logging.getLogger().addHandler(Logged())
logging.getLogger("opentelemetry").setLevel(logging.DEBUG)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
place = f"http://127.0.0.1:{server.server_port}"
memory = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))


def spans(**attributes):
    memory.clear()
    provider.get_tracer("finding").start_span("flow", attributes=attributes).end()
    return memory.get_finished_spans()


def case(name, items, *given, exporter=OTLPSpanExporter(endpoint=f"{place}/v1/traces")):
    asked.clear()
    logged.clear()
    answers[:] = given
    result = exporter.export(items)
    print(f"{name}:", result.name, *(f"{method} {path} {status}" for method, path, status, _ in asked), *logged)


one = spans(octets=1)
case("200", one)
for status in (301, 302, 307, 308):
    case(status, one, (status, b"", {"Location": "/elsewhere"}))
case("304", one, (304, b"", {}))
refused = ExportTraceServiceResponse(partial_success={"rejected_spans": 1, "error_message": "too old"})
case("partial", one, (200, refused.SerializeToString(), {"Content-Type": "application/x-protobuf"}))
case("404", one, (404, b"", {}))
case("503", one, (503, b"", {}))
kept = InMemoryLogRecordExporter()
logs = LoggerProvider()
logs.add_log_record_processor(SimpleLogRecordProcessor(kept))
logs.get_logger("finding").emit(LogRecord(timestamp=1, severity_number=SeverityNumber.INFO, body="flow"))
case("log, 301", kept.get_finished_logs(), (301, b"", {"Location": "/elsewhere"}), exporter=OTLPLogExporter(endpoint=f"{place}/v1/logs"))
case("2^63", spans(large=2**63, octets=1))
(span,) = ExportTraceServiceRequest.FromString(asked[0][3]).resource_spans[0].scope_spans[0].spans
print("attributes:", *(it.key for it in span.attributes), span.dropped_attributes_count)
PYTHON

while IFS=: read -r name answer; do
    expect "$name" "${answer# }" "$(sed -n "s/^$name: //p" "$work/seen")"
done <<'ANSWERS'
200: SUCCESS POST /v1/traces 200
301: SUCCESS POST /v1/traces 301
302: SUCCESS POST /v1/traces 302
307: SUCCESS POST /v1/traces 307
308: SUCCESS POST /v1/traces 308
304: SUCCESS POST /v1/traces 304
partial: SUCCESS POST /v1/traces 200
404: FAILURE POST /v1/traces 404 ERROR
503: SUCCESS POST /v1/traces 503 POST /v1/traces 200 WARNING
log, 301: SUCCESS POST /v1/logs 301
2^63: SUCCESS POST /v1/traces 200 ERROR
attributes: octets 0
ANSWERS
