#!/usr/bin/env bash
# Community ids of tshark 4.0.17 (Debian 12) beside those of communityid 1.5.0 (PyPI): a filter for a flow's id in Wireshark misses frames of it.
#
# Equal for TCP, UDP, SCTP, ICMP, ICMPv6, ESP, and of a VLAN. Otherwise tshark's id of a frame is
# * within GRE, IP in IP and VXLAN that of the inner flow; the flow of the tunnel itself has no frame.
# * of a fragment of UDP, also of the first one, which has the ports, that of its addresses alone; the last one, with which the
#   datagram is complete, has the id of the flow. With `ip.defragment:FALSE` the first one has it and the others have not.
# * of UDP-Lite (136) that of a UDP flow with the same ports.
# * of DCCP without ports; communityid hashes the ports of every protocol that it is given ports for.
# The specification has ports for TCP, UDP, SCTP and ICMP, and says nothing of tunnels and fragments.
. "$(dirname "$0")/lib/common.sh"

debian tshark=4.0.17-0+deb12u3
pypi communityid==1.5.0
cd "$work"
python >ids <<'PYTHON'
import base64, hashlib, struct
from communityid import CommunityID, FlowTuple
from capture import *

A, B = "10.0.0.1", "10.0.0.2"
ENDS = (A, B, 1111, 2222)
ports = struct.pack("!HH", 1111, 2222)
inner = ipv4("192.0.2.1", "192.0.2.2", 17, udp(5, 6, b"x" * 20))
plain = ethernet(ipv4(A, B, 17, udp(1111, 2222, b"x" * 20)))
whole = udp(1111, 2222, b"x" * 2992)
parts = [(whole[:1480], 0x2000), (whole[1480:2960], 0x2000 | 185), (whole[2960:], 370)]
echo = struct.pack("!BBHHH", 8, 0, checksum(struct.pack("!BBHHH", 8, 0, 0, 7, 1)), 7, 1)
# name: frames, and the tuple of the outermost flow
CASES = {
    "udp": ([plain], FlowTuple(17, *ENDS)),
    "tcp": ([ethernet(ipv4(A, B, 6, tcp((A, B), (1111, 2222), 1, 0, SYN)))], FlowTuple(6, *ENDS)),
    "sctp": ([ethernet(ipv4(A, B, 132, ports + struct.pack("!II", 1, 0) + bytes([0, 3, 0, 4])))], FlowTuple(132, *ENDS)),
    "icmp": ([ethernet(ipv4(A, B, 1, echo))], FlowTuple(1, A, B, 8, 0)),
    "esp": ([ethernet(ipv4(A, B, 50, struct.pack("!II", 1, 1) + bytes(40)))], FlowTuple(50, A, B)),
    "vlan": ([plain[:12] + struct.pack("!HH", 0x8100, 5) + plain[12:]], FlowTuple(17, *ENDS)),
    "gre": ([ethernet(ipv4(A, B, 47, struct.pack("!HH", 0, 0x0800) + inner))], FlowTuple(47, A, B)),
    "ip-in-ip": ([ethernet(ipv4(A, B, 4, inner))], FlowTuple(4, A, B)),
    "vxlan": (
        [ethernet(ipv4(A, B, 17, udp(50000, 4789, struct.pack("!II", 0x08000000, 5 << 8) + ethernet(inner))))],
        FlowTuple(17, A, B, 50000, 4789),
    ),
    "fragments": ([ethernet(ipv4(A, B, 17, part, 7, where)) for part, where in parts], FlowTuple(17, *ENDS)),
    "udp-lite": ([ethernet(ipv4(A, B, 136, ports + struct.pack("!HH", 8, 0)))], FlowTuple(136, *ENDS)),
    "dccp": ([ethernet(ipv4(A, B, 33, ports + struct.pack("!BBHBBH", 4, 0, 0, 0, 0, 0) + bytes(4)))], FlowTuple(33, *ENDS)),
}
ids = CommunityID()
for name, (frames, flow) in CASES.items():
    pcap(f"{name}.pcap", list(enumerate(frames)))
    print(name, ids.calc(flow))
print("inner", ids.calc(FlowTuple(17, "192.0.2.1", "192.0.2.2", 5, 6)))
print("dccp-addresses", ids.calc(FlowTuple(33, A, B)))
# communityid makes no id of UDP without ports.
hashed = bytes(2) + socket.inet_aton(A) + socket.inet_aton(B) + bytes([17, 0])
print("udp-addresses", "1:" + base64.b64encode(hashlib.sha1(hashed).digest()).decode())
PYTHON

# by_tshark NAME OPTION ..: each frame's id by its name in `ids`, or "other".
by_tshark() {
    local id
    tshark -r "$1.pcap" "${@:2}" --enable-protocol communityid -T fields -e communityid 2>/dev/null | while read -r id; do
        awk -v id="$id" '$2 == id && !name { name = $1 } END { print name ? name : "other" }' ids
    done | paste -sd ' '
}

for name in tcp sctp icmp esp; do
    expect "$name: the id of" "$name" "$(by_tshark $name)"
done
for name in udp vlan udp-lite; do
    expect "$name: the id of" udp "$(by_tshark $name)"
done
for name in gre ip-in-ip vxlan; do
    expect "$name: the id of" inner "$(by_tshark $name)"
done
expect "fragments: the ids of" "udp-addresses udp-addresses udp" "$(by_tshark fragments)"
expect "fragments, not put together: the ids of" "udp udp-addresses udp-addresses" "$(by_tshark fragments -o ip.defragment:FALSE)"
expect "dccp: the id of" dccp-addresses "$(by_tshark dccp)"
expect "udp and udp-lite by communityid" 2 "$(grep -e '^udp ' -e '^udp-lite ' ids | cut -d ' ' -f 2 | sort -u | wc -l)"
