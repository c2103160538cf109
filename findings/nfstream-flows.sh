#!/usr/bin/env bash
# NFStream 6.6.0 (PyPI), flows of captures, `accounting_mode=1` (octets of IP): what it counts otherwise than a flow meter, without a word.
#
# * Of a datagram in three fragments (3,060 octets) it counts the first one, 1 packet of 1,500 octets, in any order of the three, of IPv6 too. The
#   other fragments are in no flow.
# * Time does not go back: a packet that is stamped earlier than one before it gets that one's time. One frame with a time too far ahead, as where
#   captures are joined or a clock was set, moves the flows behind it there and ends what was open: two packets 3 s apart are two flows.
# * Frames with two VLAN tags (802.1ad and 802.1Q) are in no flow; with one tag they are, by VLAN.
# * IP in IP is the inner flow, with the inner octets; GRE is the outer one.
# * Two connections with the same ports, a second apart, both closed by FIN, are one flow. So are all pings between two hosts.
# * SCTP has ports 0.
. "$(dirname "$0")/lib/common.sh"

pypi nfstream==6.6.0
cd "$work"
python - <<'PYTHON'
from capture import *

A, B = "10.0.0.1", "10.0.0.2"
inner = ipv4("192.0.2.1", "192.0.2.2", 17, udp(5, 6, b"x" * 100))
plain = udp(1, 2, b"x" * 40)


def connection():
    talk = Talk()
    talk.handshake()
    talk.say(40, True, 1001, 5001, ACK | FIN)
    talk.say(50, False, 5001, 1002, ACK | FIN)
    talk.say(51, True, 1002, 5002, ACK)
    return talk.frames


def echo(identifier):
    message = struct.pack("!BBHHH", 8, 0, 0, identifier, 0) + b"p" * 56
    return ethernet(ipv4(A, B, 1, message[:2] + struct.pack("!H", checksum(message)) + message[4:]))


def ipv6(next_header, payload):
    ends = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    return ethernet(struct.pack("!IHBB", 6 << 28, len(payload), next_header, 64) + ends + payload, 0x86DD)


whole = udp(1111, 2222, b"x" * 2992)
parts = [ethernet(ipv4(A, B, 17, part, 7, at)) for part, at in ((whole[:1480], 0x2000), (whole[1480:2960], 0x2000 | 185), (whole[2960:], 370))]
longer = udp(1111, 2222, b"x" * 1400)
parts6 = [struct.pack("!BBHI", 17, 0, 1, 9) + longer[:1400], struct.pack("!BBHI", 17, 0, 1400, 9) + longer[1400:]]
tagged = ethernet(ipv4(A, B, 17, plain), vlan=5)


def stamped(*packets):
    return [(at, ethernet(ipv4(A, B, 17, udp(source, 2, b"x")))) for at, source in packets]


pcap("fragments.pcap", list(enumerate(parts)))
pcap("reversed.pcap", list(enumerate(parts[::-1])))
pcap("fragments6.pcap", [(at, ipv6(44, part)) for at, part in enumerate(parts6)])
pcap("back.pcap", stamped((5000, 1), (1000, 3), (3000, 4)))
pcap("ahead.pcap", stamped((0, 1), (1_000_000, 3), (3000, 1)))
pcap("vlans.pcap", [(0, tagged), (1, ethernet(ipv4(A, B, 17, plain), vlan=6))])
pcap("two-tags.pcap", [(0, tagged[:12] + struct.pack("!HH", 0x88A8, 9) + tagged[12:])])
pcap("ip-in-ip.pcap", [(0, ethernet(ipv4(A, B, 4, inner)))])
pcap("gre.pcap", [(0, ethernet(ipv4(A, B, 47, struct.pack("!HH", 0, 0x0800) + inner)))])
pcap("again.pcap", [(at + later, frame) for later in (0, 1000) for at, frame in connection()])
pcap("pings.pcap", [(at, echo(at)) for at in (1, 2, 3)])
pcap("sctp.pcap", [(0, ethernet(ipv4(A, B, 132, struct.pack("!HHII", 1111, 2222, 1, 0) + bytes([0, 3, 0, 8]) + b"abcd")))])
PYTHON
cat >flows.py <<'PYTHON'
"""PROTOCOL:PORT>PORT:PACKETS:OCTETS:FROM..TO of each flow, in ms from the beginning of the capture's second; both ways together."""
import sys
from nfstream import NFStreamer

if __name__ == "__main__":
    for name in sys.argv[1:]:
        found = []
        for it in NFStreamer(source=f"{name}.pcap", n_dissections=0, accounting_mode=1):
            ports = f"{it.protocol}:{it.src_port}>{it.dst_port}"
            times = (it.bidirectional_first_seen_ms - 1_700_000_000_000, it.bidirectional_last_seen_ms - 1_700_000_000_000)
            found.append(f"{ports}:{it.bidirectional_packets}:{it.bidirectional_bytes}:{times[0]}..{times[1]}")
        print(f"{name}:", *found)
PYTHON
python flows.py fragments reversed fragments6 back ahead vlans two-tags ip-in-ip gre again pings sctp >seen

while IFS= read -r line; do
    expect "${line%%:*}" "${line#*:}" "$(sed -n "s/^${line%%:*}://p" seen)"
done <<'ANSWERS'
fragments: 17:1111>2222:1:1500:0..0
reversed: 17:1111>2222:1:1500:2..2
fragments6: 17:1111>2222:1:1448:0..0
back: 17:1>2:1:29:5000..5000 17:3>2:1:29:5000..5000 17:4>2:1:29:5000..5000
ahead: 17:1>2:1:29:0..0 17:3>2:1:29:1000000..1000000 17:1>2:1:29:1000000..1000000
vlans: 17:1>2:1:68:0..0 17:1>2:1:68:1..1
two-tags:
ip-in-ip: 17:5>6:1:128:0..0
gre: 47:0>0:1:152:0..0
again: 6:40000>80:12:480:0..1051
pings: 1:0>0:3:252:1..3
sctp: 132:0>0:1:40:0..0
ANSWERS
