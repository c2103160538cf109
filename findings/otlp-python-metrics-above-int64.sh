#!/usr/bin/env bash
# opentelemetry-sdk 1.45.2 with its OTLP exporters (PyPI), metrics: one counter above 2^63-1 keeps all metrics of the program from being sent, from then on, and a flush succeeds.
#
# OTLP has integers of metrics as 64 bits with a sign. A counter of octets that observes an unsigned64 of elsewhere (a kernel's counter, an IPFIX element) or adds up to more is
# not left out, rounded or capped:
# * Neither its other points nor any other metric of that export arrive: the request is not made. Cumulative counters stay above the limit, so nothing is sent any more.
# * force_flush() gives True, also in the first export that fails. The log has one error for each interval.
# * 2^63-1 is sent. As a floating-point number (`float(value)`) the same counter is sent, with 53 bits.
# * An attribute of a span of that size is left out alone.
# An observed counter is cut to 2^63-1, or made a float, before it is given to the library.
. "$(dirname "$0")/lib/common.sh"

pypi opentelemetry-sdk==1.45.2 opentelemetry-exporter-otlp-proto-http==1.45.2 opentelemetry-exporter-otlp-proto-grpc==1.45.2
cd "$work"
python >seen <<'PYTHON'
import gzip, http.server, logging, threading
from concurrent import futures

import grpc
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as Grpc
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as Http
from opentelemetry.metrics import Observation
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as service, metrics_service_pb2_grpc as service_grpc
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

arrived, errors = [], []


def store(request):
    for metric in (it for resource in request.resource_metrics for scope in resource.scope_metrics for it in scope.metrics):
        arrived.extend(f"{metric.name}={point.as_int or point.as_double}" for point in metric.sum.data_points)


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        store(service.ExportMetricsServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Service(service_grpc.MetricsServiceServicer):
    def Export(self, request, _):
        store(request)
        return service.ExportMetricsServiceResponse()


class Errors(logging.Handler):
    def emit(self, record):
        errors.append(record)


logging.getLogger().addHandler(Errors(logging.ERROR))
by_http = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=by_http.serve_forever, daemon=True).start()
by_grpc = grpc.server(futures.ThreadPoolExecutor(1))
service_grpc.add_MetricsServiceServicer_to_server(Service(), by_grpc)
port = by_grpc.add_insecure_port("127.0.0.1:0")
by_grpc.start()

for name, exporter in (("http", Http(f"http://127.0.0.1:{by_http.server_port}/v1/metrics")), ("grpc", Grpc(f"127.0.0.1:{port}", insecure=True))):
    observed = {"a": 2**63 - 1, "b": 7}
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader])
    meter = provider.get_meter("flows")
    meter.create_observable_counter("octets", [lambda _: [Observation(value, {"interface": key}) for key, value in observed.items()]])
    packets = meter.create_counter("packets")

    def exported(words, value):
        arrived.clear(), errors.clear()
        observed["a"] = value
        packets.add(1)
        print(f"{name}, {words}: {provider.force_flush()} {' '.join(sorted(arrived)) or '-'} {len(errors)}")

    exported("limit", 2**63 - 1)
    exported("above", 2**63)
    exported("again", 2**64 - 1)
    exported("float", float(2**64 - 1))
    exported("back", 5)
    provider.shutdown()
PYTHON

# Flushed, what arrived, errors in the log.
for by in http grpc; do
    expect "$by, 2^63-1" "True octets=7 octets=9223372036854775807 packets=1 0" "$(sed -n "s/^$by, limit: //p" seen)"
    expect "$by, 2^63" "True - 1" "$(sed -n "s/^$by, above: //p" seen)"
    expect "$by, 2^64-1" "True - 1" "$(sed -n "s/^$by, again: //p" seen)"
    expect "$by, as a float" "True octets=1.8446744073709552e+19 octets=7 packets=4 0" "$(sed -n "s/^$by, float: //p" seen)"
    expect "$by, small again" "True octets=5 octets=7 packets=5 0" "$(sed -n "s/^$by, back: //p" seen)"
done
