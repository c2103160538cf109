#!/usr/bin/env bash
# sFlow 5 in sfacctd of pmacct 1.7.7 and sfcapd of nfdump 1.7.1 (Debian 12): a packet's octets depend on the form of its sample, and some ports are invented.
#
# Of one packet (128 octets of IP, 142 of Ethernet, 146 with the frame check sequence, which `frame_length` counts) at a rate of 100
# * both store 14,600 octets where the sample has the Ethernet header, and 12,800 where it has the IP header or sFlow's own IPv4 record. A datagram of 32 octets,
#   padded on the wire, has 6,400. NetFlow and IPFIX have octets of IP, so a store of both kinds has two sizes of the same traffic.
# * sfcapd stores no addresses of an IPv4 or IPv6 record. Behind PPPoE, and where the header begins with MPLS, it stores a flow without addresses and ports.
# * sfacctd reads ports too early where IPv6 has an extension header: 1111 to 2222 is 0 to 1111 behind a hop-by-hop header, and 9 to 1111 behind a fragment
#   header, whose identification is 9. Of two VLAN tags and of PPPoE it stores nothing, and logs nothing.
# pmacctd, of the same package as sfacctd, reads the hop-by-hop header.
. "$(dirname "$0")/lib/common.sh"
. "$(dirname "$0")/lib/sflow.sh"

cd "$work"
collect <<'PYTHON'
import sys

from capture import *
from sflow import *

ENDS6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + socket.inet_pton(socket.AF_INET6, "2001:db8::2")


def packet(octets=100):
    return ipv4("10.0.0.1", "10.0.0.2", 17, udp(1111, 2222, b"x" * octets))


def ipv6(next_header, payload):
    return ethernet(struct.pack("!IHBB", 6 << 28, len(payload), next_header, 64) + ENDS6 + payload, 0x86DD)


def tagged(*tags):
    return ethernet(packet())[:12] + b"".join(struct.pack("!HH", *tag) for tag in tags) + ethernet(packet())[12:]


payload = udp(1111, 2222, b"x" * 100)
ends = socket.inet_aton("10.0.0.1") + socket.inet_aton("10.0.0.2")
hop_by_hop = ipv6(0, bytes([17, 0, 1, 4, 0, 0, 0, 0]) + payload)
cases = [
    raw_header(ethernet(packet())),
    raw_header(packet(), protocol=11, trailer=0),
    record(3, struct.pack("!II", 128, 17) + ends + struct.pack("!IIII", 1111, 2222, 0, 0)),
    record(4, struct.pack("!II", 148, 17) + ENDS6 + struct.pack("!IIII", 1111, 2222, 0, 0)),
    raw_header(ethernet(packet(4)) + bytes(14)),
    raw_header(struct.pack("!I", 16 << 12 | 0x1FF) + packet(), protocol=13, trailer=0),
    raw_header(ethernet(struct.pack("!HHHH", 0x1100, 1, len(packet()) + 2, 0x21) + packet(), 0x8864)),
    raw_header(tagged((0x8100, 6))),
    raw_header(tagged((0x88A8, 5), (0x8100, 6))),
    raw_header(ipv6(17, payload)),
    raw_header(hop_by_hop),
    raw_header(ipv6(44, struct.pack("!BBHI", 17, 0, 1, 9) + udp(1111, 2222, b"x" * 1400))),
]
send([int(port) for port in sys.argv[1:]], [datagram([flow_sample(number, it)], number) for number, it in enumerate(cases, 1)])
pcap("hop-by-hop.pcap", [(0, hop_by_hop)])
PYTHON

# stored CASE WORDS SFACCTD SFCAPD
stored() {
    expect "$2, sfacctd" "$3" "$(by_sfacctd "$1")"
    expect "$2, sfcapd" "$4" "$(by_sfcapd "$1")"
}

six="2001:db8::1"
stored 1 "Ethernet header" "10.0.0.1:1111>2222:100:14600" "10.0.0.1:1111>2222:100:14600"
stored 2 "IP header" "10.0.0.1:1111>2222:100:12800" "10.0.0.1:1111>2222:100:12800"
stored 3 "IPv4 record" "10.0.0.1:1111>2222:100:12800" "0.0.0.0:1111>2222:100:12800"
stored 4 "IPv6 record" "$six:1111>2222:100:14800" "0.0.0.0:1111>2222:100:14800"
stored 5 "padded frame" "10.0.0.1:1111>2222:100:6400" "10.0.0.1:1111>2222:100:6400"
stored 6 "MPLS header" "10.0.0.1:1111>2222:100:13200" "0.0.0.0:0>0:100:13200"
stored 7 "PPPoE" "-" "0.0.0.0:0>0:100:15400"
stored 8 "one VLAN tag" "10.0.0.1:1111>2222:100:15000" "10.0.0.1:1111>2222:100:15000"
stored 9 "two VLAN tags" "-" "10.0.0.1:1111>2222:100:15400"
stored 10 "IPv6" "$six:1111>2222:100:16600" "$six:1111>2222:100:16600"
stored 11 "IPv6, hop-by-hop header" "$six:0>1111:100:17400" "$six:1111>2222:100:17400"
stored 12 "IPv6, first fragment" "$six:9>1111:100:147400" "$six:1111>2222:100:147400"
expect "warnings and errors in sfacctd's log" "0" "$(grep -cE "WARN|ERROR" "$work/sfacctd.log" || true)"

printf '%s\n' "pcap_savefile: $work/hop-by-hop.pcap" "plugins: print" "print_output: csv" "aggregate: src_port, dst_port" >pmacctd.conf
expect "IPv6, hop-by-hop header, pmacctd: ports" "1111,2222" "$({ timeout 10 pmacctd -f pmacctd.conf 2>pmacctd.log || true; } | sed -n 's/^\([0-9]*,[0-9]*\),.*/\1/p')"
