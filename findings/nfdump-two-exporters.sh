#!/usr/bin/env bash
# nfdump 1.7.1 (Debian 12): two exporters of one host share their templates, and valid padding is logged as an error.
#
# * Templates are kept by address and observation domain, and not by port, though RFC 7011 section 8 scopes them to the transport
#   session as well: of two exporters of one host with one domain the second template of a number replaces the first. Records of both
#   are stored, those of the first with octets and packets exchanged. The only sign is a sequence error. With two domains both are right.
# * A jump of the sequence number is counted at the end (`Sequence Errors`), and nothing else: there is no number of lost records.
# * Padding of a set (RFC 7011 section 3.3.1: shorter than any record of it) is silent up to 3 octets. From 4 octets on each set logs
#   `SequencerRun() ERROR`; its records are stored all the same.
# Two exporters on a host need two domains (or a host address each), and an exporter does without padding.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfdump.sh"

# send CASE: what is stored of it.
send() {
    stored "$1" <<'PYTHON'
import sys
from ipfix import *

port, case = int(sys.argv[1]), sys.argv[2]
ENDS = [(8, 4), (12, 4), (4, 1)]
TIMES = [(152, 8), (153, 8)]
WHEN = number(1_700_000_000_123, 8) + number(1_700_000_005_123, 8)
# The same template number: octets and packets, and the other way round.
one, other = ENDS + [(1, 8), (2, 8)] + TIMES, ENDS + [(2, 8), (1, 8)] + TIMES


def record(at, first, second):
    return address(f"192.0.2.{at}") + address("198.51.100.9") + number(6, 1) + number(first, 8) + number(second, 8) + WHEN


def told(fields, domain=1):
    return message([a_set(2, template(256, fields))], domain=domain)


def data(*records, sequence=0, domain=1):
    return message([a_set(256, b"".join(records))], sequence, domain)


def two(domains):
    sockets = []
    for _ in range(2):
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        out.bind(("127.0.0.1", 0))
        out.connect(("127.0.0.1", port))
        sockets.append(out)
    for out, fields, domain in zip(sockets, (one, other), domains):
        out.send(told(fields, domain=domain))
    sockets[0].send(data(record(1, 1000, 10), domain=domains[0]))
    sockets[1].send(data(record(2, 10, 1000), domain=domains[1]))


if case == "one-domain":
    two((1, 1))
elif case == "two-domains":
    two((1, 2))
elif case == "gap":
    send(port, told(one), data(record(1, 1000, 10)), data(record(2, 1000, 10), sequence=5))
elif case.startswith("padding"):
    pad = bytes(int(case.split("-")[1]))
    send(port, told(one), message([a_set(256, record(1, 1000, 10) + pad)]))
PYTHON
}
two() {
    send "$1" | pick src4_addr in_bytes in_packets | sort | paste -sd ,
}
logged() {
    grep -c "$1" "$work/nfcapd.log" || true
}

expect "one domain: octets and packets" "192.0.2.1 10 1000,192.0.2.2 1000 10" "$(two one-domain)"
expect "one domain: sequence errors" 1 "$(logged 'Sequence Errors: 1')"
expect "two domains: octets and packets" "192.0.2.1 1000 10,192.0.2.2 1000 10" "$(two two-domains)"
expect "two domains: sequence errors" 0 "$(logged 'Sequence Errors: 1')"
expect "a gap: octets and packets" "192.0.2.1 1000 10,192.0.2.2 1000 10" "$(two gap)"
expect "a gap: sequence errors" 1 "$(logged 'Sequence Errors: 1')"
for padding in 3 4 7; do
    expect "$padding octets of padding: octets and packets" "192.0.2.1 1000 10" "$(two padding-$padding)"
    expect "$padding octets of padding: errors logged" "$((padding > 3))" "$(logged 'SequencerRun() ERROR')"
done
