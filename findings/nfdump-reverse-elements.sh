#!/usr/bin/env bash
# nfdump 1.7.1 (Debian 12) reads RFC 5103 biflows, but takes most reverse elements for the forward one of the same number.
#
# Of one record with forward and reverse counters, TCP flags and class of service, the reverse counters are stored as
# `out_bytes` and `out_packets`. Reverse flags (29305:6) and class (29305:5) have no place of their own: the later element
# of the template wins. A template with the reverse elements behind the forward ones, as most exporters order them, gives the
# server's flags for the client's. With the reverse elements first, every forward field is right.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfdump.sh"

send() {
    stored "$1" <<'PYTHON' | pick in_bytes out_bytes tcp_flags src_tos
import sys
from ipfix import *

addresses = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1)]
forward = [(1, 8), (2, 8), (6, 1), (5, 1), (152, 8), (153, 8)]
reverse = [(1, 8, REVERSE), (2, 8, REVERSE), (6, 1, REVERSE), (5, 1, REVERSE)]
who = address("192.0.2.1") + address("192.0.2.2") + number(1111, 2) + number(80, 2) + number(6, 1)
there = number(1000, 8) + number(10, 8) + number(0x1B, 1) + number(184, 1)
there += number(1_700_000_000_123, 8) + number(1_700_000_005_456, 8)
back = number(2000, 8) + number(20, 8) + number(0x12, 1) + number(40, 1)
if sys.argv[2] == "behind":
    fields, values = addresses + forward + reverse, who + there + back
else:
    fields, values = addresses + reverse + forward, who + back + there
send(int(sys.argv[1]), message([a_set(2, template(256, fields))]), message([a_set(256, values)]))
PYTHON
}

expect "reverse elements behind: bytes, bytes back, flags, class" "1000 2000 ...A..S. 40" "$(send behind)"
expect "reverse elements first: the same four" "1000 2000 ...AP.SF 184" "$(send first)"
