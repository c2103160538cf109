#!/usr/bin/env bash
# node_exporter 1.5.0 (Debian 12), files of its textfile collector: series that it drops while it says that nothing went wrong.
#
# Two programs write a file each, and the second one's sample meets a family of the first one. Its sample is dropped, the page is 200,
# node_textfile_scrape_error is 0, and the collector's success is 1. A line of the log has it, and promhttp_metric_handler_errors_total, which counts scrapes
# and is off with `--web.disable-exporter-metrics`. So it is where
# * the family has another type there (a counter of the one is a gauge of the other), or no type, which is another one too;
# * one of the files has a HELP line and the other has not, or another one;
# * both have the same series. In all of these the file whose name comes first stays.
# What makes the error 1 is a file that cannot be read as a whole: a time stamp on one sample, or a last line without an end, takes all of
# that file's series away. So two versions of one program beside each other lose the series of one, by the names of their files.
. "$(dirname "$0")/lib/common.sh"

debian prometheus-node-exporter=1.5.0-1+b6
mkdir "$work/files"
port=$(free_port)
background prometheus-node-exporter --collector.disable-defaults --collector.textfile "--collector.textfile.directory=$work/files" \
    --web.listen-address="127.0.0.1:$port"
until_true 10 curl -sf "127.0.0.1:$port/metrics"

# page FIRST SECOND: what the page has of the two files' series, the status, and what the collector says of errors and success.
page() {
    printf '%b' "$1" >"$work/files/a.prom"
    printf '%b' "$2" >"$work/files/b.prom"
    curl -s -w 'status %{http_code}\n' "127.0.0.1:$port/metrics" >"$work/page"
    grep -E '^(flow|other|status)' "$work/page" | paste -sd ' '
    sed -n 's/^node_textfile_scrape_error /error /p; s/^node_scrape_collector_success.* /success /p' "$work/page" | sort | paste -sd ' '
}

first='# TYPE flow_octets counter\nflow_octets{host="1"} 1\n'
fine="status 200
error 0 success 1"
expect "alike" "flow_octets{host=\"1\"} 1 flow_octets{host=\"2\"} 2 $fine" "$(page "$first" '# TYPE flow_octets counter\nflow_octets{host="2"} 2\n')"
one="flow_octets{host=\"1\"} 1 $fine"
expect "another type" "$one" "$(page "$first" '# TYPE flow_octets gauge\nflow_octets{host="2"} 2\n')"
expect "no type" "$one" "$(page "$first" 'flow_octets{host="2"} 2\n')"
expect "a HELP in the second alone" "$one" "$(page "$first" '# HELP flow_octets Octets.\n# TYPE flow_octets counter\nflow_octets{host="2"} 2\n')"
expect "a HELP in the first alone" "$one" "$(page "# HELP flow_octets Octets.\n$first" '# TYPE flow_octets counter\nflow_octets{host="2"} 2\n')"
expect "another HELP" "$one" "$(page "# HELP flow_octets Bytes.\n$first" '# HELP flow_octets Octets.\n# TYPE flow_octets counter\nflow_octets{host="2"} 2\n')"
expect "the same series" "$one" "$(page "$first" '# TYPE flow_octets counter\nflow_octets{host="1"} 2\n')"
expect "scrapes with such an error" 6 "$(curl -s "127.0.0.1:$port/metrics" | sed -n 's/^promhttp_metric_handler_errors_total{cause="gathering"} //p')"
broken="flow_octets{host=\"1\"} 1 status 200
error 1 success 1"
expect "a time stamp" "$broken" "$(page "$first" 'other 1\nother_time 2 1700000000000\n')"
expect "no end of line" "$broken" "$(page "$first" 'other 1\nother_last 2')"
