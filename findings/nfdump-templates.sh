#!/usr/bin/env bash
# nfdump 1.7.1 (Debian 12): what a template holds, and when it is sent, decides which records are stored and how.
#
# * A data set before its template is lost, also where both are in one message.
# * A template of both address families, with zeroes for the absent one, loses IPv4 addresses: records have `::` and 0.0.0.0.
# * VLANs as vlanId (58) and postVlanId (59) are stored; as dot1qVlanId (243) and dot1qCustomerVlanId (245) they are not.
# * ICMP's type and code are read from icmpTypeCodeIPv4/6 (32, 139); in icmpTypeIPv4 and icmpCodeIPv4 (176, 177), and in
#   icmpTypeIPv6 and icmpCodeIPv6 (178, 179), they become 0, 0. Type * 256 + code in destinationTransportPort (11) is right.
# * Of octetDeltaCount and octetTotalCount (1, 85) in one record the later in the template is stored as `in_bytes`.
# * postOctetDeltaCount (23) is stored as bytes of the way back, which it is not; initiatorOctets (231) nowhere.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfdump.sh"

send() {
    stored "$1" <<'PYTHON'
import sys
from ipfix import *

port, case = int(sys.argv[1]), sys.argv[2]
TIMES = [(152, 8), (153, 8)]
WHEN = number(1_700_000_000_123, 8) + number(1_700_000_005_123, 8)
BASE = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 8), (2, 8)] + TIMES


def record(at, protocol=6):
    ends = address(f"192.0.2.{at}") + address("198.51.100.9") + number(1000 + at, 2) + number(80, 2)
    return ends + number(protocol, 1) + number(1000, 8) + number(10, 8) + WHEN


if case == "before":
    sets = [a_set(256, record(1)), a_set(2, template(256, BASE)), a_set(256, record(2))]
    send(port, message(sets))
elif case == "families":
    fields = [(8, 4), (12, 4), (27, 16), (28, 16), (4, 1), (1, 8), (2, 8)] + TIMES
    rest = number(6, 1) + number(1, 8) + number(1, 8) + WHEN
    four = address("192.0.2.1") + address("192.0.2.2") + bytes(32) + rest
    send(port, message([a_set(2, template(256, fields))]), message([a_set(256, four)]))
else:
    extra, values, protocol = {
        "vlans": ([(58, 2), (59, 2)], number(5, 2) + number(6, 2), 6),
        "tags": ([(243, 2), (245, 2)], number(5, 2) + number(6, 2), 6),
        "icmp": ([(32, 2)], number(0x0803, 2), 1),
        "icmp-apart": ([(176, 1), (177, 1)], number(8, 1) + number(3, 1), 1),
        "icmp-port": ([(7, 2), (11, 2)], number(0, 2) + number(0x0803, 2), 1),
        "icmp6": ([(139, 2)], number(0x8003, 2), 58),
        "icmp6-apart": ([(178, 1), (179, 1)], number(128, 1) + number(3, 1), 58),
        "icmp6-port": ([(7, 2), (11, 2)], number(0, 2) + number(0x8003, 2), 58),
        "total": ([(85, 8), (86, 8)], number(99_000, 8) + number(99, 8), 6),
        "post": ([(23, 8), (24, 8)], number(77, 8) + number(7, 8), 6),
        "initiator": ([(231, 8), (298, 8)], number(77, 8) + number(7, 8), 6),
    }[case]
    fields, flow = BASE, record(1, protocol)
    if protocol != 6:  # without ports: elements 3 and 4 of BASE, octets 8 to 12 of a record
        fields, flow = BASE[:2] + BASE[4:], flow[:8] + flow[12:]
    send(port, message([a_set(2, template(256, fields + extra))]), message([a_set(256, flow + values)]))
PYTHON
}

expect "records of: data, template, data" "192.0.2.2" "$(send before | pick src4_addr)"
expect "addresses of a template for both families" "0.0.0.0 ::" "$(send families | pick src4_addr src6_addr)"
expect "58, 59" "5 6" "$(send vlans | pick src_vlan dst_vlan)"
expect "243, 245" "- -" "$(send tags | pick src_vlan dst_vlan)"
expect "32" "8 3" "$(send icmp | pick icmp_type icmp_code)"
expect "176, 177" "0 0" "$(send icmp-apart | pick icmp_type icmp_code)"
expect "11 of ICMP" "8 3" "$(send icmp-port | pick icmp_type icmp_code)"
expect "139" "128 3" "$(send icmp6 | pick icmp_type icmp_code)"
expect "178, 179" "0 0" "$(send icmp6-apart | pick icmp_type icmp_code)"
expect "11 of ICMPv6" "128 3" "$(send icmp6-port | pick icmp_type icmp_code)"
expect "1, 2, then 85, 86" "99000 99" "$(send total | pick in_bytes in_packets)"
expect "23, 24" "1000 77 7" "$(send post | pick in_bytes out_bytes out_packets)"
expect "231, 298" "1000 - -" "$(send initiator | pick in_bytes out_bytes out_packets)"
