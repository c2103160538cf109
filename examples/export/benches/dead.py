#!/usr/bin/env python3
"""Memory of an exporter whose receiver is dead: it accepts connections and reads nothing, or refuses them.

    cargo build -p mermin-ipfix -p mermin-otlp -p mermin-nats -p mermin-kafka --features mermin-kafka/librdkafka
    examples/export/benches/dead.py target/debug/mermin-ipfix ipfix+tcp://127.0.0.1:PORT
    examples/export/benches/dead.py target/debug/mermin-nats nats://127.0.0.1:PORT/FLOWS
    examples/export/benches/dead.py target/debug/mermin-kafka kafka://127.0.0.1:PORT/FLOWS
    examples/export/benches/dead.py --refuse target/debug/mermin-otlp otlp://127.0.0.1:PORT

PORT is where the receiver is. The exporter reads a capture from a pipe: a new flow in each packet, no more than 10,000 in a second. The
script prints the resident memory and the packets that the exporter has taken, for 60 s, and fails if memory still grows in the second half.
"""

import argparse
import os
import socket
import struct
import subprocess
import sys
import threading
import time

SECONDS, STEP = 60, 5
BURST, PAUSE = 500, 0.05  # flows, seconds
MOST_GROWTH = 4  # MiB in the second half


def packet(number, seconds):
    """A record of a capture: a datagram of another flow than the ones before."""
    source = struct.pack("!I", 0x0A000000 | number * 7919 & 0xFFFFFF)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 36, number & 0xFFFF, 0, 64, 17, 0, source, bytes([192, 0, 2, 1]))
    udp = struct.pack("!HHHH", 1024 + number % 60000, 53, 16, 0) + bytes(8)
    frame = bytes([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]) + ip + udp
    return struct.pack("<IIII", int(seconds), int(seconds % 1 * 1e6), len(frame), len(frame)) + frame


class Feed:
    """Writes a capture into a pipe. `sent` is how many packets the reader has taken."""

    def __init__(self, pipe):
        self.pipe, self.sent = pipe, 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            os.write(self.pipe, struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            seconds = 1.7e9
            while True:
                burst = b"".join(packet(self.sent + number, seconds + number * 0.001) for number in range(BURST))
                while burst:
                    burst = burst[os.write(self.pipe, burst) :]
                self.sent += BURST
                seconds += BURST * 0.001
                time.sleep(PAUSE)
        except BrokenPipeError:
            pass


def resident(process):
    """MiB of a process, 0 if it has ended."""
    if process.poll() is not None:
        return 0
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--refuse", action="store_true", help="nobody listens")
    parser.add_argument("program")
    parser.add_argument("target")
    arguments = parser.parse_args()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    if not arguments.refuse:
        listener.listen()
    reader, writer = os.pipe()
    command = [arguments.program, "--pcap", "/dev/stdin", "--to", arguments.target.replace("PORT", str(port))]
    process = subprocess.Popen(command, stdin=reader, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(reader)
    feed, sizes = Feed(writer), []
    try:
        for _ in range(SECONDS // STEP):
            time.sleep(STEP)
            sizes.append(resident(process))
            print(f"{len(sizes) * STEP:3} s {sizes[-1]:5} MiB, {feed.sent} packets", flush=True)
    finally:
        process.kill()
        process.wait()
    growth = sizes[-1] - sizes[len(sizes) // 2 - 1]
    if 0 in sizes or growth > MOST_GROWTH:
        sys.exit(f"{growth} MiB more in the second half, or the exporter has ended")


if __name__ == "__main__":
    main()
