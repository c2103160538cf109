#!/usr/bin/env bash
# Linux (seen on 6.18), UDP that is sent in super-packets (UDP_SEGMENT), as QUIC servers send it, as root: the counters of both ends disagree by the number of datagrams in one.
#
# A program gives the kernel 48,000 octets as 40 datagrams of 1,200, ten times: 400 datagrams on any wire. Between two namespaces they travel as ten.
# * The sender's OutDatagrams of Udp is 10, and so are its IP counters, nftables and the interfaces (`ip -s link` of iproute2 6.1.0, Debian 12), with one set of headers for 40 datagrams.
# * The receiver's InDatagrams is 400, and 10 where its socket takes them joined (UDP_GRO), as QUIC libraries do. The program gets 400 datagrams or 10. InNoECTPkts is 400 in both
#   cases.
# * What the receiver drops is counted by the socket's setting as well: with a buffer that has room for one, RcvbufErrors and InErrors are 399 or 9. Without
#   a socket, NoPorts is 10.
# With TCP it is the other way round: OutSegs has segments, InSegs super-packets. So datagrams per connection, and losses as the difference of what was sent and
# received, cannot be had from the kernel's counters of a host that speaks QUIC.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3 nftables=1.0.6-2+deb12u2
cd "$work"
one="udp-1-$$" two="udp-2-$$"
namespace "$one" "$two"
ip -n "$one" link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02 netns "$two"
for it in "$one v0 192.0.2.1" "$two v1 192.0.2.2"; do
    read -r name interface address <<<"$it"
    ip -n "$name" link set lo up
    ip -n "$name" link set "$interface" up addrgenmode none
    ip -n "$name" addr add "$address/24" dev "$interface"
    ip netns exec "$name" nft -f - <<'RULES'
table inet t {
	chain in { type filter hook prerouting priority 0; udp dport 9999 counter; }
	chain out { type filter hook postrouting priority 0; udp dport 9999 counter; }
}
RULES
done
ip -n "$one" neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev v0
ip -n "$two" neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev v1

# counters NAMESPACE: absolute, by name.
counters() {
    ip netns exec "$1" nstat -a -z | awk '/^(Udp|Ip)/ { print $1, $2 }'
    ip netns exec "$1" nft list ruleset | awk '/packets/ { for (i = 1; i < NF; i++) if ($i == "packets") n += $(i + 1) } END { print "nft", n }'
    ip -n "$1" -s -j link | python -c 'import json, sys
for link in json.load(sys.stdin):
    if link["ifname"] != "lo":
        for way in ("rx", "tx"):
            print(way, link["stats64"][way]["packets"])'
}

# moved NAMESPACE NAME ..: by how much these have grown since `before`.
moved() {
    local name=$1 it
    shift
    counters "$name" >after
    for it in "$@"; do
        echo "$(($(sed -n "s/^$it //p" after) - $(sed -n "s/^$it //p" "before.$name")))"
    done | paste -sd ' '
}

# sent JOINED BUFFER: sends; prints how many messages and octets the receiver got, whose socket takes them joined or not (`none`: there is no receiver).
sent() {
    for name in "$one" "$two"; do
        counters "$name" >"before.$name"
    done
    if [ "$1" != none ]; then
        ip netns exec "$two" python3 - "$1" "$2" <<'PYTHON' &
import os, socket, sys, time

joined, buffer = map(int, sys.argv[1:])
own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.setsockopt(socket.SOL_SOCKET, 33, buffer)  # SO_RCVBUFFORCE
own.setsockopt(socket.IPPROTO_UDP, 104, joined)  # UDP_GRO
own.bind(("192.0.2.2", 9999))
open("ready", "w").close()
while not os.path.exists("sent"):
    time.sleep(0.05)
own.settimeout(0.5)
got = []
try:
    while True:
        got.append(len(own.recv(70000)))
except TimeoutError:
    print(len(got), sum(got))
PYTHON
        until_true 20 test -e ready
    fi
    ip netns exec "$one" python3 - <<'PYTHON'
import socket

own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.setsockopt(socket.IPPROTO_UDP, 103, 1200)  # UDP_SEGMENT
for _ in range(10):
    own.sendto(bytes(48_000), ("192.0.2.2", 9999))
PYTHON
    touch sent
    [ "$1" = none ] || wait $!
    rm -f ready sent
}

sent 0 4000000 >got
expect "the program got" "400 480000" "$(cat got)"
expect "sender: OutDatagrams, OutRequests, nft, interface" "10 10 10 10" "$(moved "$one" UdpOutDatagrams IpOutRequests nft tx)"
expect "receiver: InDatagrams, InReceives, InNoECTPkts, nft, interface" "400 10 400 10 10" "$(moved "$two" UdpInDatagrams IpInReceives IpExtInNoECTPkts nft rx)"
sent 1 4000000 >got
expect "joined: the program got" "10 480000" "$(cat got)"
expect "joined, receiver: InDatagrams, InReceives, InNoECTPkts, nft" "10 10 400 10" "$(moved "$two" UdpInDatagrams IpInReceives IpExtInNoECTPkts nft)"
sent 0 1 >got
expect "a buffer for one: the program got" "1 1200" "$(cat got)"
expect "a buffer for one: InDatagrams, RcvbufErrors, InErrors" "1 399 399" "$(moved "$two" UdpInDatagrams UdpRcvbufErrors UdpInErrors)"
sent 1 1 >got
expect "joined, a buffer for one: the program got" "1 48000" "$(cat got)"
expect "joined, a buffer for one: InDatagrams, RcvbufErrors, InErrors" "1 9 9" "$(moved "$two" UdpInDatagrams UdpRcvbufErrors UdpInErrors)"
sent none
expect "no socket: NoPorts" "10" "$(moved "$two" UdpNoPorts)"
