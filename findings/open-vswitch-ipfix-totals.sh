#!/usr/bin/env bash
# Open vSwitch 3.1.0 (Debian 12) as exporter of IPFIX, a bridge in user space, and nfdump 1.7.1: octetTotalCount is the whole bridge's, and nfdump stores it as each flow's.
#
# Each record has octetDeltaCount and packetDeltaCount (1, 2), which are the flow's, and octetTotalCount and packetTotalCount (85, 86), by RFC 5102 the flow's since the metering began. Here
# * the totals count all packets that the exporter sampled, of all flows, and they rise from record to record: three flows of 10 packets each have 10, 20 and 30.
# * So do the totals of flags (tcpSynTotalCount and its kin): a client's way with one SYN has 2, that of the server's answer too. There is no tcpControlBits.
# * octetDeltaCount has the padding of short frames: a datagram of 32 octets in a frame of 60 counts 46. layer2OctetDeltaCount is that of the frame.
# * nfcapd takes of 1 and 85 the later one in the template, which is 85: it stores 10, 20 and 30 packets, and a sum over the flows grows with the square of their number. In
#   its other elements, times are flowStartDeltaMicroseconds and its kin, which it stores as 1970.
# A collector of Open vSwitch's records reads the delta counts, and nothing else.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfdump.sh"
. "$here/lib/open-vswitch.sh"

cd "$work"
python - >frames <<'PYTHON'
from capture import *

for port, payload in ((1001, 100), (1002, 100), (1003, 4)):
    for _ in range(10):
        print(ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(port, 80, bytes(payload)))).ljust(60, b"\0").hex())
talk = Talk(ports=(1004, 80))
talk.handshake()
for _, frame in talk.frames:
    print(frame.ljust(60, b"\0").hex())
PYTHON
cat >receive.py <<'PYTHON'
import sys
from ipfix import listening, records

receiver = listening(int(sys.argv[1]), 25)
messages = []
try:
    while True:
        messages.append(receiver.recv(65535))
        if sum(1 for it in records(messages) if 7 in it) >= 5:
            break
except TimeoutError:
    pass
for it in records(messages):
    if 7 in it:
        numbers = [int.from_bytes(it[element]) for element in (7, 2, 1, 352, 86, 85)] + [int.from_bytes(it[218]) if 218 in it else "-", "flags" if 6 in it else "-"]
        print(*numbers, sep=":")
PYTHON
direct=$(free_port)
python receive.py "$direct" >seen &
receiver=$!
until_true 10 test -e listening

nfcapd_listens stored
vsctl -- set bridge "$bridge" ipfix=@it -- --id=@it create IPFIX "targets=[\"127.0.0.1:$direct\",\"127.0.0.1:$collector_port\"]" \
    sampling=1 obs_domain_id=1 obs_point_id=1 cache_active_timeout=3 cache_max_flows=100 other_config:enable-output-sampling=true
gives p1 <frames
wait "$receiver"
nfcapd_ends

# of PORT: what the record of that source port has.
of() {
    sort seen | grep "^$1:" | cut -d: -f2- | paste -sd ' '
}
fields="packets, octets, octets of frames; packetTotalCount, octetTotalCount, tcpSynTotalCount, tcpControlBits"
expect "ten datagrams of 128 octets: $fields" "10:1280:1420:10:1280:-:-" "$(of 1001)"
expect "ten more, of another flow" "10:1280:1420:20:2560:-:-" "$(of 1002)"
expect "ten of 32 octets in frames of 60" "10:460:600:30:3020:-:-" "$(of 1003)"
expect "the client's two segments (SYN, ACK) of three, of 40 octets in frames of 60" "2:92:120:33:3158:2:-" "$(of 1004)"
nfdump -R stored -q -o "fmt:%sp:%pkt:%byt:%ts" 2>nfdump.log | sed 's/ *: */:/g; s/^ *//' | cut -d- -f1 | grep -v ^80: | sort >stored.txt
expect "nfdump: packets, octets, year" "1001:10:1280:1970 1002:20:2560:1970 1003:30:3020:1970 1004:33:3158:1970" "$(paste -sd ' ' stored.txt)"
