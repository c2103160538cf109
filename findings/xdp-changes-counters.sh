#!/usr/bin/env bash
# Linux (seen on 6.18), an XDP program that lets everything pass, at one end of a veth pair, as root: the counters of both ends are then another count.
#
# 3,000,000 octets go over TCP, about 2,080 segments, from the one end to the other, where the program is attached and taken away again.
# * Without it both interfaces (`ip -s link`, iproute2 6.1.0, Debian 12), both TCX hooks and InSegs of Tcp have some 60 super-packets.
# * With it in the driver (what `ip link set .. xdp` takes where it can) the super-packets are cut behind the sender's egress hook: both interfaces, the ingress hook and InSegs
#   have some 2,080 packets, and 130,000 octets more, as each has headers. The egress hook has 60 as before. All
#   that shows at the sender is `tcp-segmentation-offload: off` in `ethtool -k`, without a word on why.
# * In the generic mode (`xdpgeneric`) all have 60, and so has the XDP program: it is given super-packets of 64 KiB.
# So packets and octets of a container jump when an XDP tool is started at its other end, and fall back when it stops, with the same traffic. The two hooks agree
# before and afterwards, and not in between.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3 ethtool=1:6.1-1
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
python - "$one" "$other" >"$work/seen" <<'PYTHON'
import ctypes, json, os, socket, struct, subprocess, sys, threading, time
import tcx

XDP, XDP_PASS, BPF_XDP, GENERIC, DRIVER = 6, 2, 37, 2, 4
library = ctypes.CDLL(None, use_errno=True)
one, other = sys.argv[1:]


def enter(name):
    place = os.open(f"/run/netns/{name}", os.O_RDONLY)
    if library.setns(place, 0):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(place)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def counters():
    """Packets and octets of the interface, both ways together (only one of them carries payload), and InSegs."""
    link = json.loads(run("ip", "-s", "-json", "link", "show", "veth0"))[0]["stats64"]
    lines = [line.split() for line in open("/proc/thread-self/net/snmp") if line.startswith("Tcp:")]
    return [link[way][field] for way in ("rx", "tx") for field in ("packets", "bytes")] + [int(lines[1][lines[0].index("InSegs")])]


def about(packets):
    return "super-packets" if packets < 300 else "segments" if 2000 < packets < 2300 else packets


def headers(octets):
    return "repeated" if octets > 3_100_000 else "once"


def transfer(words, program=None):
    enter(other)
    ingress = tcx.Look()
    links = [tcx.attach(ingress.program, socket.if_nametoindex("veth0"), tcx.TCX_INGRESS)]
    server = socket.create_server(("192.0.2.2", 0))
    there = counters()
    enter(one)
    egress = tcx.Look()
    links.append(tcx.attach(egress.program, socket.if_nametoindex("veth0"), tcx.TCX_EGRESS))
    here = counters()

    def receive():
        connection, _ = server.accept()
        while connection.recv(1 << 20):
            pass

    thread = threading.Thread(target=receive)
    thread.start()
    with socket.create_connection(server.getsockname()) as it:
        it.sendall(bytes(3_000_000))
    thread.join()
    time.sleep(0.2)
    here = [new - old for new, old in zip(counters(), here)]
    enter(other)
    there = [new - old for new, old in zip(counters(), there)]
    print(f"{words}, egress hook of the sender:", about(egress.seen()[0]), headers(egress.seen()[1]))
    print(f"{words}, interface of the sender:", about(here[2]), headers(here[3]))
    print(f"{words}, interface of the receiver:", about(there[0]), headers(there[1]))
    print(f"{words}, ingress hook of the receiver:", about(ingress.seen()[0]), headers(ingress.seen()[1]))
    print(f"{words}, InSegs of the receiver:", about(there[4]))
    for link in links:
        os.close(link)


def feature(name):
    enter(name)
    return next(line for line in run("ethtool", "-k", "veth0").splitlines() if line.startswith("tcp-seg"))


def counter():
    """An XDP program that counts packets and lets them pass, and its map."""
    counts = tcx.bpf(tcx.MAP_CREATE, struct.pack("<IIII", 2, 4, 8, 1))
    code = [(0x62, 10, 0, -4), (0xBF, 2, 10), (0x07, 2, 0, 0, -4), (0x18, 1, 1, 0, counts), (0,), (0x85, 0, 0, 0, 1), (0x15, 0, 0, 2),
            (0xB7, 1, 0, 0, 1), (0xDB, 0, 1), (0xB7, 0, 0, 0, XDP_PASS), (0x95,)]
    return tcx.program(b"".join(tcx.instruction(*it) for it in code), kind=XDP), counts


def value(counts):
    key, number = ctypes.create_string_buffer(4), ctypes.create_string_buffer(8)
    tcx.bpf(tcx.MAP_LOOKUP, struct.pack("<IIQQ", counts, 0, ctypes.addressof(key), ctypes.addressof(number)))
    return struct.unpack("<Q", number)[0]


transfer("before")
for words, mode in (("in the driver", DRIVER), ("generic", GENERIC)):
    enter(other)
    program, counts = counter()
    link = tcx.bpf(tcx.LINK_CREATE, struct.pack("<IIII", program, socket.if_nametoindex("veth0"), BPF_XDP, mode))
    print(f"{words}, feature of the sender:", feature(one))
    transfer(words)
    print(f"{words}, XDP program:", about(value(counts)))
    os.close(link)
    os.close(program)
    time.sleep(0.5)
transfer("afterwards")
PYTHON

while IFS= read -r line; do
    words=${line%: *}
    expect "$words" "${line##*: }" "$(sed -n "s/^$words: //p" "$work/seen")"
done <<'ANSWERS'
before, egress hook of the sender: super-packets once
before, interface of the sender: super-packets once
before, interface of the receiver: super-packets once
before, ingress hook of the receiver: super-packets once
before, InSegs of the receiver: super-packets
in the driver, feature of the sender: tcp-segmentation-offload: off
in the driver, egress hook of the sender: super-packets once
in the driver, interface of the sender: segments repeated
in the driver, interface of the receiver: segments repeated
in the driver, ingress hook of the receiver: segments repeated
in the driver, InSegs of the receiver: segments
in the driver, XDP program: segments
generic, feature of the sender: tcp-segmentation-offload: on
generic, egress hook of the sender: super-packets once
generic, interface of the sender: super-packets once
generic, interface of the receiver: super-packets once
generic, ingress hook of the receiver: super-packets once
generic, InSegs of the receiver: super-packets
generic, XDP program: super-packets
afterwards, egress hook of the sender: super-packets once
afterwards, interface of the sender: super-packets once
afterwards, interface of the receiver: super-packets once
afterwards, ingress hook of the receiver: super-packets once
afterwards, InSegs of the receiver: super-packets
ANSWERS
