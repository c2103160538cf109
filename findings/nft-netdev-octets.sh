#!/usr/bin/env bash
# nftables 1.0.6 (Debian 12) on Linux (seen on 6.18), tables of the family netdev, as root: at ingress an interface's octets are without the Ethernet header, at egress with it.
#
# Ten datagrams of 128 octets of IP (142 of Ethernet) come in by an interface and ten go back by it.
# * The counter of a chain at the hook `ingress` has 1,280 octets, that of one at `egress` 1,420, in one table. So has `quota`, and a rule `meta length 128` matches all of the
#   former and none of the latter, which have a length of 142.
# * `tc filter` (iproute2 6.1.0, with clsact) has 1,280 and 1,420 too, by the counters of an action.
# * The interface's own counters are 1,420 both ways, and chains of the family ip (prerouting, postrouting) 1,280.
# Two directions of the same packets so differ by 14 octets a packet, a tenth of small ones, and a quota is another one for each direction.
. "$(dirname "$0")/lib/common.sh"

debian nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 iproute2=6.1.0-3
one="finding-a-$$" other="finding-b-$$"
namespace "$one" "$other"
ip -n "$one" link add v0 address 02:00:00:00:00:01 type veth peer name v1 netns "$other" address 02:00:00:00:00:02
ip -n "$one" addr add 192.0.2.1/24 dev v0
ip -n "$other" addr add 192.0.2.2/24 dev v1
ip -n "$one" link set v0 up
ip -n "$other" link set v1 up
ip -n "$one" neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev v0
ip -n "$other" neigh replace 192.0.2.1 lladdr 02:00:00:00:00:01 dev v1
sleep 1

ip netns exec "$other" nft -f - <<'RULES'
table netdev at {
    counter ingress { }
    counter egress { }
    counter ingress-128 { }
    counter egress-128 { }
    counter egress-142 { }
    quota ingress-quota { over 1 mbytes }
    quota egress-quota { over 1 mbytes }
    chain in {
        type filter hook ingress device v1 priority 0
        ip protocol udp counter name ingress quota name ingress-quota
        ip protocol udp meta length 128 counter name ingress-128
    }
    chain out {
        type filter hook egress device v1 priority 0
        ip protocol udp counter name egress quota name egress-quota
        ip protocol udp meta length 128 counter name egress-128
        ip protocol udp meta length 142 counter name egress-142
    }
}
table ip at {
    counter prerouting { }
    counter postrouting { }
    chain in {
        type filter hook prerouting priority 0
        ip protocol udp counter name prerouting
    }
    chain out {
        type filter hook postrouting priority 0
        ip protocol udp counter name postrouting
    }
}
RULES
ip -n "$other" link add ifb0 type ifb
ip -n "$other" link set ifb0 up
ip netns exec "$other" tc qdisc add dev v1 clsact
# With one priority for both, each hook would list the filters of both.
for hook in ingress egress; do
    ip netns exec "$other" tc filter add dev v1 "$hook" protocol ip prio "${#hook}" u32 match ip protocol 17 0xff action mirred egress mirror dev ifb0
done

# own: what the interface has received and sent so far, without IPv6's.
own() {
    ip netns exec "$other" python3 -c '
for line in open("/proc/net/dev"):
    name, _, numbers = line.partition(":")
    if name.strip() == "v1":
        print(numbers.split()[0], numbers.split()[8])'
}
ip netns exec "$other" sysctl -q net.ipv6.conf.v1.disable_ipv6=1
ip netns exec "$one" sysctl -q net.ipv6.conf.v0.disable_ipv6=1
read -r received sent < <(own)
ip netns exec "$other" python3 - <<'PYTHON' &
import socket

echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
echo.bind(("192.0.2.2", 9))
echo.settimeout(20)
for _ in range(10):
    echo.sendto(*echo.recvfrom(1000))
PYTHON
echo=$!
until_true 10 sh -c "ip netns exec $other ss -Hlun | grep -q :9"
ip netns exec "$one" python3 - <<'PYTHON'
import socket

out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.settimeout(20)
for _ in range(10):
    out.sendto(bytes(100), ("192.0.2.2", 9))
    out.recv(1000)
PYTHON
wait "$echo"
read -r received_then sent_then < <(own)

# counted FAMILY NAME: packets and octets.
counted() {
    ip netns exec "$other" nft list counter "$1" at "$2" | sed -n 's/.*packets \([0-9]*\) bytes \([0-9]*\)/\1:\2/p'
}
used() {
    ip netns exec "$other" nft list quota netdev at "$1" | sed -n 's/.*used \(.*\)/\1/p'
}
expect "the interface's own octets, in and out" "1420 1420" "$((received_then - received)) $((sent_then - sent))"
expect "ingress and egress of netdev" "10:1280 10:1420" "$(counted netdev ingress) $(counted netdev egress)"
expect "quotas used, in and out" "1280 bytes, 1420 bytes" "$(used ingress-quota), $(used egress-quota)"
expect "meta length 128 at ingress" "10:1280" "$(counted netdev ingress-128)"
expect "meta length 128 and 142 at egress" "0:0 10:1420" "$(counted netdev egress-128) $(counted netdev egress-142)"
expect "prerouting and postrouting of ip" "10:1280 10:1280" "$(counted ip prerouting) $(counted ip postrouting)"
for hook in ingress egress; do
    ip netns exec "$other" tc -s filter show dev v1 "$hook" | sed -n "s/.*Sent \([0-9]*\) bytes \([0-9]*\) pkt.*/$hook:\2:\1/p"
done >"$work/tc"
expect "tc filter's action" "ingress:10:1280 egress:10:1420" "$(paste -sd ' ' "$work/tc")"
