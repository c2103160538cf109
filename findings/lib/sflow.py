"""sFlow 5 datagrams (their version 5 specification) and a way to send them. The input interface of a sample is the number of its case."""

import socket
import struct


def record(kind, content):
    return struct.pack("!II", kind, len(content)) + content


def raw_header(frame, protocol=1, trailer=4):
    """A raw packet header: the first 128 octets of a frame. frame_length counts the trailer, which is Ethernet's frame check sequence."""
    head = frame[:128]
    return record(1, struct.pack("!IIII", protocol, len(frame) + trailer, trailer, len(head)) + head + bytes(-len(head) % 4))


def sample(kind, content):
    return struct.pack("!II", kind, len(content)) + content


def flow_sample(case, *records, rate=100):
    return sample(1, struct.pack("!IIIIIIII", 1, 1, rate, rate, 0, case, 0, len(records)) + b"".join(records))


def datagram(samples, sequence=1):
    return struct.pack("!II4sIIII", 5, 1, bytes([192, 0, 2, 254]), 0, sequence, 1000, len(samples)) + b"".join(samples)


def send(ports, datagrams):
    """Each goes to all ports of loopback."""
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for it in datagrams:
        for port in ports:
            out.sendto(it, ("127.0.0.1", port))
