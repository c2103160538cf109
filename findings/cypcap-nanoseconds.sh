#!/usr/bin/env bash
# cypcap 0.6.3 (PyPI, a binding of libpcap), captures opened with `TstampPrecision.NANO`: a packet's time is up to 999 s late, and more nanoseconds make it later.
#
# libpcap then has nanoseconds where it has microseconds otherwise. The binding counts them as microseconds in `ts`, `ts_datetime` and `ts_utcdatetime`.
# * A packet at .123456789 s is 123.333333 s late. One that is 1 ms later in the capture is 1 s later in Python, and one at 1.000000001 s comes before one at .9 s.
# * With `TstampPrecision.MICRO`, the default, the same file has the right microseconds. `get_tstamp_precision()` says NANO, so the file was opened as asked for.
# * A file that is copied by `dump()` has the right nanoseconds, so a comparison of files shows nothing.
# Durations and rates of flows from such times are a thousand times off, or negative.
. "$(dirname "$0")/lib/common.sh"

pypi cypcap==0.6.3
cd "$work"
python - <<'PYTHON' >seen
import struct
import cypcap
from capture import *

frame = ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(5000, 53, b"query")))
with open("in.pcap", "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
    for seconds, nanoseconds in ((1_700_000_000, 123_456_789), (1_700_000_000, 124_456_789), (1_700_000_000, 900_000_000), (1_700_000_001, 1)):
        out.write(struct.pack("<IIII", seconds, nanoseconds, len(frame), len(frame)) + frame)
for name in ("MICRO", "NANO"):
    with cypcap.open_offline("in.pcap", precision=cypcap.TstampPrecision[name]) as source:
        headers = [header for header, _ in source]
        print(f"{name}: {source.get_tstamp_precision().name}", *(f"{header.ts - 1_700_000_000:.6f}" for header in headers))
        print(f"{name} as date: {headers[0].ts_utcdatetime:%H:%M:%S.%f}")
with cypcap.open_offline("in.pcap", precision=cypcap.TstampPrecision.NANO) as source:
    copy = source.dump_open("out.pcap")
    for header, octets in source:
        copy.dump(header, octets)
    copy.close()
print("copy:", open("in.pcap", "rb").read()[24:] == open("out.pcap", "rb").read()[24:])
PYTHON

of() {
    sed -n "s/^$1: //p" seen
}

expect "seconds behind 1700000000, microseconds" "MICRO 0.123456 0.124456 0.900000 1.000000" "$(of MICRO)"
expect "the same, nanoseconds" "NANO 123.456789 124.456789 900.000000 1.000001" "$(of NANO)"
expect "the first one's time of day" "22:13:20.123456 22:15:23.456789" "$(of "MICRO as date") $(of "NANO as date")"
expect "a copy has the same packets and times" "True" "$(of copy)"
