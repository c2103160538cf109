#!/usr/bin/env bash
# netflow_parser 1.0.6 (crate), IPFIX as a Rust program gets it: an empty name loses the rest of a set, and times of two kinds are 70 years apart.
#
# * A string of variable length may be empty, as an interface's name is where there is none (one octet of length, 0). That record and all behind it in its set are missing; there is
#   no error, and the set counts as parsed. Records before it are there, and a long form of the length (255 and two octets) is read.
# * flowStartMilliseconds (152) is a Duration since 1970, flowStartMicroseconds and flowStartNanoseconds (154, 156) are Durations since 1900. The type
#   is the same, so a program that takes any of them for the start has flows of the year 2093.
# * A counter of reduced size (RFC 7011 section 6.2) is a number with 1, 2, 3, 4 or 8 octets; with 5, 6 or 7 it is a list of octets. Whoever asks for a number has none as soon as
#   an exporter sends five.
# * One parser has one list of templates for all observation domains: a template of domain 2 is the one by which packets of domain 1 with that number are read.
# Needs cargo, which compiles for a minute.
. "$(dirname "$0")/lib/common.sh"

crates netflow_parser@1.0.6 serde_json@1.0.145 <<'RUST'
use std::io::Read;

fn main() {
    let mut octets = Vec::new();
    std::io::stdin().read_to_end(&mut octets).unwrap();
    let mut parser = netflow_parser::NetflowParser::default();
    let mut rest = &octets[..];
    while rest.len() >= 16 {
        let length = u16::from_be_bytes([rest[2], rest[3]]) as usize;
        let result = parser.parse_bytes(&rest[..length]);
        rest = &rest[length..];
        let packets = serde_json::to_value(&result.packets).unwrap();
        println!("{}", serde_json::json!({"error": result.error.is_some(), "sets": packets[0]["IPFix"]["flowsets"]}));
    }
}
RUST
cat >"$work/messages.py" <<'PYTHON'
import sys
from ipfix import a_set, address, message, number, template

NAMED, EMPTY, LONG = b"\x04eth0" + number(1, 4), b"\0" + number(2, 4), b"\xff\0\x02lo" + number(3, 4)
NTP = number(1_700_000_000 + 2_208_988_800, 4) + number(1 << 31, 4)
names = template(256, [(82, 65535), (1, 4)])
times = template(257, [(152, 8), (154, 8), (156, 8)])
sizes = template(258, [(1, size) for size in range(1, 9)])
out = sys.stdout.buffer
out.write(message([a_set(2, names), a_set(256, NAMED + LONG + NAMED)]))
out.write(message([a_set(256, NAMED + EMPTY + NAMED + NAMED)]))
out.write(message([a_set(2, times), a_set(257, number(1_700_000_000_500, 8) + NTP + NTP)]))
out.write(message([a_set(2, sizes), a_set(258, b"".join(number(7, size) for size in range(1, 9)))]))
out.write(message([a_set(2, template(259, [(1, 4)])), a_set(259, number(1000, 4))], domain=1))
out.write(message([a_set(2, template(259, [(2, 4)]))], domain=2))
out.write(message([a_set(259, number(1000, 4))], domain=1))
PYTHON
python "$work/messages.py" | "$work/crate/target/debug/finding" >"$work/parsed.json"
python - "$work/parsed.json" >"$work/seen" <<'PYTHON'
import json, sys


def plain(value):
    (kind, it), = value.items()
    return plain(it) if kind == "DataNumber" else f"{kind}:{it}".replace(" ", "").replace("'", "")


for message in map(json.loads, open(sys.argv[1])):
    records = [record for it in message["sets"] if "Data" in it["body"] for record in it["body"]["Data"]["fields"]]
    print("error" if message["error"] else "right", *("/".join(f"{next(iter(name.values()))}={plain(value)}" for name, value in record) for record in records))
PYTHON

of() {
    sed -n "$1p" "$work/seen" | sed -E 's/[A-Za-z]+=//g'
}

expect "three names, one with a long length" "right String:eth0/U32:1 String:lo/U32:3 String:eth0/U32:1" "$(of 1)"
expect "four names, the second empty" "right String:eth0/U32:1" "$(of 2)"
expect "one instant as 152, 154, 156" "right Duration:{nanos:500000000,secs:1700000000}/Duration:{nanos:500000000,secs:3908988800}/Duration:{nanos:500000000,secs:3908988800}" "$(of 3)"
expect "octets in 1 to 8 octets" "right U8:7/U16:7/U24:7/U32:7/Vec:[0,0,0,0,7]/Vec:[0,0,0,0,0,7]/Vec:[0,0,0,0,0,0,7]/U64:7" "$(of 4)"
expect "domain 1, before and after a template of domain 2" "right OctetDeltaCount=U32:1000 right PacketDeltaCount=U32:1000" "$(sed -n 5p "$work/seen") $(sed -n 7p "$work/seen")"
