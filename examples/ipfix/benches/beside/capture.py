"""Captures of flows that are known: each is a list of packets, and the records that a meter has to make of it, one a direction."""

import ipaddress
import struct

START = 1_750_000_000_000  # ms since 1970


def checksum(octets):
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac(number):
    return bytes([2, 0, 0, 0, number >> 8 & 255, number & 255])


class End:
    def __init__(self, address, port, number):
        self.address, self.port, self.mac = ipaddress.ip_address(address), port, mac(number)


def frame(source, destination, protocol, transport, dscp, vlan):
    """Octets of a frame, and of its IP packet."""
    tos = dscp << 2
    if source.address.version == 4:
        total = 20 + len(transport)
        ends = source.address.packed + destination.address.packed
        head = struct.pack("!BBHHHBBH", 0x45, tos, total, 1, 0, 64, protocol, 0)
        head = head[:10] + struct.pack("!H", checksum(head + ends)) + ends
        kind = 0x0800
    else:
        head = struct.pack("!IHBB", 6 << 28 | tos << 20, len(transport), protocol, 64)
        head += source.address.packed + destination.address.packed
        kind = 0x86DD
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    packet = head + transport
    return destination.mac + source.mac + tag + struct.pack("!H", kind) + packet, len(packet)


def tcp(source, destination, flags, length):
    return struct.pack("!HHIIBBHHH", source.port, destination.port, 1, 1, 0x50, flags, 1000, 0, 0) + b"x" * length


def udp(source, destination, length):
    return struct.pack("!HHHH", source.port, destination.port, 8 + length, 0) + b"x" * length


def echo(source, is_reply):
    kind = (0 if is_reply else 8) if source.address.version == 4 else (129 if is_reply else 128)
    return struct.pack("!BBHHH", kind, 0, 0, 7, 1) + b"x" * 56


# Handshake, a request and an answer, and the end: flags and octets of data, from the client where `True`.
CONNECTION = [
    (True, 0x02, 0), (False, 0x12, 0), (True, 0x10, 0), (True, 0x18, 100), (False, 0x10, 0),
    (False, 0x18, 1000), (True, 0x11, 0), (False, 0x11, 0), (True, 0x10, 0),
]  # fmt: skip
EXCHANGE = [(True, 0, 40), (False, 0, 200)]


class Capture:
    """Packets in the order of time, and the records by the key of their direction."""

    def __init__(self):
        self.packets, self.records = [], {}

    def add(self, time, source, destination, protocol, flags, transport, dscp, vlan):
        octets, length = frame(source, destination, protocol, transport, dscp, vlan)
        self.packets.append((time, octets))
        is_icmp = protocol in (1, 58)
        ports = (0, transport[0] << 8) if is_icmp else (source.port, destination.port)
        key = (str(source.address), str(destination.address), *ports, protocol)
        empty = {"packets": 0, "octets": 0, "flags": 0, "first": time, "tos": dscp << 2, "vlan": vlan}
        ends = {"source MAC": source.mac.hex(":"), "destination MAC": destination.mac.hex(":")}
        record = self.records.setdefault(key, empty | ends)
        record["packets"] += 1
        record["octets"] += length
        record["flags"] |= flags
        record["last"] = time

    def conversation(self, number, kind):
        version = 4 if number % 3 else 6
        address = (lambda host: f"10.{host}.{number >> 8}.{number & 255}") if version == 4 else (
            lambda host: f"fd00:{host}::{number:x}"
        )
        client, server = End(address(1), 40000 + number % 20000, number), End(address(2), 443, number + 30000)
        # An answer may have a class of its own.
        dscp = {True: (0, 46, 10)[number % 3 if number % 2 else 0], False: 0 if number % 2 else (0, 8)[number % 4 // 2]}
        vlan = 100 + number % 50 if number % 4 == 0 else 0
        time = START + number * 7
        for place, (forward, flags, length) in enumerate(CONNECTION if kind == "tcp" else EXCHANGE):
            ends = (client, server) if forward else (server, client)
            if kind == "tcp":
                protocol, transport = 6, tcp(*ends, flags, length)
            elif kind == "udp":
                protocol, transport = 17, udp(*ends, length)
            else:
                protocol, transport = 1 if version == 4 else 58, echo(ends[0], not forward)
            self.add(time + place * 11, *ends, protocol, flags, transport, dscp[forward], vlan)

    def write(self, path):
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for time, octets in sorted(self.packets, key=lambda packet: packet[0]):
                head = struct.pack("<IIII", time // 1000, time % 1000 * 1000, len(octets), len(octets))
                file.write(head + octets)


def known():
    """120 connections, 40 exchanges of datagrams and 40 pings: 1,240 packets."""
    capture = Capture()
    for number in range(200):
        kind = "tcp" if number % 5 < 3 else ("udp" if number % 5 == 3 else "icmp")
        capture.conversation(number, kind)
    return capture


def many(flows):
    """So many connections of six packets and a bit: for speed alone."""
    capture = Capture()
    for number in range(flows):
        capture.conversation(number, "tcp" if number % 5 < 3 else "udp")
    return capture
