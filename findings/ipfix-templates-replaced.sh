#!/usr/bin/env bash
# tshark 4.0.17 and ipfixDump of libfixbuf 2.4.1 (Debian 12) read IPFIX records by another template than the one in force.
#
# * tshark keeps the first template of a number for good. Over TCP a template is withdrawn and its number given anew (RFC 7011 section 8.1),
#   over UDP the number comes again after hours: in both the packets of the new template are shown as octets, without a warning,
#   also with two passes (`-2`). An exporter that restarted with other fields behind the same port looks as if it sent nonsense.
# * Template numbers count per observation domain. ipfixDump keeps the newest template of a number for all domains: 1,000 octets of
#   domain 1 become 0 once domain 2 has sent a template of the same number with packets in that place. tshark keeps domains apart.
# As referees of an exporter's records the two need a capture for each domain and for each start of the exporter.
. "$(dirname "$0")/lib/common.sh"

debian libfixbuf-tools=2.4.1+ds-2 tshark=4.0.17-0+deb12u3
cd "$work"
python - <<'PYTHON'
from capture import *
from ipfix import *

octets, packets = (template(256, [(8, 4), (12, 4), (element, 8)]) for element in (1, 2))


def flow(value):
    return a_set(256, address("192.0.2.9") + address("192.0.2.8") + number(value, 8))


def datagram(octets):
    return ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(40000, 4739, octets)))


withdrawal = message([a_set(2, struct.pack("!HH", 256, 0))], sequence=1)
first = [message([a_set(2, octets)]), message([flow(1000)])]
second = [message([a_set(2, packets)], sequence=1), message([flow(7)], sequence=1)]
HOURS = 7_200_000
pcap("udp.pcap", [(at * HOURS, datagram(it)) for at, it in enumerate(first + second)])
talk = Talk(ports=(40000, 4739))
talk.handshake()
sequence = 1001
for at, it in enumerate([*first, withdrawal, *second], 2):
    talk.say(at * 20, True, sequence, 5001, ACK | PSH, it)
    sequence += len(it)
    talk.say(at * 20 + 10, False, 5001, sequence, ACK)
pcap("tcp.pcap", talk.frames)
open("tcp.ipfix", "wb").write(b"".join([*first, withdrawal, *second]))
domains = [message([a_set(2, octets)], domain=1), message([a_set(2, packets)], domain=2)]
domains += [message([flow(1000)], domain=1), message([flow(7)], domain=2)]
pcap("domains.pcap", list(enumerate(map(datagram, domains))))
open("domains.ipfix", "wb").write(b"".join(domains))
PYTHON

# by_tshark NAME ..: the counters with their names.
by_tshark() {
    tshark -V -r "$@" 2>/dev/null | sed -n 's/^ *\(Octets\|Packets\): /\1 /p' | paste -sd ' '
}

by_ipfixdump() {
    ipfixDump --in "$1" 2>/dev/null | sed -n 's/^.*) *\(octet\|packet\)DeltaCount : /\1s /p' | paste -sd ' '
}

for name in tcp udp; do
    expect "$name: 1000 octets, then 7 packets of the new template, tshark" "Octets 1000 Octets 7" "$(by_tshark $name.pcap)"
    expect "$name: the same in two passes" "Octets 1000 Octets 7" "$(by_tshark $name.pcap -2)"
done
expect "tcp: ipfixDump" "octets 1000 packets 7" "$(by_ipfixdump tcp.ipfix)"
expect "two domains: 1000 octets and 7 packets, ipfixDump" "octets 0 packets 7" "$(by_ipfixdump domains.ipfix)"
expect "two domains: tshark" "Octets 1000 Packets 7" "$(by_tshark domains.pcap)"
