#!/usr/bin/env bash
# pcapng files copied by editcap, mergecap, reordercap and tshark 4.0.17 (Debian 12) and scapy 2.8.0: what does not come along.
#
# * The Interface Statistics Block, which says how many packets the capture lost in all (isb_ifdrop), is gone from every copy. `tshark -2`
#   keeps it, `tshark` does not. capinfos counts it in the original; afterwards a capture with losses looks like one without.
# * The Name Resolution Block is gone too, and comes back with no option.
# * A packet's comment, flags, drop count, id and queue are kept, but by scapy the first two alone, and an interface without a name is put in front.
# * mergecap makes one interface of two that are described alike, as `eth0` of two hosts is, and says of neither file's packets which they were;
#   `-I none` keeps them apart. With other snapshot lengths it keeps them apart unasked.
. "$(dirname "$0")/lib/common.sh"

debian tshark=4.0.17-0+deb12u3
pypi scapy==2.8.0
cd "$work"
cat >make.py <<'PYTHON'
import struct
from capture import ethernet, ipv4, socket, udp

AT = 1_700_000_000_123_456_789
frame = ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(1, 2, b"x" * 22)))


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def options(**values):
    out = b"".join(struct.pack("<HH", int(code[1:]), len(it)) + it + b"\0" * (-len(it) % 4) for code, it in values.items())
    return out + bytes(4)


def whole(number):
    return struct.pack("<Q", number)


section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
names = block(4, struct.pack("<HH", 1, 11) + socket.inet_aton("192.0.2.1") + b"host.a\0" + bytes(1) + bytes(4))
time = struct.pack("<II", AT >> 32, AT & 0xFFFFFFFF)
# Comment, flags (inbound), packets dropped before this one, identifier, queue.
packet = struct.pack("<I", 0) + time + struct.pack("<II", len(frame), len(frame)) + frame
packet = block(6, packet + options(_1=b"seen", _2=struct.pack("<I", 1), _4=whole(5), _5=whole(77), _6=struct.pack("<I", 2)))
# Received by the interface, dropped by it, dropped by the operating system.
statistics = block(5, struct.pack("<I", 0) + time + options(_4=whole(100), _5=whole(40), _7=whole(3)))
for name, snap in (("host-a", 0), ("host-b", 0), ("shorter", 1500)):
    interface = block(1, struct.pack("<HHI", 1, 0, snap) + options(_2=b"eth0", _9=b"\x09"))
    open(f"{name}.pcapng", "wb").write(section + interface + names + packet + statistics)
PYTHON
python make.py
cat >blocks.py <<'PYTHON'
"""Blocks of a pcapng file, with the options of packets and of interfaces."""
import struct, sys

NAMES = {0x0A0D0D0A: "section", 1: "interface", 4: "names", 5: "statistics", 6: "packet"}
octets, at, found = open(sys.argv[1], "rb").read(), 0, []
while at < len(octets):
    kind, length = struct.unpack_from("<II", octets, at)
    words = [NAMES[kind]]
    if kind in (1, 6):
        captured = struct.unpack_from("<I", octets, at + 20)[0] if kind == 6 else 0
        option = at + (28 + captured + -captured % 4 if kind == 6 else 16)
        while option < at + length - 4:
            code, size = struct.unpack_from("<HH", octets, option)
            if code == 0:
                break
            if kind == 6 or code == 2:
                words.append({1: "comment", 2: "flags", 4: "drops", 5: "id", 6: "queue"}[code] if kind == 6 else "named")
            option += 4 + size + -size % 4
    found.append("+".join(words))
    at += length
print(*found)
PYTHON

blocks() {
    python blocks.py "$1"
}

packet="packet+comment+flags+drops+id+queue"
expect "the capture" "section interface+named names $packet statistics" "$(blocks host-a.pcapng)"
editcap host-a.pcapng out
expect "editcap" "section interface+named $packet" "$(blocks out)"
reordercap host-a.pcapng out >reordercap.log
expect "reordercap" "section interface+named $packet" "$(blocks out)"
mergecap -w out host-a.pcapng
expect "mergecap of one" "section interface+named $packet" "$(blocks out)"
tshark -r host-a.pcapng -w out 2>/dev/null
expect "tshark" "section interface+named $packet" "$(blocks out)"
tshark -2 -r host-a.pcapng -w out 2>/dev/null
expect "tshark -2" "section interface+named $packet statistics" "$(blocks out)"
expect "statistics that capinfos counts" 1 "$(capinfos host-a.pcapng | sed -n 's/.*stat entries = //p')"
mergecap -w out host-a.pcapng host-b.pcapng
expect "mergecap of two hosts" "section interface+named $packet $packet" "$(blocks out)"
mergecap -I none -w out host-a.pcapng host-b.pcapng
expect "mergecap of two hosts, -I none" "section interface+named interface+named $packet $packet" "$(blocks out)"
mergecap -w out host-a.pcapng shorter.pcapng
expect "mergecap of two that differ in the snapshot length" "section interface+named interface+named $packet $packet" "$(blocks out)"
python - <<'PYTHON'
from scapy.all import rdpcap, wrpcapng

wrpcapng("out", rdpcap("host-a.pcapng"))
PYTHON
expect "scapy" "section interface interface+named packet+comment+flags" "$(blocks out)"
