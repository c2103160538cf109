#!/usr/bin/env bash
# Linux (seen on 6.18), what a host sends to a group or to all, at the TCX hooks of a veth interface, as root: it also comes in, without its Ethernet header.
#
# Ten datagrams are sent to a group that a program of the same host has joined (as with mDNS), of IPv4 and of IPv6, and ten to the broadcast
# address, which nobody on the host listens to.
# * A copy of each is at the *ingress* hook of the interface that it leaves by. No wire brought it: the interface has received nothing, and
#   a packet socket, as tcpdump's, has only what left.
# * The copy begins with its IP header, though the interface is Ethernet's and all else at that hook begins with 14 octets of Ethernet. A
#   program that looks for the EtherType finds the first half of the source address there: 192.0 is the EtherType 0xc000, and of a
#   sender in 8.0.0.0/16 it is 0x0800, so the second half of the IP header is taken for one.
# * `skb->pkt_type` is PACKET_LOOPBACK (5), which the header of packet sockets calls invisible to user space. It is the only sign.
# * Without a member on the host a group's datagrams do not come in.
# So a meter at the hook has these packets twice, or as rubbish; it has to look at the type first.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3
one="finding-a-$$" other="finding-b-$$"
namespace "$one" "$other"
ip -n "$one" link add veth0 type veth peer name veth0 netns "$other"
nsenter --net="/run/netns/$one" sysctl -qw net.ipv6.conf.all.router_solicitations=0 net.ipv6.conf.default.router_solicitations=0 net.ipv6.conf.veth0.router_solicitations=0
ip -n "$one" address add 192.0.2.1/24 brd + dev veth0
ip -n "$one" address add 2001:db8::1/64 dev veth0 nodad
ip -n "$one" link set veth0 up
# The other end is a wire without a host.
nsenter --net="/run/netns/$other" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n "$other" link set veth0 up
nsenter --net="/run/netns/$one" env PATH="$PATH" LD_LIBRARY_PATH="$LD_LIBRARY_PATH" PYTHONPATH="$here/lib" python3 - >"$work/seen" <<'PYTHON'
import json, socket, subprocess, time
import tcx

ETH_P_ALL, IPV6_MULTICAST_IF, IPV6_JOIN_GROUP = 3, 17, 20
index = socket.if_nametoindex("veth0")
time.sleep(4)  # Until the interface has told routers of its groups.


def received():
    link = json.loads(subprocess.run(["ip", "-s", "-json", "link", "show", "veth0"], check=True, capture_output=True).stdout)[0]
    return link["stats64"]["rx"]["packets"]


def at_socket(wire, port):
    """Packets to that port since the last call: coming in, going out."""
    ways = [0, 0]
    while True:
        try:
            octets, (_, _, kind, *_) = wire.recvfrom(2000, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return ways
        if octets.endswith(b"x" * 100):
            ways[kind == socket.PACKET_OUTGOING] += 1


def look(words, sender, target):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.bind(("veth0", ETH_P_ALL))
    ingress, egress = tcx.Look(), tcx.Look()
    links = tcx.attach(ingress.program, index, tcx.TCX_INGRESS), tcx.attach(egress.program, index, tcx.TCX_EGRESS)
    before = received()
    for _ in range(10):
        sender.sendto(b"x" * 100, target)
        time.sleep(0.01)
    time.sleep(0.1)
    for hook, it in (("egress", egress), ("ingress", ingress)):
        packets, octets, kind, first = it.seen()
        # A group's Ethernet address begins with 01 or 33, that of all with ff.
        start = f"IPv{first[0] >> 4}" if first[0] >> 4 in (4, 6) else "Ethernet"
        print(f"{words}, {hook}:", f"{packets} of {octets // packets} octets, type {kind}, from {start} on, octets 12 and 13 are {first[12:14].hex()}" if packets else "none")
    print(f"{words}, received by the interface: {received() - before}")
    print(f"{words}, packet socket, in and out:", *at_socket(wire, target[1]))
    for link in links:
        tcx.os.close(link)


four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("192.0.2.1"))
four.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.setsockopt(socket.IPPROTO_IPV6, IPV6_MULTICAST_IF, index)
look("no member", four, ("239.1.2.3", 5000))
members = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
members[0].setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.1.2.3") + socket.inet_aton("192.0.2.1"))
members[1].setsockopt(socket.IPPROTO_IPV6, IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, "ff05::1234") + index.to_bytes(4, "little"))
time.sleep(4)  # Until both memberships have been reported.
look("IPv4", four, ("239.1.2.3", 5000))
look("IPv6", six, ("ff05::1234", 5000))
look("broadcast", four, ("192.0.2.255", 5000))
PYTHON

while IFS=: read -r words answer; do
    expect "$words" "${answer# }" "$(sed -n "s/^$words: //p" "$work/seen")"
done <<'ANSWERS'
no member, egress: 10 of 142 octets, type 0, from Ethernet on, octets 12 and 13 are 0800
no member, ingress: none
IPv4, egress: 10 of 142 octets, type 0, from Ethernet on, octets 12 and 13 are 0800
IPv4, ingress: 10 of 128 octets, type 5, from IPv4 on, octets 12 and 13 are c000
IPv4, received by the interface: 0
IPv4, packet socket, in and out: 0 10
IPv6, egress: 10 of 162 octets, type 0, from Ethernet on, octets 12 and 13 are 86dd
IPv6, ingress: 10 of 148 octets, type 5, from IPv6 on, octets 12 and 13 are 0000
IPv6, received by the interface: 0
IPv6, packet socket, in and out: 0 10
broadcast, egress: 10 of 142 octets, type 0, from Ethernet on, octets 12 and 13 are 0800
broadcast, ingress: 10 of 128 octets, type 5, from IPv4 on, octets 12 and 13 are c000
broadcast, received by the interface: 0
broadcast, packet socket, in and out: 0 10
ANSWERS
