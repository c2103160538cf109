#!/usr/bin/env bash
# nfacctd of pmacct 1.7.7 (Debian 12) drops a message in which one set has several options templates.
#
# A set may hold any number of template records (RFC 7011 section 3.3.1). Of an options template set nfacctd reads one record: with two
# or three in it the log says "unable to read Options Template Flowset (malformed)", and the flows behind it in the message are
# not stored. One record in each of several sets is right, and so are several templates in a set that is no options set. Send
# each options template in a set of its own.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfacctd.sh"

listens "src_host"
python - "$port" <<'PYTHON'
import struct, sys
from ipfix import *


def options(count):
    """Options templates of observationDomainId with one element more."""
    return [struct.pack("!HHHHHHH", 300 + at, 2, 1, 149, 4, 40 + at, 8) for at in range(count)]


one, two, three = (options(count) for count in (1, 2, 3))
flow = [(8, 4), (12, 4), (4, 1), (1, 8), (2, 8), (152, 8), (153, 8)]
ways = [
    [a_set(3, one[0])],
    [a_set(3, b"".join(two))],
    [a_set(3, b"".join(three))],
    [a_set(3, it) for it in three],
    [a_set(2, template(270, flow) + template(271, flow))],
]
for at, sets in enumerate(ways):
    values = address(f"192.0.2.{at + 1}") + address("198.51.100.1") + number(17, 1) + number(1000, 8) + number(10, 8)
    values += number(1_700_000_000_123, 8) + number(1_700_000_005_123, 8)
    # Each is an exporter of its own, so that no template is known from the one before.
    sets += [a_set(2, template(256, flow)), a_set(256, values)]
    send(int(sys.argv[1]), message(sets, domain=at + 1))
PYTHON
until_true 20 grep -q "192.0.2.5" "$work/stored.json"

# stored NUMBER: how many flows of that message there are
stored() {
    grep -c "\"192.0.2.$1\"" "$work/stored.json" || true
}

expect "one options template in a set" 1 "$(stored 1)"
expect "two" 0 "$(stored 2)"
expect "three" 0 "$(stored 3)"
expect "three, each in a set of its own" 1 "$(stored 4)"
expect "two templates in a set" 1 "$(stored 5)"
expect "said of two, and of three" 2 "$(grep -c "unable to read Options Template Flowset" "$work/nfacctd.log")"
