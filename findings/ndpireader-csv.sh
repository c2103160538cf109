#!/usr/bin/env bash
# ndpiReader of nDPI 4.2 (Debian 12, libndpi-bin), flows of a capture as CSV (`-C`): those whose application it does not know are not in it.
#
# * A TCP connection of 50,000 octets to port 9999 has no line; the CSV has its header line alone, and the status is 0. With a DNS query behind it in the capture there is
#   one line, that of the query. The text output (`-v 2`) has the connection under "Undetected flows". So sums by address of the CSV lack databases, tunnels, private protocols.
# * Frames with two VLAN tags have no line either, nor has a capture of the device `any` in its newer form (LINUX_SLL2). Of a datagram in two fragments the first counts alone.
# * Octets are those of frames. Two connections of the same ports, a second apart and both closed, are one flow.
# The manual page and `-h` have no more on `-C` than that it writes CSV.
. "$(dirname "$0")/lib/common.sh"

debian libndpi-bin=4.2-2
cd "$work"
python - <<'PYTHON'
from capture import *

unknown = Talk(ports=(40000, 9999))
unknown.handshake()
unknown.say(20, True, 1001, 5001, ACK | PSH, b"r" * 100)
for number in range(50):
    unknown.say(30 + number, False, 5001 + number * 1000, 1101, ACK | PSH, b"s" * 1000)
unknown.say(100, True, 1101, 55001, FIN | ACK)
unknown.say(110, False, 55001, 1102, FIN | ACK)

question = bytes.fromhex("123401000001000000000000") + b"\x07example\x03com\0\0\1\0\1"
query = ipv4("10.0.0.1", "10.0.0.2", 17, udp(40001, 53, question))
frame = ethernet(query)
pcap("unknown.pcap", unknown.frames)
pcap("both.pcap", [*unknown.frames, (200, frame)])

twice = Talk()
for at in (0, 1000):
    twice.say(at, True, 1000 + at * 100, 0, SYN)
    twice.say(at + 10, False, 5000 + at * 100, 1001 + at * 100, SYN | ACK)
    twice.say(at + 20, True, 1001 + at * 100, 5001 + at * 100, FIN | ACK)
    twice.say(at + 30, False, 5001 + at * 100, 1002 + at * 100, FIN | ACK)
pcap("twice.pcap", twice.frames)


def one(name, *frames, link=1):
    pcap(f"{name}.pcap", [(number * 100, it) for number, it in enumerate(frames)], link)


long = udp(40001, 53, question + b"x" * 2900)
one("one-tag", frame[:12] + struct.pack("!HH", 0x8100, 6) + frame[12:])
one("two-tags", frame[:12] + struct.pack("!HHHH", 0x88A8, 5, 0x8100, 6) + frame[12:])
one("raw-ip", query, link=101)
one("sll", struct.pack("!HHH8sH", 0, 1, 6, bytes(8), 0x0800) + query, link=113)
one("sll2", struct.pack("!HHIHBB8s", 0x0800, 0, 3, 1, 0, 6, bytes(8)) + query, link=276)
one("fragments", *(ethernet(ipv4("10.0.0.1", "10.0.0.2", 17, part, 7, where)) for part, where in ((long[:1480], 0x2000), (long[1480:], 185))))
PYTHON

# Prints PORT>PORT:PACKETS:OCTETS:PACKETS:OCTETS of each line, `-` without one.
lines() {
    rm -f flows.csv
    ndpiReader -q -i "$1.pcap" -C flows.csv >ndpi.log 2>&1
    awk -F, '!/^#/ { print $7 ">" $9 ":" $13 ":" $14 ":" $16 ":" $17 }' flows.csv | paste -sd ' ' | sed 's/^$/-/'
}

expect "connection to port 9999" "-" "$(lines unknown)"
expect "its header lines" "1" "$(wc -l <flows.csv)"
expect "text output" "Undetected flows: 192.0.2.1:40000 <-> 192.0.2.2:9999 4 pkts/316 bytes <-> 52 pkts/52808 bytes" \
    "$(ndpiReader -i unknown.pcap -v 2 2>/dev/null | sed -n '/Undetected/{N;s/\n.*TCP \([^ ]* <-> [^ ]*\).*\[\([0-9]* pkts[^]]*\)\].*/ \1 \2/p}')"
expect "with a DNS query behind it" "40001>53:1:71:0:0" "$(lines both)"
expect "one VLAN tag" "40001>53:1:75:0:0" "$(lines one-tag)"
expect "two VLAN tags" "-" "$(lines two-tags)"
expect "raw IP" "40001>53:1:57:0:0" "$(lines raw-ip)"
expect "LINUX_SLL" "40001>53:1:73:0:0" "$(lines sll)"
expect "LINUX_SLL2" "-" "$(lines sll2)"
expect "two fragments of 1,500 and 1,477 octets" "40001>53:1:1514:0:0" "$(lines fragments)"
expect "two connections" "40000>80:4:216:4:216" "$(lines twice)"
