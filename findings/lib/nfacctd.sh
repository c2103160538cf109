# Sourced by the findings on nfacctd: what it stores of IPFIX messages, as one line of JSON a flow in $work/stored.json.

debian pmacct=1.7.7-1+b1

# listens AGGREGATE [FORMAT]: nfacctd with these primitives of a flow, on UDP port $port; it writes $work/stored.FORMAT (json).
listens() {
    port=$(free_port)
    cat >"$work/nfacctd.conf" <<CONFIG
nfacctd_ip: 127.0.0.1
nfacctd_port: $port
plugins: print
print_output: ${2-json}
print_output_file: $work/stored.${2-json}
print_output_file_append: true
print_refresh_time: 2
aggregate: $1
timestamps_utc: true
CONFIG
    background nfacctd -f "$work/nfacctd.conf"
    until_true 10 grep -q "waiting for" "$work/nfacctd.log"
}

# of NUMBER FIELD ..: these fields of the flow of 192.0.2.NUMBER; `-` for a text that is empty.
of() {
    python - "$work/stored.json" "$@" <<'PYTHON'
import json, sys

for line in open(sys.argv[1]):
    record = json.loads(line)
    if record["ip_src"] == f"192.0.2.{sys.argv[2]}":
        print(*("-" if record[name] == "" else record[name] for name in sys.argv[3:]))
PYTHON
}
