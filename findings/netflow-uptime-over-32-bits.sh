#!/usr/bin/env bash
# NetFlow 9 and the 49.7 days of a device's uptime: nfcapd of nfdump 1.7.1 (Debian 12) puts flows 49.7 days into the future; tshark 4.0.17 shows negative durations.
#
# Start and end of a flow count in milliseconds since the device's start, in 32 bits, and so does the header's uptime: it begins at 0 again each 49.7 days. In the minutes
# behind that, records have times from before it, which are numbers above the header's. For a flow of 9 s that ended 1 s before its export
# * with the start before it and the end behind it: nfcapd and nfacctd of pmacct 1.7.7 are right. tshark shows a duration of -4294958 s.
# * with start and end before it: nfacctd is right; nfcapd stores start and end 2^32 ms late, and so the file of today has flows of January.
# * The same records as NetFlow 5: all three are right.
# With an active timeout of 30 minutes a device sends such records for 30 minutes, seven times a year.
. "$(dirname "$0")/lib/common.sh"
. "$(dirname "$0")/lib/nfacctd.sh"
. "$(dirname "$0")/lib/nfdump.sh"

debian tshark=4.0.17-0+deb12u3
cd "$work"
cat >records.py <<'PYTHON'
import sys

from capture import *

EXPORT = 1_700_000_000
ADDRESSES = socket.inet_aton("10.0.0.1") + socket.inet_aton("10.0.0.2")


def version5(start, end, uptime, case):
    record = ADDRESSES + bytes(4) + struct.pack("!HHIIIIHHxBBBHHBBH", case, 0, 10, 1000, start, end, 1111, 2222, 0, 17, 0, 0, 0, 24, 24, 0)
    return struct.pack("!HHIIIIBBH", 5, 1, uptime, EXPORT, 0, case, 0, 0, 0) + record


def version9(start, end, uptime, case):
    fields = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (10, 2), (1, 4), (2, 4), (22, 4), (21, 4)]
    template = struct.pack("!HH", 256, len(fields)) + b"".join(struct.pack("!HH", *it) for it in fields)
    record = ADDRESSES + struct.pack("!HHBHIIII", 1111, 2222, 17, case, 1000, 10, start, end)
    record += bytes(-len(record) % 4)
    sets = struct.pack("!HH", 0, 4 + len(template)) + template + struct.pack("!HH", 256, 4 + len(record)) + record
    return struct.pack("!HHIIII", 9, 2, uptime, EXPORT, case, 1) + sets


messages = []
for make in (version9, version5):
    for uptime in (100_000, 5_000, 500):
        messages.append(make((uptime - 10_000) % 2**32, (uptime - 1_000) % 2**32, uptime, len(messages) + 1))
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for it in messages:
    out.sendto(it, ("127.0.0.1", int(sys.argv[1])))
pcap("messages.pcap", [(0, ethernet(ipv4("192.0.2.254", "192.0.2.1", 17, udp(2055, 2055, it)))) for it in messages])
PYTHON

# The case is the input interface. Times are those of the flow, without the date where it is that of the export.
stored <records.py | pick input_snmp first last >nfcapd.txt
rm stored.json
listens "in_iface, timestamp_start, timestamp_end"
python records.py "$port"
until_true 20 sh -c "[ \$(wc -l <stored.json) -eq 6 ]"
python - >nfacctd.txt <<'PYTHON'
import json

for line in open("stored.json"):
    record = json.loads(line)
    print(record["iface_in"], *(record[it][:23].replace(" ", "T") for it in ("timestamp_start", "timestamp_end")))
PYTHON
tshark -r messages.pcap -d udp.port==2055,cflow -T fields -E separator=' ' -e cflow.inputint -e cflow.timedelta >tshark.txt 2>/dev/null

# seen CASE WORDS NFCAPD NFACCTD TSHARK
seen() {
    expect "$2, nfcapd" "$3" "$(sed -n "s/^$1 //p" nfcapd.txt)"
    expect "$2, nfacctd" "$4" "$(sed -n "s/^$1 //p" nfacctd.txt)"
    expect "$2, tshark's duration" "$5" "$(sed -n "s/^$1 //p" tshark.txt)"
}

right="2023-11-14T22:13:10.000 2023-11-14T22:13:19.000"
seen 1 "NetFlow 9, uptime 100 s" "$right" "$right" 9.000000000
seen 2 "NetFlow 9, uptime 5 s, start before 0" "$right" "$right" -4294958.296000000
seen 3 "NetFlow 9, uptime 0.5 s, both before 0" "2024-01-03T15:15:57.296 2024-01-03T15:16:06.296" "$right" 9.000000000
seen 4 "NetFlow 5, uptime 100 s" "$right" "$right" 9.000000000
seen 5 "NetFlow 5, uptime 5 s, start before 0" "$right" "$right" 9.000000000
seen 6 "NetFlow 5, uptime 0.5 s, both before 0" "$right" "$right" 9.000000000
