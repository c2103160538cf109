#!/usr/bin/env bash
# tshark 4.0.17 (Debian 12) as a referee of flows: its conversation tables count in ways that a flow meter does not.
#
# * Each IP header of a frame is a conversation: a VXLAN frame counts once for the outer and once for the inner addresses, both
#   with the bytes of the whole frame. The rows add up to twice what crossed the wire.
# * A conversation is its addresses and ports, without VLAN and without VNI. Two connections in two VLANs (or two VNIs) with the
#   same ports are one `tcp.stream`, and the second one is flagged as retransmission of the first.
# * A UDP datagram in three fragments is one frame of the UDP table, with the bytes of its last fragment alone; the IPv4 table has all.
# * A file whose first frame is not its earliest gives a negative relative start.
. "$(dirname "$0")/lib/common.sh"

debian tshark=4.0.17-0+deb12u3
cd "$work"
python - <<'PYTHON'
import struct
from capture import *


def talk():
    it = Talk()
    it.handshake()
    it.say(20, True, 1001, 5001, ACK | PSH, b"a" * 100)
    return it.frames


def vxlan(vni, frame):
    return ethernet(ipv4("10.0.0.1", "10.0.0.2", 17, udp(50000, 4789, struct.pack("!II", 0x08000000, vni << 8) + frame)))


def vlan(number, frame):
    return frame[:12] + struct.pack("!HH", 0x8100, number) + frame[12:]


for name, wrap in (("vxlan", vxlan), ("vlan", vlan)):
    pcap(f"{name}.pcap", [(at + 100 * n, wrap(n, frame)) for n in (1, 2) for at, frame in talk()])
datagram = udp(1111, 2222, b"x" * 2992)
parts = [(datagram[:1480], 0x2000), (datagram[1480:2960], 0x2000 | 185), (datagram[2960:], 370)]
pcap("fragments.pcap", [(at, ethernet(ipv4("10.0.0.1", "10.0.0.2", 17, part, 7, where))) for at, (part, where) in enumerate(parts)])
pcap("order.pcap", [(at, ethernet(ipv4("10.0.0.1", "10.0.0.2", 17, udp(1, 2, b"x")))) for at in (5000, 1000, 3000)])
PYTHON

# table FILE KIND: frames and bytes of each row; row FILE KIND COLUMN: that column.
table() {
    tshark -r "$1.pcap" -q -z "conv,$2" 2>/dev/null | awk '/<->/ { print $(NF - 4), $(NF - 3) }' | paste -sd ' '
}

expect "two connections in two VNIs, IPv4 table: frames, bytes" "8 1032 8 1032" "$(table vxlan ip | tr -d a-z | tr -s ' ')"
for kind in vxlan vlan; do
    expect "$kind: numbers of streams" "0" "$(tshark -r $kind.pcap -T fields -e tcp.stream 2>/dev/null | sort -u)"
    expect "$kind: frames flagged as retransmission" "3" "$(tshark -r $kind.pcap -Y tcp.analysis.retransmission 2>/dev/null | wc -l)"
done
expect "a datagram in three fragments, IPv4 table" "3 3102" "$(table fragments ip)"
expect "the same, UDP table" "1 74" "$(table fragments udp)"
expect "start of frames at 5, 1 and 3 s" "-4.000000000" "$(tshark -r order.pcap -q -z conv,ip 2>/dev/null | awk '/<->/ { print $(NF - 1) }')"
