#!/usr/bin/env bash
# Debian 12's iproute2 6.1.0 and bpftool 7.1.0 on a newer kernel (seen on 6.18), as root: no tool tells that a TCX program is at an interface.
#
# TCX came with Linux 6.6, and Debian 12 has 6.12 and newer kernels in its backports beside tools of 6.1. While a program is attached
# to the ingress hook of v0, `tc filter`, `tc qdisc`, `ip -d link` and `bpftool net` show nothing at v0. `bpftool prog` has the program and
# `bpftool link` has a link "type 11", neither with an interface. Whoever looks for what takes packets away finds nothing, and whoever looks whether
# a capture is attached finds nothing either.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3 bpftool=7.1.0+6.1.192-3
host="finding-$$"
namespace "$host"
ip -n "$host" link add v0 type veth peer name v1
ip -n "$host" link set v0 up

# there CMD ..: in the namespace, with this mount table.
there() {
    nsenter --net="/run/netns/$host" "$@"
}

{
    there tc filter show dev v0 ingress
    there tc qdisc show dev v0
    there ip -d link show v0 | sed 's/state [A-Z]*//; s/,LOWER_UP//; s/NO-CARRIER,//'
    there bpftool net
} >"$work/before"
PYTHONPATH="$here/lib" nsenter --net="/run/netns/$host" python3 -c '
import socket, time, tcx
link = tcx.attach(tcx.load(-1), socket.if_nametoindex("v0"))
print("attached", flush=True)
time.sleep(30)' >"$work/attached" &
started+=("$!")
until_true 10 grep -q attached "$work/attached"
{
    there tc filter show dev v0 ingress
    there tc qdisc show dev v0
    there ip -d link show v0 | sed 's/state [A-Z]*//; s/,LOWER_UP//; s/NO-CARRIER,//'
    there bpftool net
} >"$work/after"
expect "tc, ip and bpftool net show the same with the program and without" "" "$(diff "$work/before" "$work/after")"
expect "the program in bpftool prog" "name finding" "$(bpftool prog show name finding | grep -o 'name finding')"
number=$(bpftool prog show name finding | sed -n 's/^\([0-9]*\): .*/\1/p')
expect "its link in bpftool link" "type 11 prog $number" "$(bpftool link show | sed -n "s/^[0-9]*: \(type 11\)  \(prog $number\) *$/\1 \2/p")"
