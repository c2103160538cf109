#!/usr/bin/env bash
# nfacctd of pmacct 1.7.7 (Debian 12): an IPFIX element of IANA with variable length is read as empty.
#
# * interfaceName (82) and applicationName (96) of variable length, the form that RFC 7011 section 7 has for texts, arrive empty in
#   a primitive that is declared for it (`len=vlen`) and in one of fixed length. What stands behind them in the record is right, and
#   nothing is logged.
# * The same elements in 16 octets, filled up with zeros, arrive in a primitive of `len=16`.
# * An enterprise's element arrives in both forms.
# An exporter that wants its names read writes them in a fixed length.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfacctd.sh"

cat >"$work/primitives" <<'PRIMITIVES'
name=interface16 field_type=82 len=16 semantics=str
name=interface field_type=82 len=vlen semantics=str
name=application16 field_type=96 len=16 semantics=str
name=application field_type=96 len=vlen semantics=str
name=own16 field_type=9999:7 len=16 semantics=str
name=own field_type=9999:8 len=vlen semantics=str
PRIMITIVES
aggregate="src_host, interface16, interface, application16, application, own16, own"
listens "$aggregate
aggregate_primitives: $work/primitives"
python - "$port" <<'PYTHON'
import sys
from ipfix import *

variable = 65535
for at, (element, length, *enterprise) in enumerate(
    [(82, variable), (82, 16), (96, variable), (96, 16), (8, variable, 9999), (7, 16, 9999)]
):
    fields = [(8, 4), (12, 4), (4, 1), (element, length, *enterprise), (1, 8), (2, 8)]
    text = bytes([4]) + b"eth0" if length == variable else b"eth0".ljust(16, b"\0")
    values = address(f"192.0.2.{at + 1}") + address("198.51.100.1") + number(6, 1) + text + number(1000, 8) + number(10, 8)
    send(int(sys.argv[1]), message([a_set(2, template(256 + at, fields))], at), message([a_set(256 + at, values)], at))
PYTHON
until_true 20 grep -q "192.0.2.6" "$work/stored.json"

expect "82, variable: fixed, variable, bytes behind it" "- - 1000" "$(of 1 interface16 interface bytes)"
expect "82, 16 octets" "eth0 1000" "$(of 2 interface16 bytes)"
expect "96, variable: fixed, variable, bytes behind it" "- - 1000" "$(of 3 application16 application bytes)"
expect "96, 16 octets" "eth0 1000" "$(of 4 application16 bytes)"
expect "an enterprise's, variable" "eth0 1000" "$(of 5 own bytes)"
expect "an enterprise's, 16 octets" "eth0 1000" "$(of 6 own16 bytes)"
