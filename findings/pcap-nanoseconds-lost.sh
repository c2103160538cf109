#!/usr/bin/env bash
# Captures with nanoseconds, copied by tcpdump 4.99.3, editcap, mergecap and tshark 4.0.17 (Debian 12) and by scapy 2.8.0: who keeps them.
#
# Three packets .000000400, .000000600 and .000001700 s behind a full second.
# * `tcpdump -r .. -w ..` writes microseconds, cut off, from a pcap with nanoseconds as from a pcapng: whoever takes a part of a capture with a
#   filter makes packets simultaneous. With `--time-stamp-precision=nano` it keeps them.
# * editcap, mergecap and tshark keep them where they write pcapng, which they do unasked. With `-F pcap` they cut them off as well, also
#   where they have read a pcap of nanoseconds; that format is named `nsecpcap`.
# * scapy reads nanoseconds, and wrpcap() writes microseconds, rounded: .0000006 becomes .000001, later than it was and than all
#   others have it. wrpcapng() cuts off. wrpcap(nano=True) keeps them.
# So copies of one capture differ by a microsecond, and the order of packets is left to their place in the file.
. "$(dirname "$0")/lib/common.sh"

debian tshark=4.0.17-0+deb12u3 tcpdump=4.99.3-1
pypi scapy==2.8.0
cd "$work"
python - <<'PYTHON'
import struct
from capture import ethernet, ipv4, udp

frame = ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(1, 2, b"x" * 20)))
with open("in.pcap", "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
    for nanoseconds in (400, 600, 1700):
        out.write(struct.pack("<IIII", 1_700_000_000, nanoseconds, len(frame), len(frame)) + frame)
PYTHON
editcap in.pcap in.pcapng

# times FILE: fractions of a second as tshark has them.
times() {
    tshark -r "$1" -T fields -e frame.time_epoch 2>/dev/null | sed 's/^1700000000//' | paste -sd ' '
}

kept=".000000400 .000000600 .000001700"
cut=".000000000 .000000000 .000001000"
expect "the capture" "$kept" "$(times in.pcap)"
for source in in.pcap in.pcapng; do
    tcpdump -r "$source" -w out 2>tcpdump.log
    expect "tcpdump, $source" "$cut" "$(times out)"
    tcpdump --time-stamp-precision=nano -r "$source" -w out 2>tcpdump.log
    expect "tcpdump, $source, nano" "$kept" "$(times out)"
    for program in editcap mergecap tshark; do
        for format in "" pcap nsecpcap; do
            case "$program" in
            editcap) editcap ${format:+-F "$format"} "$source" out ;;
            mergecap) mergecap ${format:+-F "$format"} -w out "$source" ;;
            tshark) tshark ${format:+-F "$format"} -r "$source" -w out 2>/dev/null ;;
            esac
            if [ "$format" = pcap ]; then wanted=$cut; else wanted=$kept; fi
            expect "$program, $source${format:+, -F $format}" "$wanted" "$(times out)"
        done
    done
done
python - <<'PYTHON'
from scapy.all import rdpcap, wrpcap, wrpcapng

packets = rdpcap("in.pcap")
wrpcap("plain", packets)
wrpcap("nano", packets, nano=True)
wrpcapng("pcapng", packets)
PYTHON
expect "scapy, wrpcap" ".000000000 .000001000 .000002000" "$(times plain)"
expect "scapy, wrpcap(nano=True)" "$kept" "$(times nano)"
expect "scapy, wrpcapng" "$cut" "$(times pcapng)"
