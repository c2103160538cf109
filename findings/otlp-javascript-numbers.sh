#!/usr/bin/env bash
# @opentelemetry/otlp-transformer 0.223.1 with sdk-trace-base 2.12.1 (npm): the type of a number in OTLP depends on its value, and BigInts are dropped.
#
# * 2.0 is an intValue and 2.5 a doubleValue: one attribute, as a duration or a rate, changes its type from span to span, and a store that takes
#   the type of the first one for the column's refuses or drops the others.
# * 2^63 and above is a doubleValue in protobuf, and in JSON an intValue with digits beyond int64, which protobuf 7.36.2's json_format refuses, with
#   all spans of the request. NaN and Infinity are `null` in JSON, an attribute without a value, and a doubleValue in protobuf.
# * A BigInt, the type in which Node.js has counters of 64 bits, is no attribute at all; null, objects and mixed lists neither. The attribute is
#   missing, `droppedAttributesCount` is 0, and the warning goes to a logger that nobody set.
# Send a counter as a Number below 2^53, or as a string.
. "$(dirname "$0")/lib/common.sh"

pypi opentelemetry-proto==1.45.2 protobuf==7.36.2
npm @opentelemetry/api@1.9.1 @opentelemetry/otlp-transformer@0.223.1 @opentelemetry/sdk-trace-base@2.12.1
cat >"$work/js/send.cjs" <<'JAVASCRIPT'
const { writeFileSync } = require("node:fs")
const { JsonTraceSerializer, ProtobufTraceSerializer } = require("@opentelemetry/otlp-transformer")
const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-base")

const memory = new InMemorySpanExporter()
const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] }).getTracer("finding")
for (const [name, attributes] of Object.entries({
    usual: { whole: 2.0, half: 2.5, large: 2 ** 53, bigint: 5n, nothing: null, object: { a: 1 }, mixed: [1, "a"], list: [1, 2.5] },
    above: { above: 2 ** 63 },
    none: { none: NaN, infinite: Infinity },
})) {
    memory.reset()
    tracer.startSpan("flow", { attributes }).end()
    const spans = memory.getFinishedSpans()
    writeFileSync(`${name}.json`, JsonTraceSerializer.serializeRequest(spans))
    writeFileSync(`${name}.bin`, ProtobufTraceSerializer.serializeRequest(spans))
}
JAVASCRIPT
cd "$work/js"
node send.cjs
python >"$work/seen" <<'PYTHON'
import json
from google.protobuf.json_format import Parse, ParseError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest as Request

for name in ("usual", "above", "none"):
    (span,) = json.load(open(f"{name}.json"))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    print(f"{name}, JSON:", *(f"{it['key']}={json.dumps(it['value'], separators=(',', ':'))}" for it in span["attributes"]), span["droppedAttributesCount"])
    (span,) = Request.FromString(open(f"{name}.bin", "rb").read()).resource_spans[0].scope_spans[0].spans
    print(f"{name}, protobuf:", *(f"{it.key}={it.value.WhichOneof('value')}" for it in span.attributes), span.dropped_attributes_count)
    try:
        Parse(open(f"{name}.json").read(), Request())
        print(f"{name}, json_format: read")
    except ParseError:
        print(f"{name}, json_format: refused")
PYTHON

while IFS= read -r line; do
    expect "${line%%: *}" "${line#*: }" "$(sed -n "s/^${line%%: *}: //p" "$work/seen")"
done <<'ANSWERS'
usual, JSON: whole={"intValue":2} half={"doubleValue":2.5} large={"intValue":9007199254740992} list={"arrayValue":{"values":[{"intValue":1},{"doubleValue":2.5}]}} 0
usual, protobuf: whole=int_value half=double_value large=int_value list=array_value 0
usual, json_format: read
above, JSON: above={"intValue":9223372036854776000} 0
above, protobuf: above=double_value 0
above, json_format: refused
none, JSON: none={"doubleValue":null} infinite={"doubleValue":null} 0
none, protobuf: none=double_value infinite=double_value 0
none, json_format: read
ANSWERS
