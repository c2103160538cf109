#!/usr/bin/env bash
# Linux (seen on 6.18), packets and octets of a control group by cgroup_skb programs (as systemd's IPAccounting=), as root: sockets are counted, not packets.
#
# A program runs once for each socket of the group that a packet is given to, before the socket decides on it; here beside programs at both TCX hooks of the host's interface.
# * A multicast datagram counts once for each member: ten datagrams are twenty for a group of processes with two.
# * A raw socket for ICMP, as agents have that measure round trips, is given all ICMP of the host: ten pings of others, with their ten replies,
#   are ten packets received by the group.
# * Datagrams that find the receive buffer full count as received, and no process gets them.
# * A datagram in three fragments is one packet, both ways, without two of the three headers.
# * Errors that answer a datagram (port unreachable), resets and replies to what has no socket count nowhere.
# * A connection belongs to the group of whoever made the listening socket: a worker in a group of its own that accepts it has nothing.
# So a sum over all groups is not what the interface has, and may be more.
. "$(dirname "$0")/lib/common.sh"

one="finding-a-$$" other="finding-b-$$"
namespace "$one" "$other"
ip -n "$one" link add veth0 type veth peer name veth0 netns "$other"
i=0
for host in "$one" "$other"; do
    i=$((i + 1))
    nsenter --net="/run/netns/$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip -n "$host" link set veth0 up
    ip -n "$host" address add "192.0.2.$i/24" dev veth0
done
# No packet of ARP comes in between.
address_of() {
    ip -n "$1" -json link show veth0 | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["address"])'
}
ip -n "$one" neighbour replace 192.0.2.2 dev veth0 lladdr "$(address_of "$other")"
ip -n "$other" neighbour replace 192.0.2.1 dev veth0 lladdr "$(address_of "$one")"
# A mount of the one hierarchy, with two groups of this script's.
mkdir "$work/groups"
mount -t cgroup2 none "$work/groups"
parent="$work/groups/finding-$$"
mkdir "$parent" "$parent/service" "$parent/worker"
end_groups() {
    local status=$?
    rmdir "$parent/service" "$parent/worker" "$parent" || true
    umount "$work/groups" || true
    return "$status"
}
trap 'if end_groups; then finish; else finish; fi' EXIT
python - "$one" "$other" "$parent" >"$work/seen" <<'PYTHON'
import ctypes, os, socket, struct, subprocess, sys, time
import tcx

CGROUP_SKB, PROG_ATTACH, INGRESS, EGRESS = 8, 8, 0, 1
library = ctypes.CDLL(None, use_errno=True)
one, other, parent = sys.argv[1:]


def group(name):
    """Programs for both directions of a group."""
    place = os.open(f"{parent}/{name}", os.O_RDONLY)
    looks = tcx.Look(1, CGROUP_SKB), tcx.Look(1, CGROUP_SKB)
    for look, hook in zip(looks, (INGRESS, EGRESS)):
        tcx.bpf(PROG_ATTACH, struct.pack("<IIII", place, look.program, hook, 0))
    os.close(place)
    return looks


def enter(name):
    """In that group. This process ends in none of the script's."""
    with open(f"{parent}/{name}/cgroup.procs", "w") as out:
        out.write("0")


def other_host(*command):
    """Runs outside of the groups, which is where this process is at that time."""
    subprocess.run(["nsenter", f"--net=/run/netns/{other}", *command], check=True, capture_output=True)


def send(kind, count, size, target):
    other_host("python3", "-c", f"import socket\ns = socket.socket(type=socket.{kind})\nfor _ in range({count}): s.sendto(bytes({size}), {target})")


def made(name, make):
    """Sockets belong to the group in which they were made."""
    enter(name)
    it = make()
    with open(f"{parent}/cgroup.procs", "w") as out:
        out.write("0")
    return it


def udp(port=0, address="192.0.2.1", member=False):
    it = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    it.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    it.bind((address, port))
    if member:
        it.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(address) + socket.inet_aton("192.0.2.1"))
    return it


groups = {"service": group("service"), "worker": group("worker")}
place = os.open(f"/run/netns/{one}", os.O_RDONLY)
if library.setns(place, 0):
    raise OSError(ctypes.get_errno(), "setns")
index = socket.if_nametoindex("veth0")
wire = tcx.Look(), tcx.Look()
links = [tcx.attach(look.program, index, hook) for look, hook in zip(wire, (tcx.TCX_INGRESS, tcx.TCX_EGRESS))]
state = {}


def counts(looks):
    return [number for look in looks for number in look.seen()[:2]]


def say(words, names=("service",)):
    """Packets and octets since the last call, in and out; those of the interface have 14 octets of Ethernet each."""
    time.sleep(0.2)
    for name, looks in (("interface", wire), *groups.items()):
        now = counts(looks)
        moved = [new - old for new, old in zip(now, state.get(name, [0] * 4))]
        state[name] = now
        if words and name in ("interface", *names):
            print(f"{words}, {name}: in {moved[0]} of {moved[1]}, out {moved[2]} of {moved[3]}")


members = [made("service", lambda: udp(5000, "239.1.2.3", True)) for _ in range(2)]
time.sleep(4)  # Until the membership has been reported.
other_host("ip", "route", "replace", "239.0.0.0/8", "dev", "veth0")
say("")
send("SOCK_DGRAM", 10, 100, ("239.1.2.3", 5000))
say("multicast")
raw = made("service", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
other_host("ping", "-c", "10", "-i", "0.05", "-q", "192.0.2.1")
say("pings of others")
raw.close()
small = made("service", lambda: udp(6000))
small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
send("SOCK_DGRAM", 20, 1000, ("192.0.2.1", 6000))
say("full buffer")
got = 0
small.setblocking(False)
try:
    while small.recv(2000):
        got += 1
except BlockingIOError:
    pass
print("full buffer, fewer than half came to the process:", got < 10)
sender = made("service", udp)
large = made("service", lambda: udp(6001))
send("SOCK_DGRAM", 1, 3000, ("192.0.2.1", 6001))
say("fragments, in")
other_end = subprocess.Popen(["nsenter", f"--net=/run/netns/{other}", "python3", "-c",
    "import socket\ns = socket.socket(type=socket.SOCK_DGRAM)\ns.bind(('192.0.2.2', 6002))\nprint(flush=True)\ns.recv(4000)"], stdout=subprocess.PIPE)
other_end.stdout.readline()
sender.sendto(bytes(3000), ("192.0.2.2", 6002))
other_end.wait(10)
say("fragments, out")
sender.sendto(bytes(100), ("192.0.2.2", 9))
say("answered by an error")
send("SOCK_DGRAM", 1, 100, ("192.0.2.1", 9))
say("to a port without a socket")
listener = made("service", lambda: socket.create_server(("192.0.2.1", 7000)))
client = subprocess.Popen(["nsenter", f"--net=/run/netns/{other}", "python3", "-c",
    "import socket, time\ns = socket.create_connection(('192.0.2.1', 7000))\ns.send(bytes(100))\ns.recv(100)\ntime.sleep(1)"])
connection = made("worker", lambda: listener.accept()[0])
enter("worker")
connection.recv(100)
connection.send(bytes(100))
with open(f"{parent}/cgroup.procs", "w") as out:
    out.write("0")
say("connection of a worker", ("service", "worker"))
client.wait(10)
with open(f"{os.path.dirname(parent)}/cgroup.procs", "w") as out:
    out.write("0")
PYTHON

while IFS= read -r line; do
    words=${line%:*}
    expect "$words" "${line##*: }" "$(sed -n "s/^$words: //p" "$work/seen")"
done <<'ANSWERS'
multicast, interface: in 10 of 1420, out 0 of 0
multicast, service: in 20 of 2560, out 0 of 0
pings of others, interface: in 10 of 980, out 10 of 980
pings of others, service: in 10 of 840, out 0 of 0
full buffer, interface: in 20 of 20840, out 0 of 0
full buffer, service: in 20 of 20560, out 0 of 0
full buffer, fewer than half came to the process: True
fragments, in, interface: in 3 of 3110, out 0 of 0
fragments, in, service: in 1 of 3028, out 0 of 0
fragments, out, interface: in 0 of 0, out 3 of 3110
fragments, out, service: in 0 of 0, out 1 of 3028
answered by an error, interface: in 1 of 170, out 1 of 142
answered by an error, service: in 0 of 0, out 1 of 128
to a port without a socket, interface: in 1 of 142, out 1 of 170
to a port without a socket, service: in 0 of 0, out 0 of 0
connection of a worker, interface: in 4 of 372, out 3 of 306
connection of a worker, service: in 4 of 316, out 3 of 264
connection of a worker, worker: in 0 of 0, out 0 of 0
ANSWERS
