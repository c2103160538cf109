#!/usr/bin/env bash
# Three flow meters read the same valid captures differently: nfpcapd of nfdump 1.7.1, softflowd 1.1.0 and pmacctd 1.7.7 (Debian 12).
# Whoever holds a meter against one of them has to allow for this first. Each line below is packets and octets by flow; `-` is none.
#
# * Three fragments of one IPv4 datagram (3,060 octets): nfpcapd has one packet of 3,020 octets, softflowd a second flow without
#   ports for the later two. With the fragments in reverse nfpcapd has nothing. Without the first pmacctd and nfpcapd have nothing.
# * A datagram of 32 octets in a frame of 60: softflowd counts the padding, 46 octets.
# * One MPLS label: softflowd counts its 4 octets as IP octets.
# * Two VLAN tags (802.1ad and 802.1Q): none of the three has a flow, and none says so.
# * IPv6 with a hop-by-hop header: nfpcapd has protocol 0 without ports. IPv6 fragments: nfpcapd has protocol 44; softflowd has
#   protocol 0 for the later one.
# * IP in IP: nfpcapd has two flows, one of them of 0 packets; the others have the outer one.
# * Frames whose times go back: nfpcapd and softflowd give an end before the start.
# * A frame cut to 38 octets (ports, no more): nfpcapd has nothing, softflowd no ports, pmacctd all.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/meters.sh"

debian pmacct=1.7.7-1+b1
cd "$work"
python - <<'PYTHON'
import struct
from capture import *


def datagram(payload=100):
    return ethernet(ipv4("10.0.0.1", "10.0.0.2", 17, udp(1111, 2222, b"x" * payload)))


def ipv6(next_header, payload):
    ends = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    return ethernet(struct.pack("!IHBB", 6 << 28, len(payload), next_header, 64) + ends + payload, 0x86DD)


def one(name, *frames):
    pcap(f"{name}.pcap", list(enumerate(frames)))


whole = udp(1111, 2222, b"x" * 2992)
parts = [(whole[:1480], 0x2000), (whole[1480:2960], 0x2000 | 185), (whole[2960:], 370)]
parts = [ethernet(ipv4("10.0.0.1", "10.0.0.2", 17, part, 7, where)) for part, where in parts]
inner = ipv4("192.0.2.1", "192.0.2.2", 17, udp(5, 6, b"x" * 100))
plain = datagram()
one("fragments", *parts)
one("reverse", *parts[::-1])
one("no-first", *parts[1:])
one("padded", datagram(4) + bytes(14))
one("mpls", ethernet(struct.pack("!I", 16 << 12 | 0x1FF) + inner, 0x8847))
one("two-tags", plain[:12] + struct.pack("!HHHH", 0x88A8, 5, 0x8100, 6) + plain[12:])
one("hop-by-hop", ipv6(0, bytes([17, 0, 1, 4, 0, 0, 0, 0]) + udp(1111, 2222, b"x" * 100)))
parts6 = udp(1111, 2222, b"x" * 1400)
one("fragments6", ipv6(44, struct.pack("!BBHI", 17, 0, 1, 9) + parts6[:1400]), ipv6(44, struct.pack("!BBHI", 17, 0, 1400, 9) + parts6[1400:]))
one("ip-in-ip", ethernet(ipv4("10.0.0.1", "10.0.0.2", 4, inner)))
pcap("back.pcap", [(5000, plain), (1000, plain), (3000, plain)])
long = datagram(1000)
with open("cut.pcap", "wb") as out:
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 38, 1))
    out.write(struct.pack("<IIII", 1_700_000_000, 0, 38, len(long)) + long[:38])
PYTHON

# Prints what the two of lib/meters.sh print.
by_pmacctd() {
    printf '%s\n' "pcap_savefile: $1.pcap" "plugins: print" "print_output: csv" \
        "aggregate: src_port, dst_port, proto" >pmacctd.conf
    { timeout 10 pmacctd -f pmacctd.conf 2>pmacctd.log || true; } |
        awk -F, 'NR > 1 && NF >= 5 { print $3 ":" $1 ">" $2 ":" $4 ":" $5 }' | flows
}

# counted NAME NFPCAPD SOFTFLOWD PMACCTD
counted() {
    expect "$1, nfpcapd" "$2" "$(by_nfpcapd "$1")"
    expect "$1, softflowd" "$3" "$(by_softflowd "$1")"
    expect "$1, pmacctd" "$4" "$(by_pmacctd "$1")"
}

counted fragments "UDP:1111>2222:1:3020" "UDP:0>0:2:1560 UDP:1111>2222:1:1500" "udp:1111>2222:3:3060"
counted reverse "-" "UDP:0>0:2:1560 UDP:1111>2222:1:1500" "udp:1111>2222:3:3060"
counted no-first "-" "UDP:0>0:2:1560" "-"
counted padded "UDP:1111>2222:1:32" "UDP:1111>2222:1:46" "udp:1111>2222:1:32"
counted mpls "UDP:5>6:1:128" "UDP:5>6:1:132" "udp:5>6:1:128"
counted two-tags "-" "-" "-"
counted hop-by-hop "0:0>0:1:156" "UDP:1111>2222:1:156" "udp:1111>2222:1:156"
counted fragments6 "Frag6:0>0:2:1504" "0:0>0:1:56 UDP:1111>2222:1:1448" "udp:1111>2222:2:1504"
counted ip-in-ip "IPIP:0>0:0:0 UDP:5>6:1:128" "IPIP:0>0:1:148" "ipencap:0>0:1:148"
counted cut "-" "UDP:0>0:1:1028" "udp:1111>2222:1:1028"

by_nfpcapd back >/dev/null
expect "back, nfpcapd: start, end" "22:13:25.000 22:13:23.000" "$(nfdump -R flows -q -o "fmt:%ts %te" 2>/dev/null | awk '/22:/ { print $2, $4 }')"
by_softflowd back >/dev/null
expect "back, softflowd: start, end" "22:13:25.000 22:13:23.000" "$(nfdump -R flows -q -o "fmt:%ts %te" 2>/dev/null | awk '/22:/ { print $2, $4 }')"
