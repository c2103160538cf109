#!/usr/bin/env bash
# pcap files of version 2.2 (and 543.0) have a packet's two lengths the other way round: scapy 2.8.0 and dpkt 1.9.8 read on at the wrong place.
#
# Before version 2.3 of the format, and in files of 543.0, the length on the wire stands before the captured one. libpcap (tcpdump
# 4.99.3, Debian 12) and tshark 4.0.17 exchange them. scapy and dpkt take the length on the wire for the captured one: of
# three packets of 60 octets, cut to 46, both make packets of 60, 2 and 76 octets, the later two of header and payload mixed, and end
# without an error.
. "$(dirname "$0")/lib/common.sh"

debian tshark=4.0.17-0+deb12u3 tcpdump=4.99.3-1
pypi scapy==2.8.0 dpkt==1.9.8
cd "$work"
python >seen 2>scapy.log <<'PYTHON'
import struct
import dpkt, scapy.utils
from capture import ethernet, ipv4, udp

for name, version in (("today", (2, 4)), ("old", (2, 2)), ("other", (543, 0))):
    with open(f"{name}.pcap", "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, *version, 0, 0, 46, 1))
        for port in (1, 2, 3):
            frame = ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(port, 9, b"x" * 18)))
            lengths = (46, len(frame)) if name == "today" else (len(frame), 46)
            out.write(struct.pack("<IIII", 1_700_000_000 + port, 0, *lengths) + frame[:46])


def port(octets):
    return struct.unpack_from("!H", octets, 34)[0] if octets[12:14] == bytes([8, 0]) else "-"


def ports(packets):
    return " ".join(f"{len(it)}:{port(it)}" for it in packets)



for name in ("today", "old", "other"):
    print(name, "scapy", ports(bytes(it) for it in scapy.utils.rdpcap(f"{name}.pcap")))
    print(name, "dpkt", ports(octets for _, octets in dpkt.pcap.Reader(open(f"{name}.pcap", "rb"))))
PYTHON

for name in today old other; do
    expect "$name, tshark: captured lengths and ports" "46 46 46 1 2 3" \
        "$({ tshark -r $name.pcap -T fields -e frame.cap_len; tshark -r $name.pcap -T fields -e udp.srcport; } 2>/dev/null | paste -sd ' ')"
    expect "$name, tcpdump: ports" "1 2 3" "$(tcpdump -nr $name.pcap 2>/dev/null | sed -n 's/.*192.0.2.1.\([0-9]\) >.*/\1/p' | paste -sd ' ')"
done
expect "today, scapy: length and port of each" "46:1 46:2 46:3" "$(sed -n 's/^today scapy //p' seen)"
expect "today, dpkt" "46:1 46:2 46:3" "$(sed -n 's/^today dpkt //p' seen)"
for name in old other; do
    for reader in scapy dpkt; do
        expect "$name, $reader" "60:1 2:- 76:-" "$(sed -n "s/^$name $reader //p" seen)"
    done
done
