#!/usr/bin/env bash
# Open vSwitch 3.1.0 (Debian 12) as exporter of NetFlow 5, a bridge in user space: octets are those of frames, and its sequence numbers look like losses to nfcapd.
#
# * dOctets, by Cisco's definition those of IP, has the Ethernet header, a VLAN tag and padding: ten datagrams of 128 octets are 1,420, with a VLAN tag 1,460, and ten of 32 octets
#   are 600. The same bridge's IPFIX has octets of IP in octetDeltaCount.
# * flow_sequence is the number of the *last* flow of the datagram, counted from 0. nfcapd of nfdump 1.7.1 takes it for that of the first one, and so counts a sequence error at
#   nearly each datagram that has another count of flows than the one before, though nothing was lost. So its count of errors says nothing of losses.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfdump.sh"
. "$here/lib/open-vswitch.sh"

cd "$work"
python - >frames <<'PYTHON'
from capture import *

for port, payload, vlan in ((1001, 100, None), (1002, 100, 7), (1003, 4, None)):
    for _ in range(10):
        print(ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(port, 80, bytes(payload))), vlan=vlan).ljust(60, b"\0").hex())
PYTHON
python - >more <<'PYTHON'
from capture import *

for port in range(2001, 2006):
    print(ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(port, 80, bytes(100)))).hex())
PYTHON
cat >receive.py <<'PYTHON'
import collections, struct, sys
from ipfix import listening

receiver = listening(int(sys.argv[1]), 25)
flows, wrong, before, awaited, errors = collections.defaultdict(lambda: [0, 0]), 0, 0, 0, 0
while before < 8:
    it = receiver.recv(65535)
    count, sequence = struct.unpack_from("!H12xI", it, 2)
    wrong += sequence != before + count - 1
    errors += sequence != awaited
    before, awaited = before + count, sequence + count
    for at in range(24, len(it), 48):
        packets, octets, port = struct.unpack_from("!II8xH", it, at + 16)
        flows[port][0] += packets
        flows[port][1] += octets
print(*(f"{port}:{packets}:{octets}" for port, (packets, octets) in sorted(flows.items()) if port < 2000))
print(wrong)
print(errors)
PYTHON
direct=$(free_port)
python receive.py "$direct" >seen &
receiver=$!
until_true 10 test -e listening
nfcapd_listens stored
vsctl -- set bridge "$bridge" netflow=@it -- --id=@it create NetFlow "targets=[\"127.0.0.1:$direct\",\"127.0.0.1:$collector_port\"]" active_timeout=3
gives p1 <frames
sleep 6
gives p1 <more
wait "$receiver"
nfcapd_ends
expect "ten datagrams each of 128 octets, of 128 behind a VLAN tag, and of 32 in frames of 60: packets and octets" \
    "1001:10:1420 1002:10:1460 1003:10:600" "$(sed -n 1p seen)"
expect "datagrams whose flow_sequence is not that of their last flow" 0 "$(sed -n 2p seen)"
expect "some have another one than nfcapd waits for" yes "$([ "$(sed -n 3p seen)" -gt 0 ] && echo yes)"
expect "nfcapd's sequence errors are as many" "$(sed -n 3p seen)" "$(sed -n 's/.*Sequence Errors: \([0-9]*\).*/\1/p' nfcapd.log | tail -n 1)"
