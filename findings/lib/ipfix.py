"""IPFIX messages (RFC 7011) from literal templates, and ways to send and receive them."""

import socket
import struct

REVERSE = 29305


def template(number, fields):
    """A template record: fields are (element, length) or (element, length, enterprise)."""
    out = struct.pack("!HH", number, len(fields))
    for field in fields:
        if len(field) == 3:
            out += struct.pack("!HHI", field[0] | 0x8000, field[1], field[2])
        else:
            out += struct.pack("!HH", *field)
    return out


def a_set(number, content):
    return struct.pack("!HH", number, 4 + len(content)) + content


def message(sets, sequence=0, domain=1, time=1_700_000_000):
    body = b"".join(sets)
    return struct.pack("!HHIII", 10, 16 + len(body), time, sequence, domain) + body


def number(value, length):
    return value.to_bytes(length, "big")


def address(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return socket.inet_pton(family, text)


def send(port, *messages):
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for it in messages:
        out.sendto(it, ("127.0.0.1", port))


def listening(port, seconds):
    """A socket that gives datagrams at a port, and TimeoutError after so long without one; the file `listening` then exists."""
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind(("127.0.0.1", port))
    out.settimeout(seconds)
    open("listening", "w").close()
    return out


def records(messages):
    """Each data record of IPFIX messages, as element to octets; elements of enterprises are left out, and a field of variable length has fewer than 255 octets."""
    templates = {}
    for it in messages:
        domain, at = struct.unpack_from("!I", it, 12)[0], 16
        while at < len(it):
            kind, length = struct.unpack_from("!HH", it, at)
            content, at, here = it[at + 4 : at + length], at + length, 0
            if kind == 2:
                while here < len(content):
                    identifier, count = struct.unpack_from("!HH", content, here)
                    here, fields = here + 4, []
                    for _ in range(count):
                        element, size = struct.unpack_from("!HH", content, here)
                        fields.append((element, size))
                        here += 8 if element & 0x8000 else 4
                    templates[domain, identifier] = fields
            elif (domain, kind) in templates:
                while here < len(content):
                    record = {}
                    for element, size in templates[domain, kind]:
                        if size == 65535:
                            here, size = here + 1, content[here]
                        record[element] = content[here : here + size]
                        here += size
                    yield {element: octets for element, octets in record.items() if not element & 0x8000}
