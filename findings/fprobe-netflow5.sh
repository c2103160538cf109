#!/usr/bin/env bash
# fprobe 1.1 (Debian 12), a NetFlow 5 exporter, as root: its uptime stands still, and ICMP types are source ports.
#
# * SysUptime of its datagrams is not the time since anything: each has about 1,048,576 s (2^20), the later one too, as if the device started anew before each.
#   With the datagram's own clock the flows' times are right. `first` of two datagrams cannot be compared: of flows 10 s apart it is the same within a second.
# * Flows of ICMP have the type as source port and the code as destination port. Cisco's way has both in the destination port, type * 256 + code:
#   read so, an echo request (8, 0) is an echo reply (0, 0), and "host unreachable" (3, 1) is (0, 1).
# * The type of service is no part of a flow's key, as it is in NetFlow 5: packets of one flow with DSCP 46 and 0 are one record, with that of the first.
# * SCTP has no ports, so all its associations between two hosts are one flow.
. "$(dirname "$0")/lib/common.sh"

debian fprobe=1.1-8 iproute2=6.1.0-3
cd "$work"
host="fprobe$$"
namespace "$host"
ip -n "$host" link set lo up
ip -n "$host" link add f0 type veth peer name f1
ip -n "$host" link set f0 up
ip -n "$host" link set f1 up
cat >receive.py <<'PYTHON'
import socket, struct

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 9995))
receiver.settimeout(60)
open("listening", "w").close()
flows = 0
while flows < 6:
    it = receiver.recv(65535)
    count, uptime, seconds, nanoseconds = struct.unpack_from("!HIII", it, 2)
    for at in range(24, 24 + 48 * count, 48):
        first, source, target = struct.unpack_from("!I4xHH", it, at + 24)
        protocol, service = struct.unpack_from("!BB", it, at + 38)
        packets, = struct.unpack_from("!I", it, at + 16)
        started = seconds + nanoseconds / 1e9 - (uptime - first) / 1000
        print(protocol, source, target, packets, service, first, f"{started:.3f}", uptime, flush=True)
    flows += count
PYTHON
cat >send.py <<'PYTHON'
import socket, struct, sys, time
from capture import ethernet, ipv4, udp

out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(("f0", 0))
give = lambda protocol, payload, service=0: out.send(ethernet(with_service(ipv4("192.0.2.1", "192.0.2.2", protocol, payload), service)))

def with_service(packet, service):
    head = bytearray(packet[:20])
    head[1], head[10:12] = service, b"\0\0"
    total = sum(struct.unpack("!10H", head))
    head[10:12] = struct.pack("!H", 0xFFFF - (total % 0xFFFF or 0xFFFF))
    return bytes(head) + packet[20:]

print(f"{time.time():.3f}")
give(17, udp(int(sys.argv[1]), 80, bytes(100)))
if len(sys.argv) > 2:
    give(1, struct.pack("!BBHHH", 8, 0, 0, 7, 1) + bytes(56))
    give(1, struct.pack("!BBHI", 3, 1, 0, 0) + bytes(28))
    give(17, udp(1003, 80, bytes(100)), 46 << 2)
    give(17, udp(1003, 80, bytes(100)), 0)
    give(132, struct.pack("!HHII", 5000, 5001, 0, 0) + bytes(20))
    give(132, struct.pack("!HHII", 5002, 5003, 0, 0) + bytes(20))
PYTHON
export PYTHONPATH="$here/lib"
inside() {
    ip netns exec "$host" "$@"
}

ip netns exec "$host" python3 receive.py >seen &
receiver=$!
started+=("$receiver")
until_true 30 test -e listening
inside fprobe -i f0 -f ip -s 1 -d 2 -e 3 -l 1 127.0.0.1:9995
started+=("$(inside pgrep -n -x fprobe)")
sleep 1
inside python3 send.py 1001 all >sent
sleep 10
inside python3 send.py 1002 >>sent
wait "$receiver"

# flow PROTOCOL SOURCE COLUMN: of the flow with this protocol and source port.
flow() {
    awk -v protocol="$1" -v source="$2" -v column="$3" '$1 == protocol && $2 == source { print $column }' seen
}
# near WORDS: yes where the number is less than the limit.
near() {
    awk -v a="$1" -v b="$2" -v limit="$3" 'BEGIN { d = a - b; print (d < limit && -d < limit) ? "yes" : a " " b }'
}

expect "the two datagrams' uptimes are 2^20 s, within 10 s" "yes yes" "$(near "$(flow 17 1001 8)" 1048576000 10000) $(near "$(flow 17 1002 8)" 1048576000 10000)"
expect "first of two flows 10 s apart is the same, within 1 s" yes "$(near "$(flow 17 1001 6)" "$(flow 17 1002 6)" 1000)"
expect "their times are right by the datagram's clock, within 0.1 s" "yes yes" "$(near "$(flow 17 1001 7)" "$(sed -n 1p sent)" 0.1) $(near "$(flow 17 1002 7)" "$(sed -n 2p sent)" 0.1)"
expect "echo request: source and destination port" "8 0" "$(flow 1 8 2) $(flow 1 8 3)"
expect "host unreachable" "3 1" "$(flow 1 3 2) $(flow 1 3 3)"
expect "DSCP 46 and 0: packets and type of service" "2 184" "$(flow 17 1003 4) $(flow 17 1003 5)"
expect "two associations of SCTP: ports and packets" "0 0 2" "$(flow 132 0 2) $(flow 132 0 3) $(flow 132 0 4)"
