#!/usr/bin/env bash
# tcptrace 6.6.7 (Debian 12), `--csv` and `--tsv`: microseconds lose the zeros in front of them, so .003 s is read as .3 s, and connections change their order.
#
# * `first_packet` and `last_packet` are seconds, a dot, and the count of microseconds: 1700000000.003000 is "1700000000.3000", which every reader takes for 0.3 s. Fractions from .1 on
#   are right, and so is the report without `--csv`. One time in ten is wrong.
# * A connection from .900 to 1.005 s has a duration of 0.6 s by those columns where it was 0.105 s, and one from .090 to .110 s a negative one.
# * A segment whose IP length is 0, as Linux gives a super-packet above 64 KiB (BIG TCP), is no packet of the connection, and its octets are nowhere.
. "$(dirname "$0")/lib/common.sh"

debian tcptrace=6.6.7-6+b1
cd "$work"
python - <<'PYTHON'
from capture import *


def connection(start, end):
    talk = Talk()
    talk.say(start, True, 1000, 0, SYN)
    talk.say(start, False, 5000, 1001, SYN | ACK)
    talk.say(start, True, 1001, 5001, ACK)
    talk.say(end, False, 5001, 1001, ACK | PSH, b"x" * 1000)
    return talk.frames


for start, end in ((3, 400), (100, 200), (900, 1005), (90, 110)):
    pcap(f"{start}.pcap", connection(start, end))
pcap("no-length.pcap", [(at, it[:16] + bytes(2) + it[18:] if len(it) > 1000 else it) for at, it in connection(100, 200)])
PYTHON

# rows OPTION CAPTURE FIELDS: these fields of each connection.
rows() {
    local separator=,
    [ "$1" = --csv ] || separator='\t'
    tcptrace -n -l "$1" "$2.pcap" 2>tcptrace.log | awk -F "$separator" -v fields="$3" '/^[0-9]/ {
        count = split(fields, field, " ")
        for (i = 1; i <= count; i++) { gsub(/ /, "", $field[i]); printf "%s%s", $field[i], i < count ? " " : "\n" }
    }' | sed 's/17000000\([0-9][0-9]\)\./\1./g' | paste -sd ';' | sed 's/^$/-/'
}

expect ".003 to .4 s" "00.3000 00.400000" "$(rows --csv 3 "6 7")"
expect "the same, --tsv" "00.3000 00.400000" "$(rows --tsv 3 "6 7")"
expect "the same, report" "22:13:20.003000 22:13:20.400000" "$(tcptrace -n -l 3.pcap 2>/dev/null | awk '/(first|last) packet:/ { print $6 }' | paste -sd ' ')"
expect ".1 to .2 s" "00.100000 00.200000" "$(rows --csv 100 "6 7")"
expect ".9 to 1.005 s" "00.900000 01.5000" "$(rows --csv 900 "6 7")"
expect ".09 to .11 s" "00.90000 00.110000" "$(rows --csv 90 "6 7")"
expect "packets of both directions" "2 2" "$(rows --csv 100 "8 9")"
expect "an IP length of 0" "2 1" "$(rows --csv no-length "8 9")"
