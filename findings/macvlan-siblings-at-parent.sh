#!/usr/bin/env bash
# Linux (seen on 6.18), two macvlan interfaces (mode bridge, the usual one) over one parent, as root: what they say to each other passes the parent, inwards, uncounted.
#
# Ten pings from one to the other: 20 packets.
# * Both directions, requests and replies, are at the parent's *ingress* hook, as received from outside: a TCX program there that drops ends the
#   conversation, one at egress does not. A packet socket at the parent has all 20 as incoming ones too.
# * The parent's own counters (`ip -s link`, iproute2 6.1.0, Debian 12) have none of them, either way.
# * With an end outside each direction has its hook: requests egress, replies ingress, and the counters have them.
# So a meter at the parent counts flows that no wire carried, can't tell them by the hook from what came from outside, and has more packets than the interface.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3
host="finding-a-$$" one="finding-b-$$" other="finding-c-$$" outside="finding-d-$$"
namespace "$host" "$one" "$other" "$outside"
ip -n "$host" link add parent0 type veth peer name end0 netns "$outside"
ip -n "$host" link add m1 link parent0 type macvlan mode bridge
ip -n "$host" link set m1 netns "$one"
ip -n "$host" link add m2 link parent0 type macvlan mode bridge
ip -n "$host" link set m2 netns "$other"
i=0
for place in "$host parent0" "$one m1" "$other m2" "$outside end0"; do
    read -r name link <<<"$place"
    nsenter --net="/run/netns/$name" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip -n "$name" link set "$link" up
    [ "$i" -eq 0 ] || ip -n "$name" address add "192.0.2.$i/24" dev "$link"
    i=$((i + 1))
done
python - "$host" "$one" >"$work/seen" <<'PYTHON'
import ctypes, json, os, socket, subprocess, sys
import tcx

TC_ACT_SHOT, ETH_P_ALL, PACKET_OUTGOING = 2, 3, 4
library = ctypes.CDLL(None, use_errno=True)
host, one = sys.argv[1:]


def enter(name):
    place = os.open(f"/run/netns/{name}", os.O_RDONLY)
    if library.setns(place, 0):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(place)


def ping(target, count):
    """How many replies came."""
    enter(one)
    said = subprocess.run(["ping", "-q", "-c", str(count), "-i", "0.05", "-W", "1", target], capture_output=True, text=True).stdout
    return int(said.split(" received")[0].split()[-1])


def counters():
    enter(host)
    link = json.loads(subprocess.run(["ip", "-s", "-json", "link", "show", "parent0"], check=True, capture_output=True).stdout)[0]
    return link["stats64"]["rx"]["packets"], link["stats64"]["tx"]["packets"]


def at_socket():
    """Packets of IPv4 at the packet socket since the last call: coming in, going out."""
    ways = [0, 0]
    while True:
        try:
            octets, (_, _, kind, *_) = wire.recvfrom(2000, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return ways
        if octets[12:14] == b"\x08\x00":
            ways[kind == PACKET_OUTGOING] += 1


enter(host)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
wire.bind(("parent0", ETH_P_ALL))
index = socket.if_nametoindex("parent0")
for name, target in (("sibling", "192.0.2.2"), ("outside", "192.0.2.3")):
    ping(target, 1)  # So that both know each other's Ethernet address.
    at_socket()
    before = counters()
    replies = ping(target, 10)
    after = counters()
    print(f"{name}, replies:", replies)
    print(f"{name}, at the socket, in and out:", *at_socket())
    print(f"{name}, counters of the parent, received and sent:", after[0] - before[0], after[1] - before[1])
    for hook, number in (("ingress", tcx.TCX_INGRESS), ("egress", tcx.TCX_EGRESS)):
        enter(host)
        link = tcx.attach(tcx.load(TC_ACT_SHOT), index, number)
        print(f"{name}, replies while {hook} drops:", ping(target, 2))
        os.close(link)
PYTHON

while IFS=: read -r words answer; do
    expect "$words" "${answer# }" "$(sed -n "s/^$words: //p" "$work/seen")"
done <<'ANSWERS'
sibling, replies: 10
sibling, at the socket, in and out: 20 0
sibling, counters of the parent, received and sent: 0 0
sibling, replies while ingress drops: 0
sibling, replies while egress drops: 2
outside, replies: 10
outside, at the socket, in and out: 10 10
outside, counters of the parent, received and sent: 10 10
outside, replies while ingress drops: 0
outside, replies while egress drops: 0
ANSWERS
