#!/usr/bin/env bash
# Prometheus 2.42.0 (Debian 12): a target that is "up" need not have stored what its page says, and one bad line loses the page.
#
# Up, and not as sent:
# * A sample with a time stamp of two hours ago, or of twenty minutes ahead, is dropped: `up` is 1, there is no series. So the
#   end of a flow is no time stamp of a sample.
# * Of two samples of one series on a page the first is kept.
# * Octets above 2^53 lose digits: 9007199254740993 becomes ...992.
# * OpenMetrics: a counter whose sample lacks `_total`, and one whose family is named `..._total`, are taken.
# Down, all series of the page with it: CR LF behind a TYPE line (also in the older text format), an empty line in OpenMetrics, an
# exemplar on a gauge or in the older text format, a UNIT that the name does not end with, a label with a dot.
. "$(dirname "$0")/lib/common.sh"

debian prometheus=2.42.0+ds-5+deb12u1
pages=$(free_port)
port=$(free_port)
cd "$work"
cat >pages.py <<'PYTHON'
import http.server, sys, time

OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
HEAD = "# TYPE a counter\n"


def at(seconds):
    return f"a_total 5 {round((time.time() + seconds) * 1000)}\n"


PAGES = {
    "plain": (TEXT, lambda: "a_total 5\n"),
    "past": (TEXT, lambda: at(-7200)),
    "ahead": (TEXT, lambda: at(1200)),
    "twice": (TEXT, lambda: "a_total 5\na_total 6\n"),
    "large": (TEXT, lambda: "a_total 9007199254740993\n"),
    "open-plain": (OPEN, lambda: HEAD + "a_total 5\n# EOF\n"),
    "open-without-total": (OPEN, lambda: HEAD + "a 5\n# EOF\n"),
    "open-family-total": (OPEN, lambda: "# TYPE a_total counter\na_total 5\n# EOF\n"),
    "cr-lf": (TEXT, lambda: "# TYPE a_total counter\r\na_total 5\r\n"),
    "open-empty-line": (OPEN, lambda: HEAD + "\na_total 5\n# EOF\n"),
    "open-exemplar-gauge": (OPEN, lambda: '# TYPE a gauge\na 5 # {trace_id="1"} 1\n# EOF\n'),
    "exemplar": (TEXT, lambda: 'a_total 5 # {trace_id="1"} 1\n'),
    "open-unit": (OPEN, lambda: "# TYPE a counter\n# UNIT a bytes\na_total 5\n# EOF\n"),
    "dot": (TEXT, lambda: 'b_total 5\na_total{source.address="192.0.2.1"} 5\n'),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, page = PAGES[self.path.strip("/")]
        body = page().encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
PYTHON
names=$(python3 -c 'import pages; print(*pages.PAGES)')
{
    echo 'global: {scrape_interval: 1s}'
    echo 'scrape_configs:'
    for name in $names; do
        echo "- {job_name: $name, metrics_path: /$name, static_configs: [{targets: ['127.0.0.1:$pages']}]}"
    done
} >prometheus.yml
background python3 pages.py "$pages"
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
    [ "$(query up | wc -w)" -eq "$(wc -w <<<"$names")" ]
}
until_true 30 all_scraped
sleep 1

# page NAME UP VALUES
page() {
    expect "$1: up" "$2" "$(query "up{job=\"$1\"}")"
    expect "$1: values" "$3" "$(query "{job=\"$1\",__name__=~\"a|a_total|b_total\"}")"
}

page plain 1 5
page past 1 ""
page ahead 1 ""
page twice 1 5
page large 1 9007199254740992
page open-plain 1 5
page open-without-total 1 5
page open-family-total 1 5
for name in cr-lf open-empty-line open-exemplar-gauge exemplar open-unit dot; do
    page $name 0 ""
done
