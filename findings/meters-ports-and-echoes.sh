#!/usr/bin/env bash
# Four flow meters of Debian 12 (argus 3.0.8.2, nfpcapd of nfdump 1.7.1, softflowd 1.1.0, pmacctd 1.7.7): what is a flow where there are no TCP or UDP ports.
#
# * SCTP has ports in the same place as TCP, and IPFIX elements for them; all four have 0 or none.
# * Three echo requests of one ping, with their replies: one flow each way for softflowd and pmacctd, three each way for nfpcapd, and three
#   flows with both directions for argus, which shows the identifier 7 as 0x0700.
# * pmacctd has ICMP without type and code; nfpcapd and softflowd have them in place of the destination port.
# * Two connections of the same ports, the second one second after the first closed: one flow each way for all but argus.
# * A datagram in GRE: argus has a flow of the inner addresses with the octets of the whole frame, nfpcapd an inner one
#   with its own and an outer one of 0 packets; softflowd and pmacctd have the outer one. Of IP in IP argus has the outer one.
# * An IPv6 fragment behind the first: argus has a flow with an invented port, made of the fragment's identification (9 becomes 2304).
# Each line below is packets and octets by flow (argus counts whole frames); `<>` stands where a flow has two directions.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/meters.sh"

debian argus-server=2:3.0.8.2-2.2 argus-client=1:3.0.8.2-6.1+b3 pmacct=1.7.7-1+b1
cd "$work"
python - <<'PYTHON'
from capture import *

A, B = "10.0.0.1", "10.0.0.2"
inner = ipv4("192.0.2.1", "192.0.2.2", 17, udp(5, 6, b"x" * 100))


def echo(kind, sequence):
    message = struct.pack("!BBHHH", kind, 0, 0, 7, sequence) + b"p" * 56
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    return ethernet(ipv4(*((A, B) if kind == 8 else (B, A)), 1, message))


def ipv6(next_header, payload):
    ends = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    return ethernet(struct.pack("!IHBB", 6 << 28, len(payload), next_header, 64) + ends + payload, 0x86DD)


def connection():
    talk = Talk()
    talk.handshake()
    talk.say(40, True, 1001, 5001, ACK | FIN)
    talk.say(50, False, 5001, 1002, ACK | FIN)
    talk.say(51, True, 1002, 5002, ACK)
    return talk.frames


sctp = struct.pack("!HHII", 1111, 2222, 1, 0) + bytes([0, 3, 0, 8]) + b"abcd"
pcap("sctp.pcap", [(0, ethernet(ipv4(A, B, 132, sctp)))])
pcap("ping.pcap", [(1000 * at + back, echo(0 if back else 8, at)) for at in range(3) for back in (0, 1)])
pcap("again.pcap", [(at + later, frame) for later in (0, 1000) for at, frame in connection()])
pcap("gre.pcap", [(0, ethernet(ipv4(A, B, 47, struct.pack("!HH", 0, 0x0800) + inner)))])
pcap("ip-in-ip.pcap", [(0, ethernet(ipv4(A, B, 4, inner)))])
whole = udp(1111, 2222, b"x" * 1400)
parts = [struct.pack("!BBHI", 17, 0, 1, 9) + whole[:1400], struct.pack("!BBHI", 17, 0, 1400, 9) + whole[1400:]]
pcap("fragments6.pcap", [(at, ipv6(44, part)) for at, part in enumerate(parts)])
PYTHON

# Each prints what the two of lib/meters.sh print.
by_argus() {
    argus -r "$1.pcap" -w - 2>argus.log | ra -r - -n -c , -s proto sport dir dport spkts dpkts sbytes dbytes 2>ra.log | tr -d ' ' |
        awk -F , '$1 != "Proto" && $1 != "man" { print $5 && $6 ? $1 ":" $2 "<>" $4 ":" $5 "+" $6 ":" $7 "+" $8 : $1 ":" $2 ">" $4 ":" $5 ":" $7 }' | flows
}

by_pmacctd() {
    printf '%s\n' "pcap_savefile: $1.pcap" "plugins: print" "print_output: csv" "aggregate: src_host, src_port, dst_port, proto" >pmacctd.conf
    { timeout 10 pmacctd -f pmacctd.conf 2>pmacctd.log || true; } |
        awk -F, 'NR > 1 && NF >= 6 { print $4 ":" $2 ">" $3 ":" $5 ":" $6 }' | flows
}

# counted NAME ARGUS NFPCAPD SOFTFLOWD PMACCTD
counted() {
    expect "$1, argus" "$2" "$(by_argus "$1")"
    expect "$1, nfpcapd" "$3" "$(by_nfpcapd "$1")"
    expect "$1, softflowd" "$4" "$(by_softflowd "$1")"
    expect "$1, pmacctd" "$5" "$(by_pmacctd "$1")"
}

counted sctp "sctp:>:1:54" "SCTP:0>0:1:40" "SCTP:0>0:1:40" "sctp:0>0:1:40"
counted ping "icmp:0x0008<>0x0700:1+1:98+98 icmp:0x0008<>0x0700:1+1:98+98 icmp:0x0008<>0x0700:1+1:98+98" "ICMP:0>0.0:1:84 ICMP:0>0.0:1:84 ICMP:0>0.0:1:84 ICMP:0>8.0:1:84 ICMP:0>8.0:1:84 ICMP:0>8.0:1:84" "ICMP:0>0.0:3:252 ICMP:0>8.0:3:252" "icmp:0>0:3:252 icmp:0>0:3:252"
one="TCP:40000>80:8:320 TCP:80>40000:4:160"
counted again "tcp:40000<>80:4+2:216+108 tcp:40000<>80:4+2:216+108" "$one" "$one" "${one//TCP/tcp}"
counted gre "udp:5>6:1:166" "GRE:0>0:0:0 UDP:5>6:1:128" "GRE:0>0:1:152" "gre:0>0:1:152"
expect "ip-in-ip, argus" "ipnip:>:1:162" "$(by_argus ip-in-ip)"
expect "fragments6, argus" "udp:0>2304:1:70 udp:1111>2222:1:1462" "$(by_argus fragments6)"
