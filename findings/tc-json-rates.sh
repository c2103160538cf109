#!/usr/bin/env bash
# tc of iproute2 6.1.0 (Debian 12), as root: a rate is in bits in the text and in octets in JSON, under one name, and the peak rate is in the text alone.
#
# A token bucket filter of 1 Mbit/s, with a peak of 2 Mbit/s and a latency of 50 ms, at an interface:
# * `tc qdisc show` has "rate 1Mbit", `tc -j qdisc show` has `"rate":125000`. Rates that one gives without a unit are bits, so a program that reads this one and sets it again makes
#   the link eight times slower, each time.
# * `peakrate` is in the text; JSON has none, though it has the `minburst` beside it.
# * The latency is 50000 (microseconds) in JSON, and "50ms" in the text.
# Whoever compares the rate of flows with what the link may send is off by a factor of eight.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3
at=finding-$$
namespace "$at"
ip -n "$at" link add v0 type veth peer name v1
tc -n "$at" qdisc add dev v0 root tbf rate 1mbit burst 10k peakrate 2mbit mtu 1500 latency 50ms

json() {
    tc -n "$at" -j qdisc show dev v0 | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["options"].get(sys.argv[1]))' "$1"
}

text() {
    tc -n "$at" qdisc show dev v0 | sed -n "s/.* $1 \([^ ]*\).*/\1/p"
}

expect "rate, text and JSON" "1Mbit 125000" "$(text rate) $(json rate)"
expect "peak rate" "2Mbit None" "$(text peakrate) $(json peakrate)"
expect "minburst" "1500b 1500" "$(text minburst) $(json minburst)"
expect "latency" "50ms 50000" "$(text lat) $(json lat)"
tc -n "$at" qdisc replace dev v0 root tbf rate "$(json rate)" burst 10k latency 50ms
expect "rate, after setting what JSON has" "125Kbit 15625" "$(text rate) $(json rate)"
