#!/usr/bin/env bash
# OpenTelemetry's exporters for Prometheus 0.66b2 (PyPI) and 0.301.0 (npm), scraped by Prometheus 2.42.0 (Debian 12): some attributes make octets or all metrics disappear.
#
# OpenTelemetry's counters tell apart what Prometheus' names cannot. Counters of 1 and 2 octets:
# * With the attributes source.port and source_port, the page of both exporters has one series twice, and Prometheus keeps the first: 2 octets are lost, and `up` is 1.
# * The same goes for the port 443 as number and as text, and for counters named in.octets and in_octets.
# * One counter with both attributes: Python's has the last of them alone. JavaScript's page has the label twice, for which Prometheus refuses the page: `up` is 0, and no
#   metric of the program is stored from then on.
# * An attribute that begins with a digit, as 802.1q: the same loss of the page with JavaScript's. Python's has the label _02_1q.
# Neither exporter says a word. Whoever makes attributes of fields that came from elsewhere renames them first.
. "$(dirname "$0")/lib/common.sh"

debian prometheus=2.42.0+ds-5+deb12u1
pypi opentelemetry-sdk==1.45.2 opentelemetry-exporter-prometheus==0.66b2
npm @opentelemetry/exporter-prometheus@0.301.0 @opentelemetry/sdk-metrics@3.1.1 @opentelemetry/api@1.10.0
cd "$work"
cat >cases.json <<'JSON'
{"alone": [["octets", 1, {"source.port": 443}], ["octets", 2, {"source.port": 80}]],
 "dots": [["octets", 1, {"source.port": 443}], ["octets", 2, {"source_port": 443}]],
 "types": [["octets", 1, {"port": 443}], ["octets", 2, {"port": "443"}]],
 "names": [["in.octets", 1, {}], ["in_octets", 2, {}]],
 "both": [["octets", 3, {"source.port": "1", "source_port": "2"}]],
 "digit": [["octets", 3, {"802.1q": "x"}]]}
JSON
cat >meter.py <<'PYTHON'
import json, sys, time

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server

meter = MeterProvider(metric_readers=[PrometheusMetricReader()]).get_meter("flows")
case = json.load(open("cases.json"))[sys.argv[2]]
counters = {name: meter.create_counter(name) for name, _, _ in case}
for name, value, attributes in case:
    counters[name].add(value, attributes)
meter.create_counter("others").add(5)
start_http_server(int(sys.argv[1]), "127.0.0.1")
time.sleep(120)
PYTHON
cat >js/meter.mjs <<'JS'
import { readFileSync } from "node:fs";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";

const [port, name] = process.argv.slice(2);
const meter = new MeterProvider({ readers: [new PrometheusExporter({ host: "127.0.0.1", port: Number(port) })] }).getMeter("flows");
const counters = {};
for (const [name_, value, attributes] of JSON.parse(readFileSync("cases.json"))[name]) {
    counters[name_] ??= meter.createCounter(name_);
    counters[name_].add(value, attributes);
}
meter.createCounter("others").add(5);
setTimeout(() => {}, 120_000);
JS
cases="alone dots types names both digit"
printf 'global: {scrape_interval: 1s}\nscrape_configs:\n' >prometheus.yml
for case in $cases; do
    for language in python javascript; do
        target=$(free_port)
        if [ $language = python ]; then
            "$work/venv/bin/python" meter.py "$target" "$case" >"$language-$case.log" 2>&1 &
        else
            node js/meter.mjs "$target" "$case" >"$language-$case.log" 2>&1 &
        fi
        started+=("$!")
        until_true 30 python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$target/metrics')"
        python3 -c "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:$target/metrics').read().decode())" >"$language-$case.page"
        echo "- {job_name: $language-$case, static_configs: [{targets: ['127.0.0.1:$target']}]}" >>prometheus.yml
    done
done
port=$(free_port)
background prometheus --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="127.0.0.1:$port"

# query EXPRESSION: the values, sorted.
query() {
    python3 - "$port" "$1" <<'PYTHON'
import json, sys, urllib.parse, urllib.request

url = f"http://127.0.0.1:{sys.argv[1]}/api/v1/query?query=" + urllib.parse.quote(sys.argv[2])
print(*sorted(it["value"][1] for it in json.load(urllib.request.urlopen(url))["data"]["result"]))
PYTHON
}
all_scraped() {
    [ "$(query up | wc -w)" -eq 12 ]
}
until_true 30 all_scraped
sleep 2

# stored LANGUAGE CASE: up, octets, and what another counter has.
stored() {
    echo "$(query "up{job=\"$1-$2\"}"), $(query "{job=\"$1-$2\",__name__=~\".*octets_total\"}"), $(query "others_total{job=\"$1-$2\"}")"
}

# labels LANGUAGE CASE: the labels on the page, without those of the exporter's scope.
labels() {
    sed -n 's/^octets_total{\(.*\)}.*/\1/p' "$1-$2.page" | tr ',' '\n' | { grep -v otel_scope || true; } | paste -sd ' '
}

for language in python javascript; do
    expect "$language, ports 443 and 80: up, octets, others" "1, 1 2, 5" "$(stored $language alone)"
    expect "$language, source.port and source_port" "1, 1, 5" "$(stored $language dots)"
    expect "$language, its page" 'source_port="443" source_port="443"' "$(labels $language dots)"
    expect "$language, 443 and text 443" "1, 1, 5" "$(stored $language types)"
    expect "$language, in.octets and in_octets" "1, 1, 5" "$(stored $language names)"
done
expect "python, both at one counter" "1, 3, 5" "$(stored python both)"
expect "python, its page" 'source_port="2"' "$(labels python both)"
expect "javascript, both at one counter" "0, , " "$(stored javascript both)"
expect "javascript, its page" 'source_port="1" source_port="2"' "$(labels javascript both)"
expect "python, 802.1q" "1, 3, 5" "$(stored python digit)"
expect "python, its page" '_02_1q="x"' "$(labels python digit)"
expect "javascript, 802.1q" "0, , " "$(stored javascript digit)"
expect "javascript, its page" '802_1q="x"' "$(labels javascript digit)"
expect "lines that the programs said" 0 "$(cat ./*-*.log | wc -l)"
