#!/usr/bin/env bash
# nfdump 1.7.1 (Debian 12) knows few of IPFIX's ways to give the time of a flow, and stores 1970 for the others.
#
# Right: flowStartMilliseconds with flowEndMilliseconds (152, 153) or with flowDurationMilliseconds (161).
# 1970: seconds (150, 151), microseconds (154, 155), nanoseconds (156, 157), and flowStartSysUpTime without
# systemInitTimeMilliseconds (22, 21). With it (160) the two are exchanged: the flow ends before it starts.
# flowStartDeltaMicroseconds and flowEndDeltaMicroseconds (158, 159), offsets before the export time by RFC 7012, are stored as
# milliseconds since 1970. An exporter that has better clocks sends 152 and 153 besides.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfdump.sh"

stored <<'PYTHON' >"$work/records"
import sys
from ipfix import *

START = 1_700_000_000_123


def ntp(milliseconds):
    return ((milliseconds // 1000 + 2_208_988_800) << 32) | (milliseconds % 1000 << 32) // 1000


ways = [
    [(152, 8, START), (153, 8, START + 5000)],
    [(152, 8, START), (161, 4, 5000)],
    [(150, 4, START // 1000), (151, 4, START // 1000 + 5)],
    [(154, 8, ntp(START)), (155, 8, ntp(START + 5000))],
    [(156, 8, ntp(START)), (157, 8, ntp(START + 5000))],
    [(22, 4, 1123), (21, 4, 6123)],
    [(160, 8, START - 1123), (22, 4, 1123), (21, 4, 6123)],
    [(158, 4, 5_000_000), (159, 4, 1)],
]
for at, way in enumerate(ways):
    fields = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 8), (2, 8)] + [(element, size) for element, size, _ in way]
    values = address("192.0.2.1") + address("192.0.2.2") + number(at, 2) + number(80, 2) + number(6, 1)
    values += number(1000, 8) + number(10, 8) + b"".join(number(value, size) for _, size, value in way)
    shape = message([a_set(2, template(256 + at, fields))], sequence=at)
    send(int(sys.argv[1]), shape, message([a_set(256 + at, values)], sequence=at))
PYTHON

times() {
    sed -n "$1p" "$work/records" | pick first last
}

never="1970-01-01T00:00:00.000 1970-01-01T00:00:00.000"
right="2023-11-14T22:13:20.123 2023-11-14T22:13:25.123"
expect "152, 153" "$right" "$(times 1)"
expect "152, 161" "$right" "$(times 2)"
expect "150, 151" "$never" "$(times 3)"
expect "154, 155" "$never" "$(times 4)"
expect "156, 157" "$never" "$(times 5)"
expect "22, 21" "$never" "$(times 6)"
expect "160, 22, 21" "2023-11-14T22:13:25.123 2023-11-14T22:13:20.123" "$(times 7)"
expect "158, 159" "1970-01-01T01:23:20.000 1970-01-01T00:00:00.001" "$(times 8)"
