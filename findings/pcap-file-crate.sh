#!/usr/bin/env bash
# pcap-file 2.0.0 (crate), times of pcapng files: of a file without a time resolution, as dumpcap and tcpdump write for microseconds, every packet is of January 1970.
#
# It takes the count of ticks for nanoseconds, whatever they are.
# * Microseconds, the format's default: 1700000000.123456 s becomes 1700000.000123456 s, and the time between two packets a thousandth of what it was, so a flow's rate is a
#   thousand times too high. No packet's time is out of order by it.
# * Nanoseconds (if_tsresol 9), which editcap and Wireshark's own captures often have: right. So a trial with one file says nothing of the next.
# * A resolution that is a power of two is wrong too, if_tsoffset is left out, and of two interfaces with different resolutions one is right.
# Times of pcap files are right, in both resolutions. The resolution is in the interface's block: multiply by it. Needs cargo, which compiles for some seconds.
. "$(dirname "$0")/lib/common.sh"

crates pcap-file@2.0.0 <<'RUST'
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};

fn main() {
    for name in std::env::args().skip(1) {
        let file = std::fs::File::open(&name).unwrap();
        let mut times = Vec::new();
        if name.ends_with("ng") {
            let mut reader = PcapNgReader::new(file).unwrap();
            while let Some(block) = reader.next_block() {
                if let Block::EnhancedPacket(packet) = block.unwrap() {
                    times.push(format!("{:?}", packet.timestamp));
                }
            }
        } else {
            let mut reader = PcapReader::new(file).unwrap();
            while let Some(packet) = reader.next_packet() {
                times.push(format!("{:?}", packet.unwrap().timestamp));
            }
        }
        println!("{}", times.join(" "));
    }
}
RUST
cd "$work"
python - <<'PYTHON'
import struct


def block(kind, body):
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(*options):
    return block(1, struct.pack("<HHI", 1, 0, 0) + b"".join(options) + (bytes(4) if options else b""))


def packet(ticks, interface=0):
    return block(6, struct.pack("<IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, 60, 60) + bytes(60))


SECTION = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
US, NANO, BINARY = 1_700_000_000_123_456, option(9, b"\x09"), option(9, b"\x94")
FILES = {
    "us": interface() + packet(US) + packet(US + 1_000_000),
    "ns": interface(NANO) + packet(US * 1000),
    "offset": interface(NANO, option(14, struct.pack("<q", 3600))) + packet(US * 1000),
    "binary": interface(BINARY) + packet((1_700_000_000 << 20) + (1 << 19)),
    "two": interface() + interface(NANO) + packet(US) + packet(US * 1000, 1),
}
for name, content in FILES.items():
    with open(f"{name}.pcapng", "wb") as file:
        file.write(SECTION + content)
for name, magic, fraction in (("us", 0xA1B2C3D4, 123_456), ("ns", 0xA1B23C4D, 123_456_789)):
    with open(f"{name}.pcap", "wb") as file:
        file.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, 1) + struct.pack("<IIII", 1_700_000_000, fraction, 60, 60) + bytes(60))
PYTHON

times() {
    crate/target/debug/finding "$1"
}

expect "microseconds, two packets a second apart" "1700000.000123456s 1700000.001123456s" "$(times us.pcapng)"
expect "nanoseconds" "1700000000.123456s" "$(times ns.pcapng)"
expect "nanoseconds and an offset of an hour" "1700000000.123456s" "$(times offset.pcapng)"
expect "2^-20 s, half a second" "1782579.200524288s" "$(times binary.pcapng)"
expect "interfaces of microseconds and nanoseconds, one instant" "1700000.000123456s 1700000000.123456s" "$(times two.pcapng)"
expect "pcap, microseconds and nanoseconds" "1700000000.123456s 1700000000.123456789s" "$(times us.pcap) $(times ns.pcap)"
