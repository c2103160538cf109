#!/usr/bin/env bash
# nfdump 1.7.1 (Debian 12) multiplies stored counters by a sampling rate, and understands two of five ways to send it.
#
# Five options records say the same: one packet of a hundred was looked at. samplingInterval (34) alone, and
# samplingPacketInterval with samplingPacketSpace (305, 306) alone, are understood: packets and bytes are stored a hundredfold.
# samplingInterval with samplingAlgorithm (34, 35), the selector report of RFC 5477 (302, 304, 305, 306) and
# samplerRandomInterval (48, 49, 50) are ignored. Whoever multiplies by the rate of the exporter's documentation as well counts
# a hundredfold where the former are sent.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfdump.sh"

send() {
    stored "$1" <<'PYTHON' | pick in_packets in_bytes sampled
import struct, sys, time
from ipfix import *

port = int(sys.argv[1])
scope, fields, values = {
    "34": ([(149, 4)], [(34, 4)], number(1, 4) + number(100, 4)),
    "34 35": ([(149, 4)], [(34, 4), (35, 1)], number(1, 4) + number(100, 4) + number(1, 1)),
    "305 306": ([(149, 4)], [(305, 4), (306, 4)], number(1, 4) + number(1, 4) + number(99, 4)),
    "302 304 305 306": ([(302, 8)], [(304, 2), (305, 4), (306, 4)], number(1, 8) + number(1, 2) + number(1, 4) + number(99, 4)),
    "48 49 50": ([(149, 4)], [(48, 1), (49, 1), (50, 4)], number(1, 4) + number(1, 1) + number(1, 1) + number(100, 4)),
}[sys.argv[2]]
options = struct.pack("!HHH", 300, len(scope) + len(fields), len(scope))
options += b"".join(struct.pack("!HH", *field) for field in scope + fields)
flow = template(256, [(8, 4), (12, 4), (4, 1), (1, 8), (2, 8), (152, 8), (153, 8)])
values_of_flow = address("192.0.2.1") + address("192.0.2.2") + number(6, 1) + number(1000, 8) + number(10, 8)
values_of_flow += number(1_700_000_000_123, 8) + number(1_700_000_005_123, 8)
send(port, message([a_set(2, flow), a_set(3, options)]), message([a_set(300, values)]))
time.sleep(0.3)
send(port, message([a_set(256, values_of_flow)], sequence=1))
PYTHON
}

expect "34" "1000 100000 1" "$(send "34")"
expect "34, 35" "10 1000 0" "$(send "34 35")"
expect "305, 306" "1000 100000 1" "$(send "305 306")"
expect "302, 304, 305, 306" "10 1000 0" "$(send "302 304 305 306")"
expect "48, 49, 50" "10 1000 0" "$(send "48 49 50")"
