#!/usr/bin/env bash
# Go's github.com/vishvananda/netlink (Debian 12, 1.1.0.125) on Linux (seen on 6.18), as root: what it has of sockets and of connection tracking beside `ss` and `conntrack`.
#
# * TCPInfo.Snd_wscale and Rcv_wscale are exchanged: they are two fields of four bits in one octet, and it takes the order of big-endian machines. Where `ss -i` has
#   wscale:0,7 it has 7 and 0, so a window that is computed from a captured header is off by a factor of 128 one way and the other.
# * Delivery_rate_app_limited comes from the other end of its octet: it is 0 while `ss` says app_limited, so a rate that the program did not use up looks like the path's.
# * ConntrackTableList has ports of TCP and UDP alone. SCTP is from port 0 to port 0; ICMP is without type, code and identifier, so two pings at once
#   between two hosts are equal in all but their counters.
# The structures have fields for all of that but ICMP's. Octets and packets are those of `ss` and `conntrack`.
. "$(dirname "$0")/lib/common.sh"

golang golang-github-vishvananda-netlink-dev=1.1.0.125.gf243826-4 <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	sockets, err := netlink.SocketDiagTCPInfo(2)
	check(err)
	for _, it := range sockets {
		if info := it.TCPInfo; it.InetDiagMsg.ID.DestinationPort == 7000 && info != nil {
			fmt.Printf("tcp wscale:%d,%d app_limited:%d bytes_sent:%d bytes_received:%d\n", info.Snd_wscale, info.Rcv_wscale,
				info.Delivery_rate_app_limited, info.Bytes_sent, info.Bytes_received)
		}
	}
	flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, 2)
	check(err)
	for _, it := range flows {
		fmt.Printf("%d %d>%d packets:%d bytes:%d\n", it.Forward.Protocol, it.Forward.SrcPort, it.Forward.DstPort, it.Forward.Packets, it.Forward.Bytes)
	}
}
GO
debian conntrack=1:1.4.7-1+b2 nftables=1.0.6-2+deb12u2 iputils-ping=3:20221126-1+deb12u1
client="finding-client-$$" server="finding-server-$$"
namespace "$client" "$server"
ip -n "$client" link add name v0 type veth peer name v1 netns "$server"
ip -n "$client" addr add 192.0.2.1/24 dev v0
ip -n "$server" addr add 192.0.2.2/24 dev v1
ip -n "$client" link set dev v0 up
ip -n "$server" link set dev v1 up
ip netns exec "$client" sysctl -qw net.ipv4.tcp_rmem="4096 131072 6291456" net.netfilter.nf_conntrack_acct=1
ip netns exec "$client" nft 'add table ip t; add chain ip t c { type filter hook output priority 0; }; add rule ip t c ct state new accept'

# The server's receive buffer is small, so it announces no window scale; the client announces its own.
ip netns exec "$server" python3 -c 'import socket, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.bind(("192.0.2.2", 7000))
s.listen()
c, _ = s.accept()
c.recv(2000)
c.send(b"x" * 2000)
time.sleep(120)' &
started+=("$!")
until_true 20 sh -c "ip netns exec $server ss -tlnH | grep -q :7000"
ip netns exec "$client" python3 -c 'import socket, time
s = socket.create_connection(("192.0.2.2", 7000))
s.send(b"a" * 1000)
time.sleep(120)' &
started+=("$!")
ip netns exec "$client" ping -c2 -q -e 7 192.0.2.2 >/dev/null
ip netns exec "$client" ping -c3 -q -e 8 -i 0.2 192.0.2.2 >/dev/null
ip netns exec "$client" python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.1", 1111))
s.sendto(b"x" * 100, ("192.0.2.2", 9))
init = bytes.fromhex("13881770000000000000000001000014") + bytes(16)
socket.socket(socket.AF_INET, socket.SOCK_RAW, 132).sendto(init, ("192.0.2.2", 0))'
until_true 20 sh -c "ip netns exec $client ss -tinH | grep -q bytes_received:2000"

ip netns exec "$client" "$work/finding" >"$work/go"
sockets=$(ip netns exec "$client" ss -tinH)
entries=$(ip netns exec "$client" conntrack -L 2>/dev/null)
of_ss() {
    grep -o "$1" <<<"$sockets" | paste -sd ' '
}
of_conntrack() {
    sed -n "s/^$1 .*src=192.0.2.1 dst=192.0.2.2 \(.*\) packets=\([0-9]*\) bytes=\([0-9]*\) .*src=.*/\1 packets:\2 bytes:\3/p" <<<"$entries" | sort | paste -sd ';'
}
of_go() {
    sed -n "s/^$1 //p" "$work/go" | sort | paste -sd ';'
}

own=$(of_ss 'wscale:0,[0-9]*')
own=${own#wscale:0,}
expect "ss" "wscale:0,$own bytes_sent:1000 bytes_received:2000 app_limited" "$(of_ss 'wscale:[0-9,]*\|bytes_sent:[0-9]*\|bytes_received:[0-9]*\|app_limited')"
expect "Go" "wscale:$own,0 app_limited:0 bytes_sent:1000 bytes_received:2000" "$(of_go tcp)"
expect "conntrack, UDP" "sport=1111 dport=9 packets:1 bytes:128" "$(of_conntrack udp)"
expect "Go, UDP" "1111>9 packets:1 bytes:128" "$(of_go 17)"
expect "conntrack, SCTP" "sport=5000 dport=6000 packets:1 bytes:52" "$(of_conntrack sctp)"
expect "Go, SCTP" "0>0 packets:1 bytes:52" "$(of_go 132)"
expect "conntrack, two pings" "type=8 code=0 id=7 packets:2 bytes:168;type=8 code=0 id=8 packets:3 bytes:252" "$(of_conntrack icmp)"
expect "Go, two pings" "0>0 packets:2 bytes:168;0>0 packets:3 bytes:252" "$(of_go 1)"
