#!/usr/bin/env bash
# nfdump 1.7.1 (Debian 12), records with counters of both directions (RFC 5103 biflows): its reports differ in which of them they count.
#
# One host sent 1,000 octets and received 50,000, in one biflow.
# * The top list of *source* addresses (`-s srcip/bytes`), that of destinations, and the summary have 51,000 octets for it: what a source
#   received is counted as sent. The same traffic as two uniflows gives 1,000 and 50,000.
# * The record's octets (%byt) and rate (%bps), an aggregation by source (`-A srcip`) and the filter `bytes > 1000` know the 1,000 alone:
#   such a filter loses the largest downloads, and a list of flows has sizes that do not add up to the summary below it.
# An exporter to nfdump whose users want top talkers by direction sends uniflows.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfdump.sh"

for kind in biflow uniflows; do
    collected "$work/$kind" "$kind" <<'PYTHON'
import sys
from ipfix import *

ends = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (152, 8), (153, 8)]
times = number(1_700_000_000_000, 8) + number(1_700_000_008_000, 8)
client, server = address("192.0.2.1"), address("198.51.100.9")
there = client + server + number(1111, 2) + number(80, 2) + number(6, 1) + times
back = server + client + number(80, 2) + number(1111, 2) + number(6, 1) + times
sent, received = number(1000, 8) + number(10, 8), number(50_000, 8) + number(100, 8)
if sys.argv[2] == "biflow":
    fields, flows = ends + [(1, 8), (2, 8), (1, 8, REVERSE), (2, 8, REVERSE)], there + sent + received
else:
    fields, flows = ends + [(1, 8), (2, 8)], there + sent + back + received
send(int(sys.argv[1]), message([a_set(2, template(256, fields))]), message([a_set(256, flows)]))
PYTHON
done

# report KIND ARGUMENT ..
report() {
    local kind=$1
    shift
    nfdump -R "$work/$kind" -q -N "$@" 2>/dev/null
}

# top KIND STATISTIC: the octets of each address.
top() {
    report "$1" -s "$2/bytes" | tr '()' '  ' | awk '$5 ~ /^[0-9.]+$/ { print $5, $10 }' | paste -sd ' '
}

# listed KIND ARGUMENT ..: the first number of each line.
listed() {
    report "$@" | awk '$1 ~ /^[0-9]+$/' | tr -s ' ' | sed 's/^ //' | sort -n | paste -sd ' '
}

summary() {
    nfdump -R "$work/$1" -N -o line 2>/dev/null | sed -n 's/^Summary: .*total bytes: \([0-9]*\), .*/\1/p'
}

expect "biflow: octets by source" "192.0.2.1 51000" "$(top biflow srcip)"
expect "uniflows: octets by source" "198.51.100.9 50000 192.0.2.1 1000" "$(top uniflows srcip)"
expect "biflow: octets by destination" "198.51.100.9 51000" "$(top biflow dstip)"
expect "uniflows: octets by destination" "192.0.2.1 50000 198.51.100.9 1000" "$(top uniflows dstip)"
expect "biflow: octets in the summary" 51000 "$(summary biflow)"
expect "uniflows: octets in the summary" 51000 "$(summary uniflows)"
expect "biflow: octets and rate of the record" "1000 1000" "$(listed biflow -o "fmt:%byt %bps")"
expect "biflow: octets, aggregated by source" "1000" "$(listed biflow -A srcip -o "fmt:%byt")"
expect "biflow: records with more than 1000 octets" "" "$(listed biflow -o "fmt:%byt" "bytes > 1000")"
expect "uniflows: records with more than 1000 octets" "50000" "$(listed uniflows -o "fmt:%byt" "bytes > 1000")"
