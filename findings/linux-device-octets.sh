#!/usr/bin/env bash
# Linux (seen on 6.18), octets of virtual interfaces, as root: for the same frames some count the Ethernet header, some do not, one only one way.
#
# Ten frames of 142 octets go each way through two interfaces of each kind, and `ip -s link` (/proc/net/dev, ethtool and every
# agent that reads them) shows:
# * veth and macvlan 1,420 both ways.
# * A bridge sent 1,420 and received 1,280: on receipt its counter lacks the 14 octets of the header.
# * VXLAN 1,280 both ways; the veth below it has 1,920, with 50 octets of outer headers each.
# So the sum of flows that a hook at the interface counted agrees with the interface's counter for some kinds only.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3
one="finding-a-$$" other="finding-b-$$"
namespace "$one" "$other"

i=0
ip -n "$one" link add veth0 address 02:00:00:00:00:01 type veth peer name veth0 address 02:00:00:00:00:02 netns "$other"
# Neighbours are permanent, so that no ARP is counted.
for host in "$one" "$other"; do
    i=$((i + 1)) peer=$((3 - i))
    nsenter --net="/run/netns/$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip -n "$host" -batch - <<BATCH
link set veth0 up
address add 10.0.0.$i/24 dev veth0
neighbour add 10.0.0.$peer lladdr 02:00:00:00:00:0$peer dev veth0 nud permanent
link add macvlan0 address 02:00:00:00:01:0$i link veth0 type macvlan mode bridge
address add 10.1.0.$i/24 dev macvlan0
link set macvlan0 up
neighbour add 10.1.0.$peer lladdr 02:00:00:00:01:0$peer dev macvlan0 nud permanent
link add vxlan0 address 02:00:00:00:02:0$i type vxlan id 5 local 10.0.0.$i remote 10.0.0.$peer dstport 4789
address add 10.2.0.$i/24 dev vxlan0
link set vxlan0 up
neighbour add 10.2.0.$peer lladdr 02:00:00:00:02:0$peer dev vxlan0 nud permanent
link add bridge0 address 02:00:00:00:03:0$i type bridge
address add 10.3.0.$i/24 dev bridge0
link set bridge0 up
neighbour add 10.3.0.$peer lladdr 02:00:00:00:03:0$peer dev bridge0 nud permanent
BATCH
done

# counted INTERFACE: octets received and sent there.
counted() {
    ip -n "$one" -j -s link show "$1" | python3 -c 'import json, sys
it = json.load(sys.stdin)[0]["stats64"]
print(it["rx"]["bytes"], it["tx"]["bytes"])'
}

# grown INTERFACE SUBNET: what ten pings of 142 octets and their answers add there, and at the veth.
grown() {
    local before after
    read -ra before <<<"$(counted "$1") $(counted veth0)"
    nsenter --net="/run/netns/$one" ping -q -c 10 -i 0.01 -s 100 "10.$2.0.2" >/dev/null
    read -ra after <<<"$(counted "$1") $(counted veth0)"
    echo "$((after[0] - before[0])) $((after[1] - before[1])), $((after[2] - before[2])) $((after[3] - before[3]))"
}

echo "octets received and sent, then those of the veth below"
expect "veth" "1420 1420, 1420 1420" "$(grown veth0 0)"
expect "macvlan" "1420 1420, 1420 1420" "$(grown macvlan0 1)"
expect "VXLAN" "1280 1280, 1920 1920" "$(grown vxlan0 2)"
for host in "$one" "$other"; do
    ip -n "$host" link del macvlan0
    ip -n "$host" link set veth0 master bridge0
done
expect "bridge" "1280 1420, 1420 1420" "$(grown bridge0 3)"
