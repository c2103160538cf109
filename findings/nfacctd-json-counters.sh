#!/usr/bin/env bash
# nfacctd of pmacct 1.7.7 (Debian 12), `print_output: json`: a counter from 2^63 on is negative; in its CSV it is right.
#
# IPFIX counters are unsigned64, and nfacctd keeps and adds them as such. Of flows with 5, 2^63 and 2^64-1 octets or packets
# * JSON has 5, -9223372036854775808 and -1. A sum over the lines is below zero.
# * CSV of the same records has 9223372036854775808 and 18446744073709551615.
# There is no error. A counter of that size is what an exporter has that subtracts beyond 0, or one that has no limit; a check for "absurdly large" values does not find it in JSON.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfacctd.sh"

# stored FORMAT: octets and packets of the three flows by port as nfacctd writes them.
stored() {
    listens "src_host, dst_host, src_port, dst_port, proto" "$1"
    python - "$port" <<'PYTHON'
import sys
from ipfix import *

fields = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 8), (2, 8), (152, 8), (153, 8)]
rows = b"".join(
    address("192.0.2.1") + address("192.0.2.2") + number(port, 2) + number(80, 2) + b"\x06" + number(octets, 8) + number(packets, 8) + number(1_700_000_000_000, 8) * 2
    for port, octets, packets in ((1, 5, 1), (2, 2**63, 2), (3, 2**64 - 1, 2**64 - 1))
)
send(int(sys.argv[1]), message([a_set(2, template(256, fields))]), message([a_set(256, rows)]))
PYTHON
    until_true 20 grep -q 192.0.2.1 "$work/stored.$1"
}

stored json
expect "JSON: octets and packets" "5:1 -9223372036854775808:2 -1:-1" \
    "$(sort "$work/stored.json" | sed 's/.*"packets": \([-0-9]*\), "bytes": \([-0-9]*\)}/\2:\1/' | paste -sd ' ')"
stored csv
expect "CSV: its header" "SRC_IP,DST_IP,SRC_PORT,DST_PORT,PROTOCOL,PACKETS,BYTES" "$(head -n 1 "$work/stored.csv")"
expect "CSV: octets and packets" "5:1 9223372036854775808:2 18446744073709551615:18446744073709551615" \
    "$(grep ^192 "$work/stored.csv" | sort | awk -F, '{ print $7 ":" $6 }' | paste -sd ' ')"
