#!/usr/bin/env bash
# pycapng 0.19.7 and fpcap 0.2.0 (PyPI, bindings of C and C++ libraries), valid captures: times up to 1,000 s or centuries off, and files that are empty.
#
# tshark 4.0.17 (Debian 12) reads all of them right.
# * A pcap file with nanoseconds: pycapng's `timestamp_ns` counts them as microseconds, so a packet at .123456789 s is 123 s late. A pcapng file with nanoseconds is right.
# * A pcapng file with nanoseconds: fpcap's `timestamp_microseconds` has 123,456,789, the units of the file, and so does each file that its Writer makes of it: a copy as pcapng is
#   123 s late. In a pcap file with nanoseconds it has microseconds.
# * An offset of times (if_tsoffset) is left out by both: packets of 2023 are of 1970.
# * A second section, as `cat a.pcapng b.pcapng` gives, begins with an interface 0 of its own. Both read its times by the first section's interface 0: microseconds, so
#   nanoseconds of 2023 are of the year 2061 or 2080.
# * A pcapng file in big-endian byte order: pycapng gives an empty list, with a line on standard error, and of two sections those in front of it.
. "$(dirname "$0")/lib/common.sh"

pypi pycapng==0.19.7 fpcap==0.2.0
debian tshark=4.0.17-0+deb12u3 wireshark-common=4.0.17-0+deb12u3
cd "$work"
cat >files.py <<'PYTHON'
import struct
from capture import *

frame = ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(5000, 53, b"query!")))
at = 1_700_000_000


def section(order, resolution, offset, *times):
    def block(kind, body):
        return struct.pack(order + "II", kind, 12 + len(body)) + body + struct.pack(order + "I", 12 + len(body))

    options = struct.pack(order + "HHB3x", 9, 1, resolution) + (struct.pack(order + "HHq", 14, 8, offset) if offset else b"") + bytes(4)
    out = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack(order + "HHI", 1, 0, 65535) + options)
    for time in times:
        out += block(6, struct.pack(order + "IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame)) + frame + bytes(-len(frame) % 4))
    return out


first = section("<", 6, 0, at * 10**6 + 123_456)
files = {
    "nanoseconds.pcap": struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1) + struct.pack("<IIII", at, 123_456_789, len(frame), len(frame)) + frame,
    "microseconds.pcapng": first,
    "nanoseconds.pcapng": section("<", 9, 0, at * 10**9 + 123_456_789),
    "offset.pcapng": section("<", 6, at, 500_000),
    "sections.pcapng": first + section("<", 9, 0, (at + 1) * 10**9),
    "big.pcapng": section(">", 6, 0, at * 10**6 + 123_456),
    "orders.pcapng": first + section(">", 6, 0, (at + 1) * 10**6),
}
for name, octets in files.items():
    with open(name, "wb") as out:
        out.write(octets)
PYTHON
python files.py
cat >read.py <<'PYTHON'
import sys
import fpcap, pycapng

reader, name = sys.argv[1:]
if reader == "pycapng":
    times = [f"{it.timestamp_ns // 10**9}.{it.timestamp_ns % 10**9:09}" for it in pycapng.read_packets(name)]
else:
    packets = fpcap.PacketReader(name)
    times = [f"{it.timestamp_seconds}+{it.timestamp_microseconds}" for it in packets]
print(*times or "-")
PYTHON

# captured FILE TSHARK PYCAPNG [FPCAP]: the times that each has of a file's packets.
captured() {
    expect "$1, tshark" "$2" "$(tshark -r "$1" -T fields -e frame.time_epoch 2>tshark.log | paste -sd ' ')"
    expect "$1, pycapng" "$3" "$(python read.py pycapng "$1" 2>pycapng.log)"
    [ $# -eq 3 ] || expect "$1, fpcap (seconds+microseconds)" "$4" "$(python read.py fpcap "$1")"
}

captured microseconds.pcapng 1700000000.123456000 1700000000.123456000 1700000000+123456
captured nanoseconds.pcap 1700000000.123456789 1700000123.456789000 1700000000+123456
captured nanoseconds.pcapng 1700000000.123456789 1700000000.123456789 1700000000+123456789
captured offset.pcapng 1700000000.500000000 0.500000000 0+500000
captured sections.pcapng "1700000000.123456000 1700000001.000000000" "1700000000.123456000 2899546218.721251328" "1700000000+123456 3487919080+0"
captured big.pcapng 1700000000.123456000 -
captured orders.pcapng "1700000000.123456000 1700000001.000000000" 1700000000.123456000
python - <<'PYTHON'
import fpcap

reader, writer = fpcap.PacketReader("nanoseconds.pcapng"), fpcap.Writer.get_writer("copy.pcapng")
for packet in reader:
    writer.write(packet)
PYTHON
expect "nanoseconds.pcapng copied by fpcap, tshark" 1700000123.456789000 "$(tshark -r copy.pcapng -T fields -e frame.time_epoch 2>tshark.log)"
