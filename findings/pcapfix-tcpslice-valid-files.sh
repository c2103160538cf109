#!/usr/bin/env bash
# pcapfix 1.1.7 and tcpslice 1.5 (Debian 12), valid captures: the one "repairs" packets for their times, the other copies what is in front of the first one out of order.
#
# pcapfix, in a file that it would otherwise leave alone, says "SUCCESS: .. Corruption(s) fixed!", with status 0:
# * Where the capture pauses for more than 24 hours it writes the packets in front of the pause alone. 24 hours are fine.
# * A packet that is a second earlier than the one before it, as a clock that is set back leaves it, is given that one's time and a microsecond. Of two that are, the first
#   swallows the second: one packet of 300 octets, with a packet header within. A packet that is 1 us earlier is fine.
# tcpslice without times, which "simply copies" a file (its manual):
# * A file of one packet is an error, "problems finding end packet". Of three packets with one time it copies the first, with status 0.
# * The copy ends, with status 0, in front of the first packet that is earlier than the one before it, be it by 100 us, which captures of several queues have often. Its manual speaks
#   of the order of packets for merging alone.
# * Nanoseconds become microseconds, also in tcprewrite 4.4.3 of tcpreplay.
. "$(dirname "$0")/lib/common.sh"

debian pcapfix=1.1.7-2 tcpslice=1.5-1 tcpreplay=4.4.3-1 tcpdump=4.99.3-1
cd "$work"
python - <<'PYTHON'
import struct
from capture import *

frame = ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(5000, 4000, bytes(100))))


def write(name, *times, magic=0xA1B2C3D4):
    with open(name + ".pcap", "wb") as out:
        out.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, 1))
        for seconds, fraction in times:
            out.write(struct.pack("<IIII", 1_700_000_000 + seconds, fraction, len(frame), len(frame)) + frame)


day = 24 * 3600
write("day", (0, 0), (1, 0), (day + 1, 0), (day + 2, 0))
write("more", (0, 0), (1, 0), (day + 2, 0), (day + 3, 0))
write("back", (0, 0), (5, 0), (4, 0), (6, 0))
write("twice", (0, 0), (5, 0), (3, 0), (4, 0), (6, 0))
write("little", (0, 0), (5, 1), (5, 0), (6, 0))
write("order", (5, 0), (7, 0), (6, 999_900), (8, 0), (9, 0))
write("one", (0, 0))
write("same", (0, 0), (0, 0), (0, 0))
write("two", (0, 0), (1, 0))
write("nanoseconds", (0, 123_456_789), (1, 123_456_789), magic=0xA1B23C4D)
PYTHON

# times FILE: seconds of its packets since 1700000000.
times() {
    tcpdump --nano -tt -nr "$1" 2>tcpdump.log | sed -E 's/^17000*([0-9]+\.[0-9]+) .*/\1/; s/\.0+$//; s/000$//' | paste -sd ' '
}

lengths() {
    python - "$1" <<'PYTHON'
import struct, sys

octets, at = open(sys.argv[1], "rb").read(), 24
while at < len(octets):
    length = struct.unpack_from("<I", octets, at + 8)[0]
    print(length, end=" " if at + 16 + length < len(octets) else "\n")
    at += 16 + length
PYTHON
}

# repaired NAME: what pcapfix says, its status, and the packets of its file, `-` where it writes none.
repaired() {
    local status=0
    rm -f fixed.pcap
    pcapfix -o fixed.pcap "$1.pcap" >log || status=$?
    echo "$(grep -oE 'looks proper|[0-9]+ Corruption.*fixed' log), status $status: $([ -f fixed.pcap ] && times fixed.pcap || echo -)"
}

# sliced NAME: tcpslice's status, its error, and the packets of its copy.
sliced() {
    local status=0
    rm -f slice.pcap
    tcpslice -w slice.pcap "$1.pcap" >log 2>&1 || status=$?
    echo "status $status$(grep -o 'problems.*packet' log | sed 's/^/, /'): $(times slice.pcap)"
}

expect "a pause of 24 hours, pcapfix" "looks proper, status 0: -" "$(repaired day)"
expect "24 hours and a second" "1 Corruption(s) fixed, status 0: 0 1" "$(repaired more)"
expect "a packet that is a second earlier" "2 Corruption(s) fixed, status 0: 0 5 5.000001 6" "$(repaired back)"
expect "two such packets" "2 Corruption(s) fixed, status 0: 0 5 5.000001 6" "$(repaired twice)"
expect "lengths of the packets" "142 142 300 142" "$(lengths fixed.pcap)"
expect "1 us earlier" "looks proper, status 0: -" "$(repaired little)"
expect "one packet, tcpslice" "status 1, problems finding end packet: " "$(sliced one)"
expect "two packets" "status 0: 0 1" "$(sliced two)"
expect "three packets with one time" "status 0: 0" "$(sliced same)"
expect "5, 7, 6.9999, 8 and 9 s" "status 0: 5 7" "$(sliced order)"
expect "nanoseconds" "status 0: 0.123456 1.123456" "$(sliced nanoseconds)"
tcprewrite -i nanoseconds.pcap -o rewritten.pcap >log 2>&1
expect "nanoseconds, tcprewrite" "0.123456 1.123456" "$(times rewritten.pcap)"
expect "nanoseconds, as they were" "0.123456789 1.123456789" "$(times nanoseconds.pcap)"
