#!/usr/bin/env python3
"""mermin-ipfix beside softflowd and pmacctd: one capture for all, and what `ipfixDump` reads of the records.

    cargo build --release -p mermin-ipfix
    sudo examples/ipfix/benches/beside/main.py target/release/mermin-ipfix

Debian's packages softflowd, pmacct and libfixbuf-tools have the other programs. All traffic is on the loopback address.
"""

import calendar
import ipaddress
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import capture

FIELDS = ["packets", "octets", "flags", "tos", "vlan", "source MAC", "destination MAC", "first", "last"]
SO_RCVBUFFORCE = 33  # socket(7)
QUIET = 3.0  # seconds without a datagram after which a program has sent all
LONGEST = 60.0  # seconds for one run
FLOWS, ROUNDS = 20_000, 5
EXPORTERS = ["mermin-ipfix", "softflowd", "pmacctd"]


class Collector:
    """Stores datagrams."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.datagrams, self.last, self.over = [], time.monotonic(), False
        self.thread = threading.Thread(target=self.receive)
        self.thread.start()

    def receive(self):
        while not self.over:
            try:
                self.datagrams.append(self.socket.recv(1 << 16))
                self.last = time.monotonic()
            except TimeoutError:
                pass

    def close(self):
        self.over = True
        self.thread.join()
        self.socket.close()


def command(name, mermin, file, port, folder):
    """The command by which an exporter reads a capture and sends to a port of this host."""
    if name == "mermin-ipfix":
        return [mermin, "--pcap", file, "--to", f"ipfix://127.0.0.1:{port}"]
    if name == "softflowd":
        return f"softflowd -r {file} -n 127.0.0.1:{port} -v 10 -A milli -T full -m 131072".split()
    config = os.path.join(folder, "pmacctd.conf")
    with open(config, "w") as out:
        out.write(f"""
pcap_savefile: {file}
pcap_savefile_wait: {int(LONGEST)}
plugins: nfprobe
nfprobe_receiver: 127.0.0.1:{port}
nfprobe_version: 10
nfprobe_timeouts: tcp=1:tcp.rst=1:tcp.fin=1:udp=1:icmp=1:general=1:maxlife=600:expint=1
nfprobe_maxflows: 131072
plugin_buffer_size: 1024000
plugin_pipe_size: 102400000
aggregate: src_mac, dst_mac, vlan, src_host, dst_host, src_port, dst_port, proto, tos, tcpflags
""")
    return ["pmacctd", "-f", config]


def run(words, collector):
    """Runs a command. Returns its processor seconds until it ended or sent nothing any more."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    path = os.environ["PATH"] + ":/usr/sbin"
    program = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"PATH": path}, start_new_session=True
    )
    began = collector.last = time.monotonic()
    while program.poll() is None and time.monotonic() - began < LONGEST:
        if time.monotonic() - collector.last > QUIET and collector.datagrams:
            break
        time.sleep(0.05)
    if program.poll() is None:
        # pmacctd stays when it has read its file. Its plugins are processes of its group.
        os.killpg(program.pid, signal.SIGINT)
        try:
            program.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
    time.sleep(0.5)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def exported(name, mermin, file, folder):
    """Runs an exporter on a capture. Returns its records and its processor seconds."""
    collector = Collector()
    try:
        seconds = run(command(name, mermin, file, collector.port, folder), collector)
    finally:
        collector.close()
    return read(collector.datagrams, folder), seconds


def read(datagrams, folder):
    """Records as `ipfixDump` shows them, elements by their names."""
    path = os.path.join(folder, "messages")
    with open(path, "wb") as out:
        out.write(b"".join(datagrams))
    text = subprocess.run(["ipfixDump", "--in", path], stdout=subprocess.PIPE, text=True, check=True).stdout
    records = []
    for part in re.split(r"^--- ", text, flags=re.MULTILINE):
        if part.startswith("data record"):
            pairs = (line.split(" : ", 1) for line in part.splitlines() if " : " in line)
            records.append({name.split()[-1]: value.strip() for name, value in pairs})
    return [record for record in records if "protocolIdentifier" in record]


def milliseconds(text):
    found = re.match(r"(\d+)-(\d+)-(\d+) (\d+):(\d+):(\d+)\.?(\d*)", text or "")
    if not found:
        return None
    *date, fraction = found.groups()
    return calendar.timegm(tuple(map(int, date)) + (0, 0, 0)) * 1000 + int((fraction + "000")[:3])


def one(record, *names):
    """The first of these elements that a record has."""
    return next((record[name] for name in names if name in record), None)


def number(text):
    return None if text is None else int(text, 0)


def understood(record):
    """Key and fields of a record."""
    protocol = int(record["protocolIdentifier"])
    source = one(record, "sourceIPv4Address", "sourceIPv6Address")
    destination = one(record, "destinationIPv4Address", "destinationIPv6Address")
    if protocol in (1, 58):
        ports = (0, number(one(record, "icmpTypeCodeIPv4", "icmpTypeCodeIPv6", "destinationTransportPort")) or 0)
    else:
        ports = (int(record.get("sourceTransportPort", 0)), int(record.get("destinationTransportPort", 0)))
    key = (str(ipaddress.ip_address(source)), str(ipaddress.ip_address(destination)), *ports, protocol)
    return key, {
        "packets": number(one(record, "packetDeltaCount", "packetTotalCount")),
        "octets": number(one(record, "octetDeltaCount", "octetTotalCount")),
        "flags": number(one(record, "tcpControlBits")),
        "tos": number(one(record, "ipClassOfService")),
        "vlan": number(one(record, "vlanId", "dot1qVlanId")),
        "source MAC": one(record, "sourceMacAddress"),
        "destination MAC": one(record, "destinationMacAddress"),
        "first": milliseconds(one(record, "flowStartMilliseconds", "flowStartMicroseconds")),
        "last": milliseconds(one(record, "flowEndMilliseconds", "flowEndMicroseconds")),
    }


def compared(expected, found):
    """Records whose key is missing or is not there, and of each field how many are wrong and how many of those absent."""
    wrong = {field: [0, 0] for field in FIELDS}
    by_key = {}
    for key, record in found:
        by_key.setdefault(key, []).append(record)
    keys = sum(1 for key in expected if len(by_key.get(key, [])) != 1) + sum(1 for key in by_key if key not in expected)
    for key, record in expected.items():
        for field in FIELDS:
            value = by_key.get(key, [{}])[0].get(field)
            # No tag and no flags may be said by silence.
            if value != record[field] and not (value is None and record[field] == 0):
                wrong[field][0] += 1
                wrong[field][1] += value is None
    return keys, wrong


def print_fields(mermin, folder):
    """A table of the records in which a field is wrong, and of those in which it is absent."""
    file = os.path.join(folder, "known.pcap")
    known = capture.known()
    known.write(file)
    results = {}
    for name in EXPORTERS:
        records, _ = exported(name, mermin, file, folder)
        results[name] = len(records), *compared(known.records, [understood(record) for record in records])
    print(f"{len(known.packets)} packets, {len(known.records)} records. Wrong (of those, absent):\n")
    print("| field | " + " | ".join(results) + " |\n|---|" + "---|" * len(results))
    print("| records | " + " | ".join(str(count) for count, _, _ in results.values()) + " |")
    print("| addresses, ports, protocol, ICMP type | " + " | ".join(str(keys) for _, keys, _ in results.values()) + " |")
    for field in FIELDS:
        cells = (f"{wrong[field][0]} ({wrong[field][1]})" if wrong[field][0] else "0" for _, _, wrong in results.values())
        print(f"| {field} | " + " | ".join(cells) + " |")
    sums = (sum(each[0] for each in wrong.values()) for _, _, wrong in results.values())
    print("| all fields | " + " | ".join(map(str, sums)) + " |\n")


def print_speed(mermin, folder):
    """Processor time of whole programs, in turns."""
    file = os.path.join(folder, "many.pcap")
    many = capture.many(FLOWS)
    many.write(file)
    print(f"{len(many.packets)} packets, {FLOWS} flows, {len(many.records)} records; processor ms, {ROUNDS} rounds:")
    spent = {name: [] for name in EXPORTERS}
    sent = {}
    for _ in range(ROUNDS):
        for name in EXPORTERS:
            records, seconds = exported(name, mermin, file, folder)
            spent[name].append(seconds * 1000)
            sent[name] = len(records)
    for name, rounds in spent.items():
        rounds.sort()
        print(f"{name:<14} median {rounds[len(rounds) // 2]:6.0f}, {rounds[0]:.0f} to {rounds[-1]:.0f}; {sent[name]} records")


def main():
    mermin = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        print_fields(mermin, folder)
        print_speed(mermin, folder)


if __name__ == "__main__":
    main()
