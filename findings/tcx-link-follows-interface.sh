#!/usr/bin/env bash
# Linux (seen on 6.18), TCX, as root: a link goes with its interface into another network namespace, and its information does not say where it is.
#
# `bpf_link_info.tcx.ifindex` is the interface's index where the interface is now. After a move it is an index of the other namespace, often
# of an unrelated interface in one's own, and nothing in the information names the namespace. The program goes on running there:
# here it drops what the moved interface receives. When the interface is deleted the index becomes 0, and the link stays. So a program
# that finds a pinned link cannot tell by its index which interface it is at.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3
one="finding-a-$$" other="finding-b-$$"
namespace "$one" "$other"
# So that the index is taken in the other namespace.
ip -n "$other" link add x0 type veth peer name x1
ip -n "$other" link add x2 type veth peer name x3
ip -n "$one" link add v0 type veth peer name v1
ip -n "$one" link set v0 up
ip -n "$one" link set v1 up
PYTHONPATH="$here/lib" nsenter --net="/run/netns/$one" python3 - "$one" "$other" >"$work/seen" <<'PYTHON'
import os, socket, subprocess, sys
import tcx

TC_ACT_SHOT = 2
one, other = sys.argv[1:]


def ip(namespace, *words):
    return subprocess.run(["ip", "-n", namespace, *words], check=True, capture_output=True, text=True).stdout


def answered():
    return subprocess.run(["ping", "-c", "1", "-W", "1", "192.0.2.1"], capture_output=True).returncode == 0


before = socket.if_nametoindex("v0")
link = tcx.attach(tcx.load(TC_ACT_SHOT), before)
print("here", tcx.interface_of(link) == before)
ip(one, "link", "set", "v0", "netns", other)
ip(one, "link", "add", "w0", "index", str(before), "type", "veth", "peer", "name", "w1")
there = int(ip(other, "-o", "link", "show", "v0").split(":")[0])
print("moved", there != before, tcx.interface_of(link) == there)
ip(other, "address", "add", "192.0.2.1/24", "dev", "v0")
ip(other, "link", "set", "v0", "up")
ip(one, "address", "add", "192.0.2.2/24", "dev", "v1")
with_program = answered()
os.close(link)
print("answered", with_program, answered())
link = tcx.attach(tcx.load(TC_ACT_SHOT), before)
ip(one, "link", "del", "w0")
print("deleted", tcx.interface_of(link))
PYTHON
expect "the link's index is the interface's" "True" "$(sed -n 's/^here //p' "$work/seen")"
expect "after the move it is another one, that of the other namespace" "True True" "$(sed -n 's/^moved //p' "$work/seen")"
expect "a ping to the moved interface is answered, while the link is open and after" "False True" "$(sed -n 's/^answered //p' "$work/seen")"
expect "of a link whose interface was deleted" "0" "$(sed -n 's/^deleted //p' "$work/seen")"
