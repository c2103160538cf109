#!/usr/bin/env bash
# prometheus-parse 0.2.5 (crate), valid pages of metrics in text: what is in a label's value decides which labels a sample has, and whether it is there.
#
# * A comma ends the value: `{rule="tcp,udp"}` and `{rule="tcp,sctp"}` are two samples with `rule="tcp"`, and two histograms that differ behind a comma are one with the buckets of both.
# * An equals sign takes the label away: `{filter="port=80"}` is a sample without it, the same as that of `port=443`.
# * A closing brace in a value takes the sample away; so do a pair of braces without labels, and a name with a colon, as recording rules have.
# * A space behind the comma between labels is part of the next one's name, " interface"; in front of the closing brace it is part of the value, with the quote. Escapes
#   stay as they are written.
# There is no error. prometheus-client 0.26.0 (PyPI) reads all of it. A test of an exporter by this crate passes with plain values and says nothing of others.
# Needs cargo, which compiles for some seconds.
. "$(dirname "$0")/lib/common.sh"

crates prometheus-parse@0.2.5 <<'RUST'
use prometheus_parse::{Scrape, Value};

fn main() {
    let page = std::io::read_to_string(std::io::stdin()).unwrap();
    let scrape = Scrape::parse(page.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let mut seen: Vec<String> = scrape.samples.iter().map(|it| {
        let mut labels: Vec<String> = it.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        labels.sort();
        let value = match &it.value {
            Value::Counter(it) | Value::Gauge(it) | Value::Untyped(it) => format!("{it}"),
            Value::Histogram(buckets) => format!("{} buckets", buckets.len()),
            Value::Summary(_) => "summary".to_owned(),
        };
        format!("{}{{{}}} {value}", it.metric, labels.join("|"))
    }).collect();
    seen.sort();
    println!("{}", if seen.is_empty() { "-".to_owned() } else { seen.join(", ") });
}
RUST
pypi prometheus-client==0.26.0
cd "$work"

by_client() {
    python -c 'import sys
from prometheus_client.parser import text_string_to_metric_families

samples = [it for family in text_string_to_metric_families(sys.stdin.read()) for it in family.samples]
print(", ".join(sorted(f"{it.name}{{{chr(124).join(sorted(map(chr(61).join, it.labels.items())))}}} {it.value:.17g}" for it in samples)) or "-")'
}

# parsed WORDS PAGE CRATE CLIENT: what both read of a page.
parsed() {
    expect "$1, crate" "$3" "$(crate/target/debug/finding <<<"$2")"
    expect "$1, prometheus-client" "$4" "$(by_client <<<"$2")"
}

parsed "commas" $'a{rule="tcp,udp",way="in"} 1\na{rule="tcp,sctp",way="in"} 2' "a{rule=tcp|way=in} 1, a{rule=tcp|way=in} 2" "a{rule=tcp,sctp|way=in} 2, a{rule=tcp,udp|way=in} 1"
parsed "equals signs" $'a{filter="port=80"} 1\na{filter="port=443"} 2' "a{} 1, a{} 2" "a{filter=port=443} 2, a{filter=port=80} 1"
parsed "closing brace" $'a{x="{id}"} 1\na{x="{id"} 2' "a{x={id} 2" "a{x={id} 2, a{x={id}} 1"
parsed "escape" $'a{x="c:\\\\d"} 1' 'a{x=c:\\d} 1' 'a{x=c:\d} 1'
parsed "space behind a comma" 'a{way="in", interface="eth0"} 1' "a{ interface=eth0|way=in} 1" "a{interface=eth0|way=in} 1"
parsed "space in front of the brace" 'a{way="in" } 1' 'a{way=in" } 1' "a{way=in} 1"
parsed "no labels" "a{} 1" "-" "a{} 1"
parsed "a colon" "flows:rate5m 1" "-" "flows:rate5m{} 1"
page='# TYPE h histogram
h_bucket{rule="tcp,udp",le="1"} 1
h_bucket{rule="tcp,udp",le="+Inf"} 2
h_bucket{rule="tcp,sctp",le="1"} 5
h_bucket{rule="tcp,sctp",le="+Inf"} 6'
expect "histograms of two rules, crate" "h{rule=tcp} 4 buckets" "$(crate/target/debug/finding <<<"$page")"
