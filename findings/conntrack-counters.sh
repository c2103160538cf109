#!/usr/bin/env bash
# Packets and octets of connection tracking (Linux, seen on 6.18; conntrack 1.4.7, Debian 12), as root: which packets of a flow they lack.
#
# `net.netfilter.nf_conntrack_acct` is 1 for all but the first entry, and all numbers are those of `conntrack -L`.
# * An entry made before the setting became 1 never gets counters, however long it lives and whatever passes.
# * A datagram of 3,000 octets in three fragments is one packet of 3,028 octets; on the wire it was three with 3,068.
# * ICMP errors that answer a flow belong to it (state RELATED), and are counted nowhere: a datagram to a closed port has no reply, 0
#   packets of 0 octets back, and stays UNREPLIED, like one that was lost.
# * What a rule drops behind the first packet is counted as if it had passed. What it drops as first packet leaves no entry.
# So neither `conntrack -L` nor what exports it (ulogd) says what arrived.
. "$(dirname "$0")/lib/common.sh"

debian conntrack=1:1.4.7-1+b2 nftables=1.0.6-2+deb12u2 iproute2=6.1.0-3
one="finding-a-$$" other="finding-b-$$"
namespace "$one" "$other"
ip -n "$one" link add veth0 type veth peer name veth0 netns "$other"
i=0
for host in "$one" "$other"; do
    i=$((i + 1))
    ip -n "$host" link set lo up
    ip -n "$host" link set veth0 mtu 1500 up
    ip -n "$host" address add "192.0.2.$i/24" dev veth0
done

# there CMD ..: where connections are tracked.
there() {
    nsenter --net="/run/netns/$other" "$@"
}

# send FROM TO COUNT OCTETS: datagrams from the first namespace.
send() {
    nsenter --net="/run/netns/$one" python3 - "$@" <<'PYTHON'
import socket, sys, time

source, target, count, octets = map(int, sys.argv[1:])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it:
    it.bind(("", source))
    for _ in range(count):
        it.sendto(b"x" * octets, ("192.0.2.2", target))
        time.sleep(0.1)
PYTHON
}

# entry FROM: of the datagrams from that port: state, and packets and octets of both ways.
entry() {
    there conntrack -L -p udp --orig-port-src "$1" 2>/dev/null | grep -oE 'UNREPLIED|packets=[0-9]+ bytes=[0-9]+' | paste -sd ' ' | sed 's/packets=//g; s/ bytes=/:/g'
}

nsenter --net="/run/netns/$other" python3 -c '
import socket, time
it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
it.bind(("192.0.2.2", 7000))
print("ready", flush=True)
time.sleep(60)' >"$work/bound" &
started+=("$!")
until_true 10 grep -q ready "$work/bound"
there nft -f - <<'RULES'
table ip t {
    chain errors { type filter hook output priority 0; icmp type destination-unreachable ct state related counter; }
    chain arrived { type filter hook input priority 0; ct state new,established counter; }
    chain dropped { type filter hook input priority 10; }
}
RULES
there sysctl -qw net.netfilter.nf_conntrack_acct=0
send 4000 7000 1 100
there sysctl -qw net.netfilter.nf_conntrack_acct=1
send 4000 7000 5 100
expect "older than the setting" UNREPLIED "$(entry 4000)"
send 4001 7000 1 3000
expect "three fragments" "1:3028 UNREPLIED 0:0" "$(entry 4001)"
send 4002 7001 3 100
expect "to a closed port" "3:384 UNREPLIED 0:0" "$(entry 4002)"
expect "ICMP errors to it, of state RELATED" 3 "$(there nft list chain ip t errors | sed -n 's/.*counter packets \([0-9]*\).*/\1/p')"
send 4003 7000 2 100
there nft add rule ip t dropped udp sport 4003-4004 drop
send 4003 7000 3 100
send 4004 7000 3 100
expect "two that passed, three that a rule dropped" "5:640 UNREPLIED 0:0" "$(entry 4003)"
expect "dropped from the first on" "" "$(entry 4004)"
