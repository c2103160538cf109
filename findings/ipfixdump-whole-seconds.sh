#!/usr/bin/env bash
# ipfixDump of libfixbuf 2.4.1 (Debian 12) shows IPFIX microseconds and nanoseconds as whole seconds.
#
# flowStartMicroseconds (154) and flowStartNanoseconds (156) are NTP time stamps: seconds since 1900 and a fraction of 2^-32 s. The fraction
# 0x80000000 is half a second. ipfixDump prints six and nine decimals, all of them 0; flowStartMilliseconds (152) is right.
# tshark 4.0.17 has the fraction, one nanosecond short: half a second is .499999999. So neither can show whether an exporter's nanoseconds
# are right, and ipfixDump not even its microseconds.
. "$(dirname "$0")/lib/common.sh"

debian libfixbuf-tools=2.4.1+ds-2 tshark=4.0.17-0+deb12u3
cd "$work"
python - <<'PYTHON'
from capture import ethernet, ipv4, pcap, udp
from ipfix import *

half = (2_208_988_800 + 1_700_000_000) << 32 | 1 << 31
shape = message([a_set(2, template(256, [(8, 4), (152, 8), (154, 8), (156, 8)]))])
flow = message([a_set(256, address("192.0.2.1") + number(1_700_000_000_500, 8) + number(half, 8) + number(half, 8))])
open("flow.ipfix", "wb").write(shape + flow)
pcap("flow.pcap", [(at, ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(40000, 4739, it)))) for at, it in enumerate((shape, flow))])
PYTHON

dumped() {
    ipfixDump --in flow.ipfix 2>/dev/null | sed -n "s/^.*($1) .* : //p"
}

expect "152" "2023-11-14 22:13:20.500" "$(dumped 152)"
expect "154" "2023-11-14 22:13:20.000000" "$(dumped 154)"
expect "156" "2023-11-14 22:13:20.000000000" "$(dumped 156)"
expect "154 and 156, tshark" "22:13:20.499999999 22:13:20.499999999" \
    "$(tshark -r flow.pcap -V 2>/dev/null | sed -n 's/^ *StartTime: .* \(22:[0-9:.]*\) UTC$/\1/p' | tail -n 2 | paste -sd ' ')"
