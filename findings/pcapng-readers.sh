#!/usr/bin/env bash
# Valid pcapng files read by tshark 4.0.17, tcpdump 4.99.3 (Debian 12), scapy 2.8.0, dpkt 1.9.8 and python-pcapng 2.1.1: times and lengths differ.
#
# * if_tsoffset: scapy and python-pcapng leave it out; packets are an hour off.
# * Two interfaces with different resolutions: dpkt divides every time by the resolution of the first one, 1700000000 s becomes
#   1700000000000 s.
# * A second section of the other byte order: tcpdump ends with an error, dpkt ends without one, the rest is not read.
# * A Simple Packet Block has no time: tcpdump shows 1970, scapy the time of reading it, tshark and python-pcapng none, and dpkt
#   leaves the packet out. Where the interface has no snapshot length, scapy keeps no octet of it.
# * Interfaces of two link types: tcpdump reads none of it.
# * A custom block of an unknown enterprise: tshark shows it as a packet of 4 octets.
# Each answer is the time (less 1,700,000,000 s where it is near) and the length of every packet.
. "$(dirname "$0")/lib/common.sh"

debian tshark=4.0.17-0+deb12u3 tcpdump=4.99.3-1
pypi scapy==2.8.0 dpkt==1.9.8 python-pcapng==2.1.1
cd "$work"
python >seen 2>scapy.log <<'PYTHON'
import struct, subprocess, time
import dpkt, pcapng, scapy.utils
from capture import ethernet, ipv4, udp

T = 1_700_000_000
FRAME = ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(1, 2, b"x" * 20)))


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, 12 + len(body)) + body + struct.pack(order + "I", 12 + len(body))


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order="<"):
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(*options, link=1, order="<"):
    return block(1, struct.pack(order + "HHI", link, 0, 0) + b"".join(options) + (bytes(4) if options else b""), order)


def packet(number, stamp, frame=FRAME, order="<"):
    head = struct.pack(order + "IIIII", number, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, head + frame, order)


NANO = option(9, b"\x09")
FILES = {
    "offset": [section(), interface(option(14, struct.pack("<q", 3600))), packet(0, T * 10**6 + 5)],
    "resolutions": [section(), interface(), interface(NANO), packet(0, T * 10**6 + 5), packet(1, T * 10**9 + 6)],
    "sections": [section(), interface(), packet(0, T * 10**6 + 5), section(">"), interface(order=">"), packet(0, T * 10**6 + 6, order=">")],
    "simple": [section(), interface(), block(3, struct.pack("<I", len(FRAME)) + FRAME)],
    "links": [section(), interface(), interface(link=101), packet(1, T * 10**6 + 5, FRAME[14:]), packet(0, T * 10**6 + 6)],
    "custom": [section(), block(0xBAD, struct.pack("<I", 32473) + b"note"), interface(), packet(0, T * 10**6 + 5)],
}


def when(seconds):
    if seconds is None:
        return "none"
    seconds = float(seconds)
    if abs(seconds - time.time()) < 60:
        return "now"
    return f"{seconds - T:.6f}" if abs(seconds - T) < 10**5 else f"{seconds:.6f}"


def by_tshark(name):
    seen = subprocess.run(["tshark", "-r", name, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len"], capture_output=True, text=True)
    return [(stamp or None, length) for stamp, length in (line.split("\t") for line in seen.stdout.splitlines())]


def by_tcpdump(name):
    seen = subprocess.run(["tcpdump", "-e", "-nttr", name], capture_output=True, text=True)
    lines = [line.split(", ethertype")[0].split() for line in seen.stdout.splitlines()]
    packets = [(words[0], len(FRAME)) for words in lines]
    return packets + ([("error", 0)] if "pcap_loop" in seen.stderr else [])


READERS = {
    "tshark": by_tshark,
    "tcpdump": by_tcpdump,
    "scapy": lambda name: [(it.time, len(it)) for it in scapy.utils.rdpcap(name)],
    "dpkt": lambda name: [(stamp, len(octets)) for stamp, octets in dpkt.pcapng.Reader(open(name, "rb"))],
    "pcapng": lambda name: [
        (None if "Simple" in type(it).__name__ else it.timestamp, it.packet_len)
        for it in pcapng.FileScanner(open(name, "rb"))
        if "Packet" in type(it).__name__
    ],
}
for name, blocks in FILES.items():
    with open(f"{name}.pcapng", "wb") as out:
        out.write(b"".join(blocks))
    for reader, read in READERS.items():
        answer = " ".join(f"{stamp if stamp == 'error' else when(stamp)}/{length}" for stamp, length in read(f"{name}.pcapng"))
        print(name, reader, answer)
PYTHON

while read -r name reader answer; do
    expect "$name, $reader" "$answer" "$(sed -n "s/^$name $reader //p" seen)"
done <<'ANSWERS'
offset tshark 3600.000005/62
offset tcpdump 3600.000005/62
offset scapy 0.000005/62
offset dpkt 3600.000005/62
offset pcapng 0.000005/62
resolutions tshark 0.000005/62 0.000000/62
resolutions tcpdump 0.000005/62 0.000000/62
resolutions scapy 0.000005/62 0.000000/62
resolutions dpkt 0.000005/62 1700000000000.000000/62
resolutions pcapng 0.000005/62 0.000000/62
sections tshark 0.000005/62 0.000006/62
sections tcpdump 0.000005/62 error/0
sections scapy 0.000005/62 0.000006/62
sections dpkt 0.000005/62
sections pcapng 0.000005/62 0.000006/62
simple tshark none/62
simple tcpdump 0.000000/62
simple scapy now/0
simple dpkt
simple pcapng none/62
links tshark 0.000005/48 0.000006/62
links tcpdump error/0
links scapy 0.000005/48 0.000006/62
links dpkt 0.000005/48 0.000006/62
links pcapng 0.000005/48 0.000006/62
custom tshark none/4 0.000005/62
custom tcpdump 0.000005/62
custom scapy 0.000005/62
custom dpkt 0.000005/62
custom pcapng 0.000005/62
ANSWERS
