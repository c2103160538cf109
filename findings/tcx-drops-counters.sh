#!/usr/bin/env bash
# Linux (seen on 6.18), packets that a TCX program drops, as root: no counter of the interface has them, and those that a socket sent look like a full send buffer.
#
# A program at the hook answers TC_ACT_SHOT to 20 datagrams of UDP.
# * At egress: `ip -s link` (iproute2 6.1.0, Debian 12) has neither packets nor drops. They are OutDiscards of Ip, which the same table counts as
#   OutTransmits too, and SndbufErrors of Udp, a counter that people answer by raising `wmem`. sendto() succeeds; only with IP_RECVERR
#   set, as `ping` sets it, it fails with ENOBUFS, "No buffer space available". OutDatagrams of Udp lacks them.
# * At ingress: the interface has received all 20, InReceives of Ip none, and no counter of drops moves, neither the interface's nor the protocols'.
# So a difference between an interface's and a protocol's packets is all that shows such drops, and "no buffer space" need not be about buffers.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3
one="finding-a-$$" other="finding-b-$$"
namespace "$one" "$other"
ip -n "$one" link add veth0 type veth peer name veth0 netns "$other"
i=0
for host in "$one" "$other"; do
    i=$((i + 1))
    nsenter --net="/run/netns/$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip -n "$host" link set veth0 up
    ip -n "$host" address add "192.0.2.$i/24" dev veth0
done
# No packet of ARP meets the program.
ip -n "$one" neighbour replace 192.0.2.2 dev veth0 \
    lladdr "$(ip -n "$other" -json link show veth0 | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["address"])')"

python - "$one" "$other" >"$work/seen" <<'PYTHON'
import ctypes, json, os, socket, subprocess, sys
import tcx

TC_ACT_SHOT, IP_RECVERR = 2, 11
library = ctypes.CDLL(None, use_errno=True)
one, other = sys.argv[1:]


def enter(name):
    place = os.open(f"/run/netns/{name}", os.O_RDONLY)
    if library.setns(place, 0):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(place)


def counters(name):
    """Those of the protocols and of veth0 in that namespace."""
    enter(name)
    found = {}
    for path in ("/proc/thread-self/net/snmp", "/proc/thread-self/net/netstat"):
        lines = [line.split() for line in open(path)]
        for names, values in zip(lines[::2], lines[1::2]):
            for field, value in zip(names[1:], values[1:]):
                found[names[0] + field] = int(value)
    link = json.loads(subprocess.run(["ip", "-s", "-s", "-json", "link", "show", "veth0"], check=True, capture_output=True).stdout)[0]
    for way, values in link["stats64"].items():
        for field, value in values.items():
            found[f"{way}:{field}"] = value
    return found


def send(report_errors):
    enter(one)
    results = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it:
        it.setsockopt(socket.IPPROTO_IP, IP_RECVERR, report_errors)
        for _ in range(10):
            try:
                results.add(str(it.sendto(b"x" * 100, ("192.0.2.2", 9))))
            except OSError as error:
                results.add(error.strerror)
    return ", ".join(sorted(results))


for hook, where, number in (("egress", one, tcx.TCX_EGRESS), ("ingress", other, tcx.TCX_INGRESS)):
    enter(where)
    link = tcx.attach(tcx.load(TC_ACT_SHOT), socket.if_nametoindex("veth0"), number)
    before = {name: counters(name) for name in (one, other)}
    print(hook, "sendto:", send(0))
    print(hook, "sendto with IP_RECVERR:", send(1))
    for end, name in (("sender", one), ("receiver", other)):
        after = counters(name)
        moved = {field: after[field] - value for field, value in before[name].items() if after[field] != value and "ctets" not in field and "bytes" not in field}
        print(hook, f"{end}:", *(f"{field}={value}" for field, value in sorted(moved.items())))
    os.close(link)
PYTHON

of() {
    sed -n "s/^$1: *//p" "$work/seen"
}

expect "egress, sendto" 100 "$(of "egress sendto")"
expect "egress, sendto with IP_RECVERR" "No buffer space available" "$(of "egress sendto with IP_RECVERR")"
expect "egress, counters of the sender" "Ip:OutDiscards=20 Ip:OutRequests=20 Ip:OutTransmits=20 Udp:SndbufErrors=20" "$(of "egress sender")"
expect "egress, counters of the receiver" "" "$(of "egress receiver")"
expect "ingress, sendto" 100 "$(of "ingress sendto")"
expect "ingress, sendto with IP_RECVERR" 100 "$(of "ingress sendto with IP_RECVERR")"
expect "ingress, counters of the sender" "Ip:OutRequests=20 Ip:OutTransmits=20 Udp:OutDatagrams=20 tx:packets=20" "$(of "ingress sender")"
expect "ingress, counters of the receiver" "rx:packets=20" "$(of "ingress receiver")"
