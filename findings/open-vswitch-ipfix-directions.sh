#!/usr/bin/env bash
# Open vSwitch 3.1.0 (Debian 12), its IPFIX settings `enable-input-sampling` and `enable-output-sampling`: `true` disables, `false` enables.
#
# A bridge exports each packet where it enters (flowDirection 0) and at each port where it leaves (1), so a packet that is forwarded is counted twice or more. ovs-vswitchd.conf.db(5)
# says to set one of these keys to false to have one direction. The values mean the opposite: of ten datagrams that enter at one port and leave by two
# * without the keys, and with either of them set to false as the manual says, there are 30 packets, 10 of direction 0 and 20 of direction 1;
# * with enable-output-sampling=true there are the 10 of direction 0, and with enable-input-sampling=true the 20 of direction 1.
# `ovs-vsctl` takes all of them and there is no warning. A user who follows the manual goes on counting twice; one who sets "true" to be sure loses the direction.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/open-vswitch.sh"

cd "$work"
python - >frames <<'PYTHON'
from capture import *

for _ in range(10):
    print(ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(1001, 80, bytes(100)))).hex())
PYTHON
cat >receive.py <<'PYTHON'
import collections, sys, time
from ipfix import listening, records

receiver = listening(int(sys.argv[1]), 0.2)
messages, end = [], time.monotonic() + 7
while time.monotonic() < end:
    try:
        messages.append(receiver.recv(65535))
    except TimeoutError:
        pass
packets = collections.Counter()
for it in records(messages):
    if 7 in it:
        packets[it[61][0]] += int.from_bytes(it[2])
print(*(f"{direction}:{packets[direction]}" for direction in sorted(packets)))
PYTHON

# exported [KEY=VALUE]: packets by direction.
exported() {
    local port
    port=$(free_port)
    rm -f listening
    python receive.py "$port" >seen &
    local receiver=$!
    until_true 10 test -e listening
    vsctl -- set bridge "$bridge" ipfix=@it -- --id=@it create IPFIX "targets=\"127.0.0.1:$port\"" sampling=1 cache_active_timeout=2 cache_max_flows=100 "$@"
    gives p1 <frames
    wait "$receiver"
    vsctl clear bridge "$bridge" ipfix
    cat seen
}

both="0:10 1:20"
expect "packets by direction" "$both" "$(exported)"
expect "enable-output-sampling=false" "$both" "$(exported other_config:enable-output-sampling=false)"
expect "enable-input-sampling=false" "$both" "$(exported other_config:enable-input-sampling=false)"
expect "enable-output-sampling=true" "0:10" "$(exported other_config:enable-output-sampling=true)"
expect "enable-input-sampling=true" "1:20" "$(exported other_config:enable-input-sampling=true)"
manual=$work/root/usr/share/man/man5/ovs-vswitchd.conf.db.5.gz
expect "the manual's sentences on it" "2" "$(zcat "$manual" | grep -c 'Set this column to .*false.* to disable \(in\|out\)put sampling')"
