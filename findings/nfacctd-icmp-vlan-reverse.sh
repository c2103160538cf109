#!/usr/bin/env bash
# nfacctd of pmacct 1.7.7 (Debian 12): it reads ICMP, VLANs and the way back of a flow in one place of IPFIX, and not in others.
#
# * ICMP's type and code are read from destinationTransportPort (11), as type * 256 + code and as a port. icmpTypeCodeIPv4 (32) and
#   icmpTypeIPv4 with icmpCodeIPv4 (176, 177) are dropped: all messages of two hosts are one flow.
# * A VLAN is read from vlanId (58) and dot1qVlanId (243), and not from dot1qCustomerVlanId (245).
# * Reverse counters (RFC 5103) are dropped, unless custom primitives are declared for `29305:1` and `29305:2`: then they are right.
# An exporter sends ICMP's type and code in the port as well, and one-way records to an nfacctd without such primitives.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfacctd.sh"

cat >"$work/primitives" <<'PRIMITIVES'
name=back_octets field_type=29305:1 len=8 semantics=u_int
name=back_packets field_type=29305:2 len=8 semantics=u_int
PRIMITIVES
listens "src_host, src_port, dst_port, proto, vlan, back_octets, back_packets
aggregate_primitives: $work/primitives"
python - "$port" <<'PYTHON'
import sys
from ipfix import *

ways = [
    (1, [(32, 2, 0x0803)]),
    (1, [(176, 1, 8), (177, 1, 3)]),
    (1, [(7, 2, 0), (11, 2, 0x0803)]),
    (6, [(58, 2, 5)]),
    (6, [(243, 2, 5)]),
    (6, [(245, 2, 5)]),
    (6, [(1, 8, 77, REVERSE), (2, 8, 7, REVERSE)]),
]
for at, (protocol, way) in enumerate(ways):
    fields = [(8, 4), (12, 4), (4, 1), (1, 8), (2, 8)] + [(it[0], it[1], *it[3:]) for it in way]
    values = address(f"192.0.2.{at + 1}") + address("198.51.100.1") + number(protocol, 1) + number(1000, 8) + number(10, 8)
    values += b"".join(number(it[2], it[1]) for it in way)
    send(int(sys.argv[1]), message([a_set(2, template(256 + at, fields))], sequence=at), message([a_set(256 + at, values)], sequence=at))
PYTHON
until_true 20 grep -q "192.0.2.7" "$work/stored.json"

expect "ICMP as 32: ports" "0 0" "$(of 1 port_src port_dst)"
expect "ICMP as 176, 177: ports" "0 0" "$(of 2 port_src port_dst)"
expect "ICMP as 11: ports" "0 2051" "$(of 3 port_src port_dst)"
expect "VLAN as 58" 5 "$(of 4 vlan)"
expect "VLAN as 243" 5 "$(of 5 vlan)"
expect "VLAN as 245" 0 "$(of 6 vlan)"
expect "reverse counters: octets, packets, and by primitives" "1000 10 77 7" "$(of 7 bytes packets back_octets back_packets)"
expect "the primitives of a flow without" "0 0" "$(of 6 back_octets back_packets)"
