#!/usr/bin/env bash
# Linux (seen on 6.18), one TCP transfer over veth, as root: the kernel's counters disagree about how many packets it was, some by a factor of 20.
#
# 3,000,000 octets are about 2,080 segments of 1,448 octets; between the stacks they travel as super-packets (GSO) of up to 64 KiB.
# * Segments count: a queueing discipline, on the same interface as the next line's, with the headers of every one of them in its octets;
#   TCP's OutSegs; `segs_in` and `segs_out` of the sockets (`ss -i`); and InECT0Pkts or InNoECTPkts of IpExt.
# * Super-packets count, each with one set of headers: the interface (`ip -s link`), nftables, connection tracking (what ulogd and
#   `conntrack -L` show), InReceives of Ip, and InSegs of TCP.
# So at the receiver InNoECTPkts is above InReceives, InSegs is below the sender's OutSegs as if most were lost, and of `tc -s qdisc` and
# `ip -s link` of one interface only one agrees with what a wire would carry. Nothing that counts per flow in netfilter does.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3 nftables=1.0.6-2+deb12u2 conntrack=1:1.4.7-1+b2
client="finding-a-$$" server="finding-b-$$"
namespace "$client" "$server"
ip -n "$client" link add veth0 type veth peer name veth0 netns "$server"

# at NAMESPACE CMD ..
at() {
    local namespace="/run/netns/$1"
    shift
    nsenter --net="$namespace" "$@"
}

i=0
for host in "$client" "$server"; do
    i=$((i + 1))
    at "$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.tcp_ecn=0 net.netfilter.nf_conntrack_acct=1
    ip -n "$host" link set lo up
    ip -n "$host" link set veth0 mtu 1500 up
    ip -n "$host" address add "198.51.100.$i/24" dev veth0
done
at "$client" tc qdisc add dev veth0 root pfifo limit 10000
at "$server" nft -f - <<'RULES'
table ip t { chain c { type filter hook input priority 0; tcp dport 5000 ct state new,established counter; }; }
RULES
cat >"$work/transfer.py" <<'PYTHON'
import socket, struct, sys

TCP_INFO, SEGMENTS = 11, 136  # struct tcp_info: tcpi_segs_out, tcpi_segs_in


def segments(it):
    return struct.unpack_from("II", it.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 232), SEGMENTS)


if sys.argv[1] == "receive":
    with socket.create_server(("198.51.100.2", 5000)) as listener:
        print("listening", flush=True)
        it, _ = listener.accept()
    while it.recv(1 << 20):
        pass
    print("segs_in", segments(it)[1])
    it.sendall(b"done")
else:
    with socket.create_connection(("198.51.100.2", 5000)) as it:
        it.sendall(b"x" * 3_000_000)
        it.shutdown(socket.SHUT_WR)
        it.recv(4)
        print("segs_out", segments(it)[0])
PYTHON
nsenter --net="/run/netns/$server" python3 "$work/transfer.py" receive >"$work/receiver" &
started+=("$!")
until_true 10 grep -q listening "$work/receiver"
at "$client" python3 "$work/transfer.py" send >"$work/sender"
sleep 0.5

# kind NUMBER: segments are at least 2,072.
kind() {
    if [ "$1" -ge 2072 ] && [ "$1" -lt 2300 ]; then echo segments; elif [ "$1" -gt 0 ] && [ "$1" -lt 1000 ]; then echo super-packets; else echo "$1"; fi
}

# of NAMESPACE FILE GROUP FIELD: from /proc/net/snmp and its like, where a line of names stands above one of values.
of() {
    at "$1" python3 -c 'import sys
lines = [line.split() for line in open("/proc/net/" + sys.argv[1]) if line.startswith(sys.argv[2] + ":")]
print(dict(zip(*lines))[sys.argv[3]])' "${@:2}"
}

link() {
    ip -n "$client" -j -s link show veth0 | python3 -c "import json, sys; print(json.load(sys.stdin)[0]['stats64']['tx']['$1'])"
}

queue() {
    at "$client" tc -s qdisc show dev veth0 | sed -n "s/^ Sent \([0-9]*\) bytes \([0-9]*\) pkt.*/\\$1/p"
}

expect "queueing discipline of the sender's interface" segments "$(kind "$(queue 2)")"
expect "the interface itself" super-packets "$(kind "$(link packets)")"
expect "segs_out of the sender's socket" segments "$(kind "$(sed -n 's/^segs_out //p' "$work/sender")")"
expect "segs_in of the receiver's socket" segments "$(kind "$(sed -n 's/^segs_in //p' "$work/receiver")")"
expect "Tcp OutSegs of the sender" segments "$(kind "$(of "$client" snmp Tcp OutSegs)")"
expect "Tcp InSegs of the receiver" super-packets "$(kind "$(of "$server" snmp Tcp InSegs)")"
expect "Ip InReceives of the receiver" super-packets "$(kind "$(of "$server" snmp Ip InReceives)")"
expect "IpExt InNoECTPkts of the receiver" segments "$(kind "$(of "$server" netstat IpExt InNoECTPkts)")"
expect "nftables" super-packets "$(kind "$(at "$server" nft list ruleset | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p')")"
expect "connection tracking" super-packets "$(kind "$(at "$server" conntrack -L 2>/dev/null | sed -n 's/.*dport=5000 packets=\([0-9]*\) .*/\1/p')")"
headers=$(($(queue 1) - $(link bytes)))
further=$(($(queue 2) - $(link packets)))
# Ethernet, IPv4, and TCP with time stamps.
expect "octets of the discipline above the interface's, for each further segment" 66 "$((headers / further))"
expect "the remainder" 0 "$((headers % further))"
