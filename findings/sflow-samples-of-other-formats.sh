#!/usr/bin/env bash
# sFlow 5 in sfacctd of pmacct 1.7.7 and tshark 4.0.17 (Debian 12): behind a sample of a format that they do not know, the datagram's other samples are lost.
#
# Each sample has its length in front, so that a collector can pass over it. Vendors have formats of their own, and packets that a device dropped come as format 5
# (sFlow's drop notification structures), in the same datagrams as flow samples.
# * sfacctd stores the flow samples in front of such a sample and none behind it. Its log has a line of level INFO that it discards "unknown v5 sample", and no number.
# * tshark calls the packet malformed at a vendor's sample, and shows nothing behind it; it passes over format 5.
# * sfcapd of nfdump 1.7.1 stores all of them. All three pass over a vendor's *record* inside a flow sample.
# A device puts samples into a datagram in the order of time, so the part of the traffic that is missing differs from one to the next, and no sequence number is missing.
. "$(dirname "$0")/lib/common.sh"
. "$(dirname "$0")/lib/sflow.sh"

debian tshark=4.0.17-0+deb12u3
cd "$work"
collect <<'PYTHON'
import sys

from capture import *
from sflow import *

sampled = raw_header(ethernet(ipv4("10.0.0.1", "10.0.0.2", 17, udp(1111, 9, b"x" * 100))))
vendors = sample(4300 << 12 | 1, bytes(8))
dropped = sample(5, struct.pack("!IIIIIIII", 1, 0, 1, 0, 9, 0, 262, 1) + sampled)
counters = sample(2, struct.pack("!III", 1, 9, 1) + record(1, struct.pack("!IIQII", 9, 6, 10**9, 1, 3) + bytes(64)))
datagrams = [
    [flow_sample(1, sampled), vendors, flow_sample(2, sampled)],
    [flow_sample(3, sampled), dropped, flow_sample(4, sampled)],
    [counters, flow_sample(5, sampled)],
    [flow_sample(6, record(4300 << 12 | 2, bytes(4)), sampled)],
]
datagrams = [datagram(it, number) for number, it in enumerate(datagrams, 1)]
send([int(port) for port in sys.argv[1:]], datagrams)
ends = "192.0.2.254", "192.0.2.1"
pcap("sflow.pcap", [(0, ethernet(ipv4(*ends, 17, udp(6343, 6343, it)))) for it in datagrams])
PYTHON

# stored CASE WORDS SFACCTD SFCAPD
stored() {
    expect "$2, sfacctd" "$3" "$(by_sfacctd "$1")"
    expect "$2, sfcapd" "$4" "$(by_sfcapd "$1")"
}

flow="10.0.0.1:1111>9:100:14600"
stored 1 "in front of a vendor's sample" "$flow" "$flow"
stored 2 "behind it" - "$flow"
stored 3 "in front of a dropped packet's sample" "$flow" "$flow"
stored 4 "behind it" - "$flow"
stored 5 "behind counters" "$flow" "$flow"
stored 6 "behind a vendor's record in the same sample" "$flow" "$flow"
expect "sfacctd's log" "INFO 2" "$(awk '/discarding unknown v5 sample/ { level = $1; count++ } END { print level, count }' sfacctd.log)"
shown=$(tshark -r sflow.pcap -T fields -E 'separator=|' -e udp.dstport -e _ws.expert.message 2>/dev/null | sed 's/^6343,*//')
expect "ports of the sampled packets and errors, tshark" "9|Malformed Packet (Exception occurred) 9,9| 9| 9|" "$(echo $shown)"
