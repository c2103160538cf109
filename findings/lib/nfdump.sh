# Sourced by the findings that use nfdump: what nfcapd stores, of IPFIX messages as one line of JSON a record.

debian nfdump=1.7.1-2+deb12u1

# nfcapd_listens DIRECTORY: stores there what arrives at $collector_port, until `nfcapd_ends`.
nfcapd_listens() {
    mkdir -p "$1"
    collector_port=$(free_port)
    nfcapd -w "$1" -b 127.0.0.1 -p "$collector_port" -t 60 -T all >"$work/nfcapd.log" 2>&1 &
    collector=$!
    started+=("$collector")
    until_true 10 grep -q Startup "$work/nfcapd.log"
    sleep 0.3
}

nfcapd_ends() {
    sleep 0.7
    kill "$collector"
    wait "$collector" || true
}

# collected DIRECTORY ARGUMENT ..: runs `python -` (its program from standard input) with a port and the arguments while nfcapd
# listens, which stores in that directory.
collected() {
    nfcapd_listens "$1"
    shift
    python - "$collector_port" "$@"
    nfcapd_ends
}

# stored ARGUMENT ..: the same in a directory of its own, then prints the records.
stored() {
    local directory
    directory=$(mktemp -d "$work/nfcapd.XXXXXX")
    collected "$directory" "$@"
    nfdump -R "$directory" -o json >"$work/stored.json"
    python -c 'import json, sys
for record in json.load(open(sys.argv[1])):
    print(json.dumps(record))' "$work/stored.json"
}

# pick FIELD ..: these fields of each record from standard input, a line a record.
pick() {
    python -c 'import json, sys
for line in sys.stdin:
    record = json.loads(line)
    print(" ".join(str(record.get(name, "-")) for name in sys.argv[1:]))' "$@"
}
