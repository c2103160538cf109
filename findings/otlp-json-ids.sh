#!/usr/bin/env bash
# OTLP/JSON and protobuf 7.36.2's json_format (opentelemetry-proto 1.45.2): an OTLP trace id is read as another id, without an error.
#
# OTLP's JSON has trace and span ids in hexadecimal, enumerations as numbers; protobuf's JSON has bytes in base64, enumerations by
# name. Hexadecimal digits are base64 too, so json_format takes a valid OTLP id of 16 octets for one of 24, and a span id of
# 8 for one of 12. What it writes is no OTLP/JSON. So it is no referee for an exporter's JSON, and a receiver built on it stores
# ids that no other receiver has.
# An attribute is int64: counters of unsigned64 above 2^63-1 have no integer form in OTLP.
. "$(dirname "$0")/lib/common.sh"

pypi protobuf==7.36.2 opentelemetry-proto==1.45.2
python >"$work/seen" <<'PYTHON'
from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import Span

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
span = json_format.Parse(f'{{"traceId": "{TRACE}", "spanId": "{SPAN}"}}', Span())
print(len(span.trace_id), len(span.span_id), span.trace_id.hex() == TRACE)
written = json_format.MessageToDict(Span(trace_id=bytes.fromhex(TRACE), kind=3))
print(written["traceId"], written["kind"])
try:
    Span(attributes=[{"key": "octets", "value": {"int_value": 2**63}}])
except ValueError as error:
    print(error)
PYTHON
expect "octets of the ids read from OTLP/JSON, and whether the trace id is right" "24 12 False" "$(sed -n 1p "$work/seen")"
expect "trace id and kind as written" "CvdlGRbNQ92ESOshHIAxnA== SPAN_KIND_CLIENT" "$(sed -n 2p "$work/seen")"
expect "2^63 as an integer attribute" "Value out of range: 9223372036854775808" "$(sed -n 3p "$work/seen")"
