#!/usr/bin/env bash
# netflow 0.12.2 (PyPI), IPFIX records with elements of an enterprise: whether `octetDeltaCount` is the way there or the way back depends on the numbers.
#
# It leaves out the enterprise number, so reverse counters (RFC 5103, enterprise 29305) and forward ones have one name, and it keeps the fields of a
# record in a Python set: of two values the one that the set gives out last wins, which their hashes decide. Of 100 records
# with 1,000 to 1,099 octets there and 2,000 to 2,099 back it shows 77 by the way there and 23 by the way back, in every run.
# An element of any other enterprise and that of IANA with the same number meet in the same way.
# netflume 0.6.0 has every value under a name of its own; yet layer2SegmentId (351) is its `srh_flags`, a string of an element that it
# does not know is a number up to 8 octets and hexadecimal digits above, and nanoseconds (156) are floats, 238 ns apart.
. "$(dirname "$0")/lib/common.sh"

pypi netflow==0.12.2 netflume==0.6.0
cd "$work"
python >seen <<'PYTHON'
import collections
import netflow, netflume
from ipfix import *

NTP = 2_208_988_800 + 1_700_000_000


def by_netflow(fields, *records):
    known = {"netflow": {}, "ipfix": {}}
    netflow.parse_packet(message([a_set(2, template(256, fields))]), known)
    return [flow.data for flow in netflow.parse_packet(message([a_set(256, b"".join(records))]), known).flows]


def by_netflume(fields, *records):
    decoder = netflume.Decoder()
    decoder.decode(message([a_set(2, template(256, fields))]), ("192.0.2.9", 1))
    return list(decoder.decode(message([a_set(256, b"".join(records))]), ("192.0.2.9", 1)).flows)


counters = [(1, 8), (1, 8, REVERSE)]
flows = [number(1000 + at, 8) + number(2000 + at, 8) for at in range(100)]
ways = collections.Counter("back" if flow["octetDeltaCount"] >= 2000 else "there" for flow in by_netflow(counters, *flows))
print("netflow:", *(f"{ways[way]} {way}" for way in ("there", "back")))
print("private:", by_netflow([(1, 8), (1, 8, 32473)], number(1000, 8) + number(5, 8))[0])
print("netflume:", sum(flow["octets"] == 1000 + at and flow["e29305.1"] == 2000 + at for at, flow in enumerate(by_netflume(counters, *flows))))
print("351:", *by_netflume([(351, 8)], number(5, 8)))
for text in (b"webmail", b"www-frontend"):
    print(f"{text.decode()}:", *by_netflume([(371, 65535)], bytes([len(text)]) + text))
start, later = (NTP << 32 | nanoseconds * 2**32 // 10**9 for nanoseconds in (500, 600))
flow = by_netflume([(156, 8), (157, 8)], number(start, 8) + number(later, 8))[0]
print("ns:", *flow.values())
PYTHON

of() {
    sed -n "s/^$1: //p" seen
}

expect "netflow: octets of 100 biflows" "77 there 23 back" "$(of netflow)"
expect "netflow: 1000 octets, and element 1 of enterprise 32473 with 5" "{'octetDeltaCount': 5}" "$(of private)"
expect "netflume: biflows with both counters right" 100 "$(of netflume)"
expect "netflume: layer2SegmentId 5" "{'srh_flags': 5}" "$(of 351)"
expect "netflume: userName webmail" "{'ie371': 33606995644868972}" "$(of webmail)"
expect "netflume: userName www-frontend" "{'ie371': '7777772d66726f6e74656e64'}" "$(of www-frontend)"
expect "netflume: flowStartNanoseconds 500 and 600 behind a second" "1700000000.0000005 1700000000.0000007" "$(of ns)"
