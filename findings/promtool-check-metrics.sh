#!/usr/bin/env bash
# promtool 2.42.0 (Debian 12), `promtool check metrics`, on pages that Prometheus 2.42.0 scrapes: its verdict is about another format, and often the opposite.
#
# It reads every page with the parser of client libraries, for the older text format; a scrape has a parser of its own, and another one for OpenMetrics.
# Status 0 is "nothing to say", 3 "lint" (the page was read), 1 "cannot be read".
# * It has nothing against two samples of one series, of which Prometheus drops one, nor against a histogram whose buckets fall.
# * OpenMetrics pages that a scrape refuses, with the loss of all series of the page, pass: a comment, two spaces before a value, data behind
#   `# EOF`, no `# EOF`.
# * OpenMetrics pages that a scrape stores whole are "text format parsing error": the types info, stateset and gaugehistogram, a time stamp in
#   seconds with a fraction, an exemplar.
# * So are pages of the older format that are stored whole: a TYPE line behind its sample, no end of line at the end, `\t` in a label.
# * A counter of OpenMetrics with its HELP "has no help text", as its family lacks `_total`: 3, so a check by exit status refuses every such page.
# An exporter is tested by a scrape.
. "$(dirname "$0")/lib/common.sh"

debian prometheus=2.42.0+ds-5+deb12u1
cd "$work"
python >seen <<'PYTHON'
import http.server, json, socket, subprocess, threading, time, urllib.request

OPENMETRICS, TEXT = "application/openmetrics-text; version=1.0.0; charset=utf-8", "text/plain; version=0.0.4"
HEAD = "# HELP octets_total Octets.\n# TYPE octets_total counter\n"
OPEN = "# HELP level Level.\n# TYPE level gauge\n"
COUNTER = "# HELP octets Octets.\n# TYPE octets counter\n"
END = "# EOF\n"
HISTOGRAM = "# HELP size Size.\n# TYPE size histogram\n"
NOW = int(time.time())
PAGES = {
    "plain": (TEXT, HEAD + 'octets_total{port="1"} 5\n'),
    "twice": (TEXT, HEAD + 'octets_total{port="1"} 5\noctets_total{port="1"} 6\n'),
    "falling": (TEXT, HISTOGRAM + 'size_bucket{le="1"} 5\nsize_bucket{le="+Inf"} 3\nsize_sum 1\nsize_count 4\n'),
    "no-help": (TEXT, "octets_total 5\n"),
    "type-behind": (TEXT, "octets_total 5\n# TYPE octets_total counter\n"),
    "no-newline": (TEXT, HEAD + "octets_total 5"),
    "tab": (TEXT, HEAD + 'octets_total{name="a\\tb"} 5\n'),
    "om-comment": (OPENMETRICS, OPEN + "# comment\nlevel 5\n" + END),
    "om-spaces": (OPENMETRICS, OPEN + "level  5\n" + END),
    "om-behind-end": (OPENMETRICS, OPEN + "level 5\n" + END + "# HELP more More.\n# TYPE more gauge\nmore 1\n"),
    "om-no-end": (OPENMETRICS, OPEN + "level 5\n"),
    "om-info": (OPENMETRICS, "# HELP build Build.\n# TYPE build info\nbuild_info{version=\"1\"} 1\n" + END),
    "om-stateset": (OPENMETRICS, '# HELP state State.\n# TYPE state stateset\nstate{state="up"} 1\n' + END),
    "om-gaugehistogram": (OPENMETRICS, '# HELP g G.\n# TYPE g gaugehistogram\ng_bucket{le="+Inf"} 1\ng_gcount 1\ng_gsum 1\n' + END),
    "om-fraction": (OPENMETRICS, OPEN + f"level 5 {NOW}.5\n" + END),
    "om-counter": (OPENMETRICS, COUNTER + "octets_total 5\n" + END),
    "om-exemplar": (OPENMETRICS, COUNTER + 'octets_total 5 # {trace_id="a"} 1\n' + END),
}


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, text = PAGES[self.path[1:]]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
with socket.socket() as it:
    it.bind(("127.0.0.1", 0))
    port = it.getsockname()[1]
with open("prometheus.yml", "w") as out:
    out.write("global: {scrape_interval: 10s, scrape_timeout: 10s}\nscrape_configs:\n")
    for name in PAGES:
        out.write(f"- {{job_name: {name}, metrics_path: /{name}, static_configs: [{{targets: ['127.0.0.1:{server.server_port}']}}]}}\n")
command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}"]


def ask(path):
    return json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=60))["data"]


def targets():
    try:
        return {it["labels"]["job"]: it for it in ask("targets")["activeTargets"]}
    except OSError:
        return {}


with open("prometheus.log", "w") as log, subprocess.Popen(command, stdout=log, stderr=log) as prometheus:
    try:
        for _ in range(120):
            at = targets()
            if len(at) == len(PAGES) and all(it["health"] != "unknown" for it in at.values()):
                break
            time.sleep(1)
        time.sleep(1)
        for name, (_, text) in PAGES.items():
            series = ask(f"query?query=count({{job=%22{name}%22,__name__!~%22up|scrape_.*%22}})")["result"]
            check = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True)
            print(name, at[name]["health"], series[0]["value"][1] if series else 0, check.returncode)
    finally:
        prometheus.terminate()
PYTHON

while read -r name up series status; do
    expect "$name: scrape, series stored, status of promtool" "$up $series $status" "$(sed -n "s/^$name //p" seen)"
done <<'ANSWERS'
plain up 1 0
twice up 1 0
falling up 4 0
no-help up 1 3
type-behind up 1 1
no-newline up 1 1
tab up 1 1
om-comment down 0 0
om-spaces down 0 0
om-behind-end down 0 0
om-no-end down 0 0
om-info up 1 1
om-stateset up 1 1
om-gaugehistogram up 3 1
om-fraction up 1 1
om-counter up 1 3
om-exemplar up 1 1
ANSWERS
