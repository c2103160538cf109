"""Frames and pcap files from their parts; checksums are right, so that nothing is flagged for them."""

import socket
import struct


def checksum(octets):
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(payload, ethertype=0x0800, vlan=None):
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    return bytes.fromhex("020000000002020000000001") + tag + struct.pack("!H", ethertype) + payload


def ipv4(source, destination, protocol, payload, identification=1, fragment=0, ttl=64):
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), identification, fragment, ttl, protocol, 0) + ends
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def udp(source, destination, payload):
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def tcp(ends, ports, sequence, acknowledgement, flags, payload=b"", window=65535, options=b""):
    offset = (20 + len(options)) // 4 << 4
    segment = struct.pack("!HHIIBBHHH", *ports, sequence, acknowledgement, offset, flags, window, 0, 0) + options + payload
    pseudo = socket.inet_aton(ends[0]) + socket.inet_aton(ends[1]) + struct.pack("!BBH", 0, 6, len(segment))
    return segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]


class Talk:
    """One TCP connection over Ethernet, as frames with times in milliseconds."""

    def __init__(self, client="192.0.2.1", server="192.0.2.2", ports=(40000, 80)):
        self.client, self.server, self.ports, self.frames = client, server, ports, []

    def say(self, at, forward, sequence, acknowledgement, flags, payload=b"", **more):
        ends = (self.client, self.server) if forward else (self.server, self.client)
        ports = self.ports if forward else self.ports[::-1]
        segment = tcp(ends, ports, sequence, acknowledgement, flags, payload, **more)
        self.frames.append((at, ethernet(ipv4(*ends, 6, segment))))

    def handshake(self, rtt=10):
        self.say(0, True, 1000, 0, SYN)
        self.say(rtt, False, 5000, 1001, SYN | ACK)
        self.say(rtt, True, 1001, 5001, ACK)


def pcap(path, frames, link=1):
    """Frames are (time in milliseconds, octets)."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535 * 4, link))
        for at, octets in frames:
            microseconds = 1_700_000_000_000_000 + round(at * 1000)
            out.write(struct.pack("<IIII", microseconds // 1_000_000, microseconds % 1_000_000, len(octets), len(octets)))
            out.write(octets)
