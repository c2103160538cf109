#!/usr/bin/env bash
# softflowd 1.1.0 (Debian 12): flows of a capture file (`-r`) have the times of the capture with `-A milli` alone.
#
# A flow from 2023-11-14 22:13:20 to 22:13:25, read by nfcapd of nfdump 1.7.1:
# * Without `-A` times count from the start of the system that softflowd never had, in 32 bits of ms, and the capture's are older
#   than it: NetFlow 9 gives a time off by a multiple of 2^32 ms (49.7 days) and the export's distance, always in a year that is not
#   the capture's. With IPFIX start and end are exchanged as well.
# * `-A sec`, `-A micro` and `-A nano` send elements that nfcapd stores as 1970.
# * NetFlow 5 has no other times, so `-A` changes nothing there.
# Whoever compares meters by softflowd's times runs it with `-v 9 -A milli` or `-v 10 -A milli`, and under `timeout`.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/meters.sh"

cd "$work"
python - <<'PYTHON'
from capture import *

frame = ethernet(ipv4("10.0.0.1", "10.0.0.2", 17, udp(1111, 2222, b"x" * 100)))
pcap("flow.pcap", [(0, frame), (5000, frame)])
PYTHON

# times VERSION OPTION ..: start and end in ms, as nfcapd stores them.
times() {
    softflowd_to_nfcapd flow -v "$@"
    nfdump -R flows -q -o "fmt:%ts,%te" 2>nfdump.log | python -c 'import sys
from datetime import datetime, timezone
for text in sys.stdin.readline().split(","):
    print(round(datetime.fromisoformat(text.strip()).replace(tzinfo=timezone.utc).timestamp() * 1000))'
}

# of VERSION OPTION ..: whether the times are right, and what the flow lasts in ms.
of() {
    times "$@" | python -c 'import sys
start, end = map(int, sys.stdin.read().split())
where = {1_700_000_000_000: "right", 0: "1970"}.get(start, "elsewhere")
print(where, end - start)'
}

for version in 9 10; do
    expect "version $version, -A milli" "right 5000" "$(of $version -A milli)"
    for unit in sec micro nano; do
        expect "version $version, -A $unit" "1970 0" "$(of $version -A $unit)"
    done
done
expect "version 9" "elsewhere 5000" "$(of 9)"
expect "version 10" "elsewhere -5000" "$(of 10)"
expect "version 5" "elsewhere 5000" "$(of 5)"
expect "version 5, -A milli" "elsewhere 5000" "$(of 5 -A milli)"
