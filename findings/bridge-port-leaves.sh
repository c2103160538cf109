#!/usr/bin/env bash
# Linux (seen on 6.18), link events of rtnetlink, shown by iproute2 6.1.0 (Debian 12), as root: an interface that leaves a bridge is "deleted", and lives.
#
# * The group of link events (RTNLGRP_LINK) also has the bridge's messages about its ports, of the same types and with the port's own index. When
#   a port leaves, or its bridge is deleted, one is RTM_DELLINK. Only `ifi_family` tells it from the end of the interface: AF_BRIDGE (7) there, 0 here.
#   `ip monitor link` prints "Deleted" for both. A program that looks at the type alone takes a container's interface away from itself.
# * The new ones of that family have no statistics, no link information, no qdisc: whoever stores the newest message of an index forgets them.
# * An interface that moves into another namespace gives RTM_NEWLINK, then RTM_DELLINK, and at its end nothing else: the latter has the index and
#   namespace it gets.
# * `gso_max_size`, which bounds how many octets one packet at a hook stands for, changes without an event; so does the
#   queueing discipline, although both are in a link's message. The mtu, the alias, an altname, promiscuity give one.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3
one="finding-a-$$" other="finding-b-$$"
namespace "$one" "$other"
cd "$work"

nsenter --net="/run/netns/$one" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n "$one" link add port0 index 10 type veth peer name end0 index 11
ip -n "$one" link add bridge0 index 20 type bridge
ip -n "$one" link set port0 up
ip -n "$one" link set end0 up

cat >listen.py <<'PYTHON'
"""Prints type, family, index of each link event; each is there when `seen` asks, as the kernel sends them before it answers a request."""
import socket, struct

events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
events.bind((0, 1))
print("ready", flush=True)
while True:
    octets = events.recv(1 << 20)
    while octets:
        length, kind = struct.unpack_from("IH", octets)
        family, index = octets[16], struct.unpack_from("i", octets, 20)[0]
        attributes, at = set(), 32
        while at < length:
            size, number = struct.unpack_from("HH", octets, at)
            attributes.add(number & 0x3FFF)
            at += (size + 3) & ~3
        # IFLA_STATS64, IFLA_LINKINFO and IFLA_QDISC.
        whole = "+" if {23, 18, 6} <= attributes else ""
        print({16: "new", 17: "del"}[kind], family, str(index) + whole, sep=":", flush=True)
        octets = octets[(length + 3) & ~3 :]
PYTHON
nsenter --net="/run/netns/$one" python3 listen.py >events 2>&1 &
started+=("$!")
until_true 20 grep -q ready events

# after CMD ..: the events of it. A change of mtu of `lo` behind it gives an event that ends the wait.
mtu=60000
after() {
    local before
    before=$(wc -l <events)
    "$@"
    mtu=$((mtu + 1))
    ip -n "$one" link set lo mtu $mtu
    until_true 20 sh -c "tail -n +$((before + 1)) events | grep -q ':1+\?$'"
    seen=$(tail -n +$((before + 1)) events | grep -v ':1+\?$' || true)
}

told() {
    grep "$@" <<<"$seen" | sort | uniq | paste -sd ' '
}

after ip -n "$one" link set port0 master bridge0
expect "events of the port that joins, by family" "new:0:10+ new:7:10" "$(told ':10+*$')"
after ip -n "$one" link set port0 nomaster
expect "events of the port that leaves" "del:7:10 new:0:10+ new:7:10" "$(told ':10+*$')"
expect "the port lives" port0 "$(ip -n "$one" -o link show port0 | sed 's/10: \(port0\).*/\1/')"
after ip -n "$one" link set port0 master bridge0
after ip -n "$one" link del bridge0
expect "deleted with the bridge" "del:0:20+ del:7:10" "$(told ^del)"
expect "the port lives" port0 "$(ip -n "$one" -o link show port0 | sed 's/10: \(port0\).*/\1/')"

after ip -n "$one" link set port0 gso_max_size 30000
expect "events of another gso_max_size" "" "$(told . || true)"
after ip -n "$one" link set port0 mtu 1400
expect "events of another mtu" "new:0:10+" "$(told .)"
after ip -n "$one" link set port0 alias called
expect "events of an alias" "new:0:10+" "$(told .)"
after ip -n "$one" link property add dev port0 altname also
expect "events of an altname" "new:0:10+" "$(told .)"
