#!/usr/bin/env bash
# rotel 0.0.1a15 (an OpenTelemetry collector, PyPI) as an OTLP receiver: what it takes, and how it says no.
#
# * gRPC: a request of more than 4 MiB (tonic's default) is refused with OUT_OF_RANGE, a code that the OTLP specification counts
#   among those to send again. A batch that is too large would come again for ever: an exporter has to bound its requests, and to
#   tell this refusal from others by its size. Over HTTP the same 5 MB are taken.
# * HTTP: `Content-Encoding: zstd` is not refused with 415 but ignored: the compressed octets are read as protobuf and get 400 with an
#   empty body, as if the request were broken. gRPC says UNIMPLEMENTED for an encoding that it lacks.
# * HTTP: a `Content-Type` with a charset behind it gets 400 and an empty body.
# * Ids that the specification calls invalid (16 zeroes, none, 3 octets) and a span that ends before it starts are taken.
. "$(dirname "$0")/lib/common.sh"

pypi rotel==0.0.1a15 opentelemetry-proto==1.45.2 grpcio==1.85.3 zstandard==0.25.0
grpc=$(free_port)
http=$(free_port)
background "$(find "$work/venv" -name rotel-agent -type f)" start --otlp-grpc-endpoint "127.0.0.1:$grpc" \
    --otlp-http-endpoint "127.0.0.1:$http" --exporter blackhole --debug-log traces --debug-log-verbosity detailed
until_true 20 grep -q "Starting Rotel" "$work/rotel-agent.log"
sleep 1
python - "$grpc" "$http" >"$work/seen" <<'PYTHON'
import gzip, http.client, sys
import grpc, zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

PROTOBUF = "application/x-protobuf"
channel = grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}", options=[("grpc.max_send_message_length", 32 << 20)])
service = TraceServiceStub(channel)


def request(name, **more):
    span = {"trace_id": bytes(range(16)), "span_id": bytes(range(8)), "name": name, "kind": 3}
    span |= {"start_time_unix_nano": 10**18, "end_time_unix_nano": 10**18 + 5} | more
    return ExportTraceServiceRequest(resource_spans=[{"scope_spans": [{"spans": [span]}]}])


def post(name, body, kind=PROTOBUF, encoding=None):
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[2]), timeout=10)
    connection.request("POST", "/v1/traces", body, {"Content-Type": kind} | ({"Content-Encoding": encoding} if encoding else {}))
    answer = connection.getresponse()
    print(name, answer.status, len(answer.read()))


def call(name, message, **more):
    try:
        service.Export(message, timeout=10, **more)
        print(name, "OK")
    except grpc.RpcError as error:
        print(name, error.code().name)


large = [{"key": "a", "value": {"string_value": "x" * 5_000_000}}]
call("grpc", request("grpc"))
call("grpc-gzip", request("grpc-gzip"), compression=grpc.Compression.Gzip)
call("grpc-deflate", request("grpc-deflate"), compression=grpc.Compression.Deflate)
call("grpc-5MB", request("grpc-5MB", attributes=large))
plain = request("http").SerializeToString()
post("http", plain)
post("http-5MB", request("http-5MB", attributes=large).SerializeToString())
post("http-gzip", gzip.compress(plain), encoding="gzip")
post("http-zstd", zstandard.compress(request("http-zstd", attributes=large).SerializeToString()), encoding="zstd")
post("http-charset", plain, kind=f"{PROTOBUF}; charset=utf-8")
post("http-no-protobuf", b"\xff\xff\xff")
post("http-zero-id", request("zero-id", trace_id=bytes(16)).SerializeToString())
post("http-no-id", request("no-id", trace_id=b"").SerializeToString())
post("http-short-id", request("short-id", trace_id=b"abc").SerializeToString())
post("http-back", request("back", end_time_unix_nano=5).SerializeToString())
PYTHON
sleep 1

while read -r name answer; do
    expect "$name" "$answer" "$(sed -n "s/^$name //p" "$work/seen")"
done <<'ANSWERS'
grpc OK
grpc-gzip OK
grpc-deflate UNIMPLEMENTED
grpc-5MB OUT_OF_RANGE
http 200 0
http-5MB 200 0
http-gzip 200 0
http-zstd 400 0
http-charset 400 0
http-no-protobuf 400 0
http-zero-id 200 0
http-no-id 200 0
http-short-id 200 0
http-back 200 0
ANSWERS
expect "spans in its log" "back grpc grpc-gzip http http-5MB no-id short-id zero-id" \
    "$(grep -aoE '^ +Name +: .*' "$work/rotel-agent.log" | awk '{ print $3 }' | sort -u | paste -sd ' ')"
