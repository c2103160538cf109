#!/usr/bin/env bash
# nfdump 1.7.1 (Debian 12): IPFIX elements of a flow that nfcapd does not store. Nothing is logged, and the rest of the record is right.
#
# * ipTTL, minimumTTL and maximumTTL (192, 52, 53).
# * The class as ipDiffServCodePoint (195); as ipClassOfService (5) it is stored.
# * layer2SegmentId (351), the network of a VXLAN tunnel.
# * Fields of variable length, as RFC 7011 section 7 writes them, also those of 255 octets and more: interfaceName (82),
#   applicationName (96), httpRequestHost (460), a basicList (291) of vlanId.
# An exporter may send them to nfdump, and finds none of them there. The class has to be sent as 5.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfdump.sh"

send() {
    stored "$1" <<'PYTHON'
import sys
from ipfix import *

port, case = int(sys.argv[1]), sys.argv[2]
variable = 65535
extra, values = {
    "none": ([], b""),
    "ttl": ([(192, 1), (52, 1), (53, 1)], bytes([64, 63, 65])),
    "dscp": ([(195, 1)], bytes([46])),
    "class": ([(5, 1)], bytes([184])),
    "segment": ([(351, 8)], number(1 << 56 | 77, 8)),
    "names": ([(82, variable), (96, variable), (460, variable)], b"\x04eth0" + b"\x04http" + b"\xff" + number(300, 2) + b"h" * 300),
    "list": ([(291, variable)], b"\x09" + b"\x03" + number(58, 2) + number(2, 2) + number(5, 2) + number(6, 2)),
}[case]
fields = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1)] + extra + [(1, 8), (2, 8), (152, 8), (153, 8)]
flow = address("192.0.2.1") + address("198.51.100.9") + number(1111, 2) + number(80, 2) + number(6, 1) + values
flow += number(1000, 8) + number(10, 8) + number(1_700_000_000_123, 8) + number(1_700_000_005_123, 8)
send(port, message([a_set(2, template(256, fields))]), message([a_set(256, flow)]))
PYTHON
}
# All that is stored but the time of arrival.
without_arrival() {
    sed 's/"received": "[^"]*", //'
}

plain=$(send none | without_arrival)
expect "a flow without them" "1000 10 0 2023-11-14T22:13:25.123" "$(pick in_bytes in_packets src_tos last <<<"$plain")"
for case in ttl dscp segment names list; do
    [ "$(send "$case" | without_arrival)" = "$plain" ] && record="the same" || record="another"
    expect "$case: the record, beside that of a flow without" "the same" "$record"
done
expect "the class as 5" "184" "$(send class | pick src_tos)"
