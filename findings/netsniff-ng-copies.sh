#!/usr/bin/env bash
# netsniff-ng 0.6.8 (Debian 12), captures that it copies (`--in FILE --out FILE`, as for filtering): a large packet ends the copy, and big-endian files become unreadable.
#
# * Packets of 32,000 octets, as segmentation offload gives them: the copy has the first one, of 19. With 16,000 octets it has 4. "0 packets truncated in file", status 0. Files with
#   at most 9,014 octets are whole, so a trial with small packets shows nothing. With `-m`, `-c` or `-J`, which are about speed and about replay, all 19 are there.
# * A file in big-endian byte order, as routers have written it: the copy's header has the link type in little-endian order, so it is 16,777,216 instead of 1, and tcpdump and tshark
#   refuse the file. All other fields are right.
# * `-T`, the format to write, is ignored in a copy: microseconds stay microseconds.
. "$(dirname "$0")/lib/common.sh"

debian netsniff-ng=0.6.8-3 tcpdump=4.99.3-1 tshark=4.0.17-0+deb12u3 wireshark-common=4.0.17-0+deb12u3
cd "$work"
python - <<'PYTHON'
import struct
from capture import *


def write(name, order, size, count):
    frame = ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(5000, 4000, bytes(size - 42))))
    with open(name, "wb") as out:
        out.write(struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        for number in range(count):
            out.write(struct.pack(order + "IIII", 1_700_000_000 + number, 5, size, size) + frame)


for size in (9_014, 16_000, 32_000):
    write(f"{size}.pcap", "<", size, 19)
write("big.pcap", ">", 100, 3)
PYTHON

# octets FILE FIRST COUNT: these octets of a file's header, as hexadecimal digits.
octets() {
    od -A n -t x1 -j "$2" -N "$3" "$1" | tr -d ' '
}

# copied FILE OPTION ..: copies it to copy.pcap, and prints how many packets that has and netsniff-ng's status.
copied() {
    local status=0 file=$1
    shift
    rm -f copy.pcap
    timeout 20 netsniff-ng --in "$file" --out copy.pcap --silent "$@" >log 2>&1 || status=$?
    echo "$(tshark -r copy.pcap 2>tshark.log | wc -l), status $status"
}

expect "19 packets of 9,014 octets" "19, status 0" "$(copied 9014.pcap)"
expect "19 packets of 16,000 octets" "4, status 0" "$(copied 16000.pcap)"
expect "19 packets of 32,000 octets" "1, status 0" "$(copied 32000.pcap)"
expect "what it says" "1 packets outgoing, 0 packets truncated in file" "$(grep -oE '[0-9]+ packets (outgoing|truncated in file)' log | paste -sd , | sed 's/,/, /')"
for option in -m -c -J; do
    expect "the same with $option" "19, status 0" "$(copied 32000.pcap $option)"
done
expect "big-endian" "0, status 0" "$(copied big.pcap)"
expect "its header and the copy's" "00000001 01000000" "$(octets big.pcap 20 4) $(octets copy.pcap 20 4)"
expect "the packets of both are the same" yes "$(cmp -s <(tail -c +25 big.pcap) <(tail -c +25 copy.pcap) && echo yes)"
expect "tcpdump" "unknown data link type 16777216" "$(tcpdump -nr copy.pcap 2>&1 | grep -o 'unknown data link type [0-9]*')"
expect "the same with -m" "0, status 0" "$(copied big.pcap -m)"
expect "to nanoseconds by -T" "19, status 0" "$(copied 9014.pcap -T 0xa1b23c4d)"
expect "the copy's magic number, of microseconds" d4c3b2a1 "$(octets copy.pcap 0 4)"
