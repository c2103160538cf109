#!/usr/bin/env bash
# Connection tracking events of Linux (seen on 6.18) with conntrack 1.4.7 (Debian 12), as root: a listener never hears the end of what is older than it.
#
# `net.netfilter.nf_conntrack_events` is 2 by default: entries made while nobody listens get no event memory, and give neither UPDATE nor
# DESTROY afterwards, whoever listens then, and although `conntrack -L` shows them. Made with the setting at 1 they give DESTROY. With
# no rule that needs tracking there are no entries and no events at all. So a program that joins NAT's two tuples dumps once,
# and asks again for the entries of that dump: no event will end them.
. "$(dirname "$0")/lib/common.sh"

debian conntrack=1:1.4.7-1+b2 nftables=1.0.6-2+deb12u2 iproute2=6.1.0-3
first="finding-a-$$" second="finding-b-$$"
namespace "$first" "$second"
ip -n "$first" link add v0 type veth peer name v1 netns "$second"
ip -n "$first" address add 192.0.2.1/24 dev v0
ip -n "$second" address add 192.0.2.2/24 dev v1
ip -n "$first" link set v0 up
ip -n "$second" link set v1 up

# there CMD ..: in the second namespace.
there() {
    nsenter --net="/run/netns/$second" "$@"
}

ask() {
    nsenter --net="/run/netns/$first" ping -c 1 -q 192.0.2.2 >/dev/null
}

# events CMD ..: the kinds of events that are heard while the commands run.
events() {
    there timeout 3 conntrack -E >"$work/events" 2>/dev/null &
    local listener=$!
    sleep 1
    "$@"
    wait "$listener" || true
    grep -oE 'NEW|UPDATE|DESTROY' "$work/events" | paste -sd ' '
}

forget() {
    there conntrack -D -p icmp >/dev/null 2>&1
}

ask_and_forget() {
    ask
    forget
}

setting=/proc/sys/net/netfilter/nf_conntrack_events
expect "events of a ping where no rule needs tracking" "" "$(events ask)"
there nft 'add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c ct state new counter'
expect "the setting" 2 "$(there cat $setting)"
ask
expect "entries listed" 1 "$(there conntrack -L -p icmp 2>/dev/null | wc -l)"
expect "events of an entry older than the listener, deleted" "" "$(events forget)"
expect "events of one made and deleted while it listens" "NEW UPDATE DESTROY" "$(events ask_and_forget)"
there sh -c "echo 1 >$setting"
ask
expect "with 1: an entry older than the listener, deleted" "DESTROY" "$(events forget)"
