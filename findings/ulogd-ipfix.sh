#!/usr/bin/env bash
# ulogd 2.0.8 (Debian 12), flows of connection tracking as IPFIX (its plugins NFCT and IPFIX), as root: sums of both directions, and records kept back.
#
# * octetTotalCount and packetTotalCount are the sums of both directions, told as from source to destination: of 128 octets there
#   and 428 back, which GPRINT (another output of the same flow) tells apart, IPFIX has 556. Times are whole seconds.
# * The first record leaves within a second. Later ones leave in full messages of 14 alone: a rest waits without a limit of time (here 10 s),
#   and is lost at SIGTERM, so of 30 flows 29 arrive. The template is sent once, also over UDP (`send_template`, by default `once`).
# * The sequence number of a message counts its own records too (1, 15, 29), where RFC 7011 has those before it (0, 1, 15).
# * Every template has ports and none has icmpTypeCodeIPv4: a ping is ICMP from port 0 to port 0.
# * The end of a flow is when its entry was removed, not its last packet: with the timeouts of conntrack 30 s to days later.
. "$(dirname "$0")/lib/common.sh"

debian ulogd2=2.0.8-1 conntrack=1:1.4.7-1+b2 nftables=1.0.6-2+deb12u2 iproute2=6.1.0-3 tcpdump=4.99.3-1 tshark=4.0.17-0+deb12u3
one="finding-a-$$" other="finding-b-$$"
namespace "$one" "$other"
ip -n "$one" link add veth0 type veth peer name veth0 netns "$other"
i=0
for host in "$one" "$other"; do
    i=$((i + 1))
    ip -n "$host" link set lo up
    ip -n "$host" link set veth0 up
    ip -n "$host" address add "192.0.2.$i/24" dev veth0
done

# there CMD ..: where connections are tracked.
there() {
    nsenter --net="/run/netns/$other" "$@"
}

there nft 'add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c ct state new counter'
there sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_timestamp=1
plugins="$work/root/usr/lib/x86_64-linux-gnu/ulogd"
cat >"$work/ulogd.conf" <<CONFIG
[global]
loglevel=3
logfile="$work/ulogd.log"
plugin="$plugins/ulogd_inpflow_NFCT.so"
plugin="$plugins/ulogd_output_IPFIX.so"
plugin="$plugins/ulogd_output_GPRINT.so"
stack=ct1:NFCT,ipfix1:IPFIX
stack=ct2:NFCT,print1:GPRINT
[ct1]
hash_enable=1
[ct2]
hash_enable=1
[ipfix1]
oid=7
host="127.0.0.1"
port="4739"
proto="udp"
[print1]
file="$work/printed"
sync=1
CONFIG
nsenter --net="/run/netns/$other" python3 -u - >"$work/peer" <<'PYTHON' &
import selectors, socket, time

# Answers on UDP port 7 with four times the octets, and takes what is sent to port 4739.
both = selectors.DefaultSelector()
for address in (("192.0.2.2", 7), ("127.0.0.1", 4739)):
    it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    it.bind(address)
    both.register(it, selectors.EVENT_READ)
print("ready")
end = time.monotonic() + 60
while time.monotonic() < end:
    for key, _ in both.select(1):
        octets, sender = key.fileobj.recvfrom(2000)
        if key.fileobj.getsockname()[1] == 7:
            key.fileobj.sendto(octets * 4, sender)
PYTHON
started+=("$!")
until_true 10 grep -q ready "$work/peer"
nsenter --net="/run/netns/$other" tcpdump -i lo -U -w "$work/ipfix.pcap" udp port 4739 2>"$work/tcpdump.log" &
started+=("$!")
nsenter --net="/run/netns/$other" ulogd --configfile "$work/ulogd.conf" >/dev/null 2>&1 &
ulogd=$!
started+=("$ulogd")
until_true 10 grep -q "entering main loop" "$work/ulogd.log"
until_true 10 grep -q listening "$work/tcpdump.log"
nsenter --net="/run/netns/$one" ping -q -c 1 192.0.2.2 >/dev/null
there conntrack -D -p icmp >/dev/null 2>&1
nsenter --net="/run/netns/$one" python3 - <<'PYTHON'
import socket

for port in range(29):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it:
        it.bind(("", 30000 + port))
        it.sendto(b"x" * 100, ("192.0.2.2", 7))
        it.recv(2000)
PYTHON
sleep 3
there conntrack -D -p udp -s 192.0.2.1 >/dev/null 2>&1
sleep 10
kill "$ulogd"
sleep 1

decoded() {
    tshark -r "$work/ipfix.pcap" -V 2>/dev/null
}

# seconds: between start and end of each UDP flow as GPRINT has them, at least three or fewer.
seconds() {
    sed -n 's/.*ip.protocol=17,.*flow.start.sec=\([0-9]*\),.*flow.end.sec=\([0-9]*\),.*/\1 \2/p' "$work/printed" |
        awk '{ print ($2 - $1 >= 2) ? "at least 2" : "fewer" }' | sort -u
}

expect "flows told by GPRINT" 30 "$(wc -l <"$work/printed")"
expect "flows in IPFIX messages" 29 "$(decoded | grep -c '^ *Flow [0-9]')"
expect "octets of a UDP flow, both directions, by GPRINT" "128 428" \
    "$(sed -n 's/.*orig.l4.sport=30000,.*orig.raw.pktlen=\([0-9]*\),.*reply.raw.pktlen=\([0-9]*\),.*/\1 \2/p' "$work/printed")"
expect "elements of the template" "8 12 86 85 150 151 7 11 4 95" "$(decoded | sed -n 's/^.* = Type: .* (\([0-9]*\))$/\1/p' | head -n 10 | paste -sd ' ')"
expect "octets in IPFIX, of UDP and of the ping" "556 168" "$(decoded | sed -n 's/^ *Permanent Octets: //p' | sort -nru | paste -sd ' ')"
expect "packets in IPFIX" 2 "$(decoded | sed -n 's/^ *Permanent Packets: //p' | sort -u)"
expect "sequence numbers of messages of 1, 14 and 14 records" "1 15 29" "$(decoded | sed -n 's/^ *FlowSequence: \([0-9]*\).*/\1/p' | paste -sd ' ')"
expect "templates" 1 "$(decoded | grep -c 'Template (Id = 256')"
expect "ports of the ping" "0 0" "$(decoded | grep -B 3 'Protocol: ICMP' | sed -n 's/^ *\(Src\|Dst\)Port: //p' | paste -sd ' ')"
expect "seconds from start to end of flows that were over at once, whose entries lived 3 s more" "at least 2" "$(seconds)"
