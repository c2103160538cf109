#!/usr/bin/env bash
# nfacctd of pmacct 1.7.7 (Debian 12): which IPFIX elements of a flow it reads, and which it drops without a word.
#
# * tcpControlBits (6) of one octet is right; of two octets, the size RFC 7125 gives it, the flags become 0.
# * Times: milliseconds (152, 153), seconds (150, 151) and offsets before the export time (158, 159) are right. Microseconds and
#   nanoseconds (154 to 157) and a duration (161) give no end, and where there is no start it is the export time, without a warning.
# * The class as ipDiffServCodePoint (195) is dropped; ipClassOfService (5) is right.
# * Reverse counters (RFC 5103) are dropped, and so are octetTotalCount and packetTotalCount beside the delta counts.
# * A sampling rate (34) is shown as a column, and the counters are not multiplied by it; nfdump 1.7.1 multiplies.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfacctd.sh"

listens "src_host, tcpflags, tos, vlan, sampling_rate, timestamp_start, timestamp_end"
python - "$port" <<'PYTHON'
import sys
from ipfix import *

START = 1_700_000_000_123


def ntp(milliseconds):
    return ((milliseconds // 1000 + 2_208_988_800) << 32) | (milliseconds % 1000 << 32) // 1000


times = [(152, 8, START), (153, 8, START + 5000)]
reverse = [(1, 8, 77, REVERSE), (2, 8, 7, REVERSE)]
ways = [
    times + [(6, 1, 27)],
    times + [(6, 2, 27)],
    [(150, 4, START // 1000), (151, 4, START // 1000 + 5)],
    [(158, 4, 5_000_000), (159, 4, 1_000_000)],
    [(154, 8, ntp(START)), (155, 8, ntp(START + 5000))],
    [(156, 8, ntp(START - 9000)), (157, 8, ntp(START + 5000))],
    [(152, 8, START), (161, 4, 5000)],
    times + [(5, 1, 184)],
    times + [(195, 1, 46)],
    times + reverse,
    times + [(85, 8, 99_000), (86, 8, 99)],
    times + [(34, 4, 100)],
]
for at, way in enumerate(ways):
    fields = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 8), (2, 8)]
    fields += [(it[0], it[1], *it[3:]) for it in way]
    values = address(f"192.0.2.{at + 1}") + address("198.51.100.1") + number(1, 2) + number(80, 2) + number(6, 1)
    values += number(1000, 8) + number(10, 8) + b"".join(number(it[2], it[1]) for it in way)
    shape = message([a_set(2, template(256 + at, fields))], sequence=at)
    send(int(sys.argv[1]), shape, message([a_set(256 + at, values)], sequence=at))
PYTHON
until_true 20 grep -q "192.0.2.12" "$work/stored.json"

start="2023-11-14 22:13:20" end="2023-11-14 22:13:25" none="0000-00-00 00:00:00.000000"
expect "flags of one octet" 27 "$(of 1 tcp_flags)"
expect "flags of two octets" 0 "$(of 2 tcp_flags)"
expect "152, 153" "$start.123000 $end.123000" "$(of 1 timestamp_start timestamp_end)"
expect "150, 151" "$start.000000 $end.000000" "$(of 3 timestamp_start timestamp_end)"
expect "158, 159" "2023-11-14 22:13:15.000000 2023-11-14 22:13:19.000000" "$(of 4 timestamp_start timestamp_end)"
expect "154, 155" "$start.000000 $none" "$(of 5 timestamp_start timestamp_end)"
expect "156, 157, of a flow that started 9 s before the export" "$start.000000 $none" "$(of 6 timestamp_start timestamp_end)"
expect "152, 161" "$start.123000 $none" "$(of 7 timestamp_start timestamp_end)"
expect "class as 5" 184 "$(of 8 tos)"
expect "class as 195" 0 "$(of 9 tos)"
expect "with reverse counters" "1000 10" "$(of 10 bytes packets)"
expect "with total counters" "1000 10" "$(of 11 bytes packets)"
expect "rate, bytes, packets" "100 1000 10" "$(of 12 sampling_rate bytes packets)"
