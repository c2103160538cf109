#!/usr/bin/env bash
# Linux (seen on 6.18), u32 filters at both hooks of an interface (clsact) with one priority, shown by `tc` of iproute2 6.1.0 (Debian 12), as root: a delete at egress takes the ingress filter away.
#
# A queueing discipline has one list of u32 tables, and clsact's two hooks are one queueing discipline. Priority 1 for each is usual, as most programs have a filter a hook.
# * `tc filter show dev v1 ingress` lists the filters of both hooks, and so does `egress`, each with its counters; so a sum over the hooks has each packet twice.
# * Deleting the handle that `egress` shows for the ingress filter (the first of both has 800::800) succeeds, and nothing is looked at by it any more. The egress filter stays.
# * Deleting a hook's whole priority takes that hook's away alone, and with two priorities each hook has its own.
# Each filter does look at its own hook's packets alone. A program that removes "its" filter at one hook by handle stops another's capture at the other.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3
one="finding-$$"
namespace "$one"
inside() {
    ip netns exec "$one" "$@"
}
ip -n "$one" link add v0 type veth peer name v1
ip -n "$one" link add ifb0 type ifb
for name in v0 v1 ifb0; do
    inside sysctl -q "net.ipv6.conf.$name.disable_ipv6=1"
    ip -n "$one" link set "$name" up
done
inside tc qdisc add dev v1 clsact

# add HOOK PRIORITY TYPE: a filter that mirrors all frames of that EtherType.
add() {
    inside tc filter add dev v1 "$1" protocol "$3" prio "$2" u32 match u32 0 0 action mirred egress mirror dev ifb0
}
# listed HOOK: the protocol and the handle of each filter.
listed() {
    inside tc filter show dev v1 "$1" | sed -n 's/^filter protocol \([^ ]*\) .* fh \([0-9a-f]*::[0-9a-f]*\) .*/\1=\2/p' | sort | paste -sd ' '
}
# mirrored: how many of ten frames that come in at v1 are mirrored.
mirrored() {
    local before after
    before=$(inside cat /sys/class/net/ifb0/statistics/rx_packets)
    frames "$one" v0 10 100
    sleep 0.3
    after=$(inside cat /sys/class/net/ifb0/statistics/rx_packets)
    echo $((after - before))
}

add ingress 1 all
expect "ingress, alone" "all=800::800" "$(listed ingress)"
expect "of ten frames inwards it mirrors" 10 "$(mirrored)"
add egress 1 all
expect "ingress and egress, one filter each" "all=800::800 all=801::800, all=800::800 all=801::800" "$(listed ingress), $(listed egress)"
expect "of ten frames inwards are mirrored" 10 "$(mirrored)"
inside tc filter del dev v1 egress protocol all prio 1 handle 800::800 u32
expect "800::800 deleted at egress: ingress, egress" "all=801::800, all=801::800" "$(listed ingress), $(listed egress)"
expect "of ten frames inwards are mirrored" 0 "$(mirrored)"

inside tc qdisc del dev v1 clsact
inside tc qdisc add dev v1 clsact
add ingress 1 all
add egress 1 all
inside tc filter del dev v1 egress protocol all prio 1
expect "the priority deleted at egress: ingress, egress" "all=800::800, " "$(listed ingress), $(listed egress)"
expect "of ten frames inwards are mirrored" 10 "$(mirrored)"
add egress 2 all
expect "another priority at egress: ingress, egress" "all=800::800, all=802::800" "$(listed ingress), $(listed egress)"
