#!/usr/bin/env bash
# parse-prometheus-text-format 1.1.1 (npm): of a histogram or summary with labels it keeps the buckets of the last label set, without labels, sum and count.
#
# A page has a histogram of durations for two interfaces: 2 flows of 5 s for the one, 20 of 50 s for the other. prometheus-client 0.26.0 (PyPI) reads all of it.
# * The result has one set of buckets, that of the interface which came last, and nothing that says whose. The other one's is gone, and so are `sum` and `count`, also where
#   there is one label set. Of a histogram without labels all is there, as in the package's example.
# * A summary is the same with quantiles. Without quantiles it has its labels, its sum and its count.
# * Counters and gauges have their labels, whatever is in them, and their digits: values are text.
# There is no error. A check of an exporter by this parser finds its counters right and half of its histograms missing, at a page that Prometheus stores whole.
. "$(dirname "$0")/lib/common.sh"

pypi prometheus-client==0.26.0
npm parse-prometheus-text-format@1.1.1
cd "$work/js"
cat >read.mjs <<'JS'
import fs from "fs";
import parse from "parse-prometheus-text-format";

for (const { name, metrics } of parse(fs.readFileSync(process.argv[2], "utf8"))) {
  console.log(name, JSON.stringify(metrics).replaceAll('"', ""));
}
JS
cat >read.py <<'PYTHON'
import sys
from prometheus_client.parser import text_string_to_metric_families

for family in text_string_to_metric_families(open(sys.argv[1]).read()):
    print(*(f"{it.name}{{{','.join(it.labels.values())}}}={it.value:g}" for it in family.samples))
PYTHON

# histogram LABELS: one of two flows, and with a second argument one of twenty.
histogram() {
    printf '# TYPE h histogram\n'
    printf 'h_bucket{%sle="1"} 1\nh_bucket{%sle="+Inf"} 2\nh_sum{%s} 5\nh_count{%s} 2\n' "$1" "$1" "$1" "$1"
    [ $# -eq 1 ] || printf 'h_bucket{%sle="1"} 10\nh_bucket{%sle="+Inf"} 20\nh_sum{%s} 50\nh_count{%s} 20\n' "$2" "$2" "$2" "$2"
}
histogram "" >none
histogram 'interface="eth0",' >one
histogram 'interface="eth0",' 'interface="eth1",' >two
cat >summary <<'PAGE'
# TYPE s summary
s{interface="eth0",quantile="0.5"} 3
s_sum{interface="eth0"} 7
s_count{interface="eth0"} 2
s{interface="eth1",quantile="0.5"} 30
s_sum{interface="eth1"} 70
s_count{interface="eth1"} 20
PAGE
grep -v quantile summary >no-quantiles
printf '# TYPE a_total counter\na_total{to="192.0.2.1, x}"} 18446744073709551615\n' >counter

expect "two label sets, prometheus-client" \
    "h_bucket{eth0,1}=1 h_bucket{eth0,+Inf}=2 h_sum{eth0}=5 h_count{eth0}=2 h_bucket{eth1,1}=10 h_bucket{eth1,+Inf}=20 h_sum{eth1}=50 h_count{eth1}=20" "$(python read.py two)"
expect "two label sets" "h [{buckets:{1:10,+Inf:20}}]" "$(node read.mjs two)"
expect "one label set" "h [{buckets:{1:1,+Inf:2}}]" "$(node read.mjs one)"
expect "without labels" "h [{buckets:{1:1,+Inf:2},count:2,sum:5}]" "$(node read.mjs none)"
expect "summary, prometheus-client" "s{eth0,0.5}=3 s_sum{eth0}=7 s_count{eth0}=2 s{eth1,0.5}=30 s_sum{eth1}=70 s_count{eth1}=20" "$(python read.py summary)"
expect "summary" "s [{quantiles:{0.5:30}}]" "$(node read.mjs summary)"
expect "summary without quantiles" "s [{labels:{interface:eth0},sum:7,count:2},{labels:{interface:eth1},sum:70,count:20}]" "$(node read.mjs no-quantiles)"
expect "counter" "a_total [{value:18446744073709551615,labels:{to:192.0.2.1, x}}}]" "$(node read.mjs counter)"
