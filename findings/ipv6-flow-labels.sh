#!/usr/bin/env bash
# IPv6 flow labels of Linux (seen on 6.18, its defaults), as root: one TCP connection has several, and many pings share one.
#
# * Each time that TCP sends something again after a time-out it takes a new label, so that the network may choose another path (the sysctl
#   net.core.txrehash). A connection whose packets are lost for 2 s goes on with another label for good.
# * Echo requests have no socket's label but one made of addresses: every `ping` between two hosts has the same one, whatever its identifier, and so has
#   its next run; the replies have another one.
# * The directions of one connection have different labels, and the reset from a closed port has one too.
# RFC 6437 has a flow's label constant. Whoever keys a flow by it (flowLabelIPv6, IPFIX 31) cuts connections at each time-out, and puts all pings in one.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3 nftables=1.0.6-2+deb12u2
client="finding-a-$$" server="finding-b-$$"
namespace "$client" "$server"
ip -n "$client" link add veth0 type veth peer name veth0 netns "$server"
i=0
for host in "$client" "$server"; do
    i=$((i + 1))
    ip -n "$host" link set veth0 up
    ip -n "$host" address add "2001:db8::$i/64" dev veth0 nodad
done
expect "auto_flowlabels" 1 "$(nsenter --net="/run/netns/$client" sysctl -n net.ipv6.auto_flowlabels)"
python - "$client" "$server" >"$work/seen" <<'PYTHON'
import ctypes, os, socket, struct, subprocess, sys, time

library = ctypes.CDLL(None, use_errno=True)
client, server = sys.argv[1:]
CLOSED, OPEN, ETH_P_ALL = 5000, 5001, 3


def enter(name):
    place = os.open(f"/run/netns/{name}", os.O_RDONLY)
    if library.setns(place, 0):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(place)


def labels(wire):
    """Labels in the order in which they came, of each (protocol, is from the client)."""
    found = {}
    while True:
        try:
            octets, (_, kind, *_) = wire.recvfrom(4000, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return found
        word, _, protocol = struct.unpack_from("!IHB", octets, 14)
        if octets[12:14] == b"\x86\xdd" and (protocol == 6 or octets[54] in (128, 129)):
            of_way = found.setdefault((protocol, octets[37] == 1), [])
            if not of_way or of_way[-1] != word & 0xFFFFF:
                of_way.append(word & 0xFFFFF)


enter(server)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
wire.bind(("veth0", ETH_P_ALL))
listener = socket.create_server(("2001:db8::2", OPEN), family=socket.AF_INET6)
enter(client)
it = socket.create_connection(("2001:db8::2", OPEN))
peer, _ = listener.accept()
it.sendall(b"x" * 1000)
peer.recv(2000)
time.sleep(0.3)
usual = labels(wire)
print("labels of a connection, there and back:", len(usual[6, True]), len(usual[6, False]))
print("the same both ways:", usual[6, True] == usual[6, False])
enter(server)
rules = "table ip6 t { chain c { type filter hook input priority 0; tcp dport 5001 drop; }; }"
subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
it.sendall(b"x" * 1000)
time.sleep(2)
subprocess.run(["nft", "flush", "ruleset"], check=True)
peer.recv(2000)
time.sleep(0.3)
outage = labels(wire)
print("labels of its client while packets are lost, three or more:", len(outage[6, True]) >= 3)
it.sendall(b"x")
peer.recv(1)
time.sleep(0.3)
after = labels(wire)
print("labels of its client afterwards, and is one the first:", len(after[6, True]), usual[6, True][0] in after[6, True])
enter(client)
try:
    socket.create_connection(("2001:db8::2", CLOSED))
except ConnectionRefusedError:
    pass
print("a reset has a label:", labels(wire)[6, False][0] != 0)
runs = []
for _ in range(2):
    subprocess.run(["ping", "-q", "-c", "2", "-i", "0.2", "2001:db8::2"], check=True, stdout=subprocess.DEVNULL)
    time.sleep(0.2)
    echoes = labels(wire)
    runs.append((echoes[58, True], echoes[58, False]))
print("labels of two runs of ping:", len(runs[0][0]), "equal" if runs[0] == runs[1] else "different")
print("replies have the requests' label:", runs[0][0] == runs[0][1])
PYTHON

while IFS=: read -r words answer; do
    expect "$words" "${answer# }" "$(sed -n "s/^$words: //p" "$work/seen")"
done <<'ANSWERS'
labels of a connection, there and back: 1 1
the same both ways: False
labels of its client while packets are lost, three or more: True
labels of its client afterwards, and is one the first: 1 False
a reset has a label: True
labels of two runs of ping: 1 equal
replies have the requests' label: False
ANSWERS
