#!/usr/bin/env bash
# Ethernet over MPLS in tshark 4.0.17 (Debian 12): whether there is a control word is guessed from the vendors of the inner addresses.
#
# Nothing in such a frame tells whether the four octets of a control word (RFC 4448) stand between the label and the inner Ethernet header, which is
# known at both ends alone. tshark says "no control word" where the octets behind the label look like two addresses of known vendors. Addresses of containers and
# virtual machines are mostly local ones, made at random, so of the same inner datagram
# * without a control word most are read with one: the inner frame is LLC, and there is no IP. With vendors' addresses it is right.
# * with a control word most are right, as four octets of zero make a wrong vendor only where the address begins with 02:00.
# * whose inner address begins with 4 or 6 are "IPv4" or "IPv6" behind the label (RFC 4928 warns of this); with 5 it is not Ethernet at all, as
#   KVM's 52:54:00.
# tcpdump 4.99.3 shows the label and nothing behind it for all but the "IPv4". As referees of a meter that looks into pseudowires neither serves,
# unless tshark is told, here for label 100: `-d mpls.label==100,pwethcw` or `pwethnocw`; then all are right.
. "$(dirname "$0")/lib/common.sh"

debian tshark=4.0.17-0+deb12u3 tcpdump=4.99.3-1
cd "$work"
python - <<'PYTHON'
import struct
from capture import *

ADDRESSES = ["00000c112233", "0242ac110002", "06c73a123456", "020000000009", "4a1122334455", "525400123456"]
label = struct.pack("!I", 100 << 12 | 0x100 | 64)
inner = ethernet(ipv4("10.9.0.1", "10.9.1.1", 17, udp(7000, 9, b"x" * 30)))[12:]
for name, word in (("without", b""), ("with", bytes(4))):
    frames = [ethernet(label + word + bytes.fromhex(address) * 2 + inner, 0x8847) for address in ADDRESSES]
    pcap(f"{name}.pcap", enumerate(frames))
PYTHON

# behind FILE OPTION ..: what tshark finds behind the label of each frame.
behind() {
    tshark -n -r "$1.pcap" "${@:2}" -T fields -e frame.protocols 2>/dev/null | sed 's/.*:mpls:pwethheuristic://; s/.*:mpls://; s/:ethertype//; s/:udp:data//' | paste -sd ' '
}

expect "without a control word" \
    "pwethnocw:eth:ip pwethcw:eth:llc:data pwethcw:eth:llc:data pwethcw:eth:llc:data ip:data data" "$(behind without)"
expect "with one" \
    "pwethcw:eth:ip pwethcw:eth:ip pwethcw:eth:ip pwethnocw:eth:data pwethcw:eth:ip pwethnocw:eth:llc:osi:data" "$(behind with)"
told="eth:ip eth:ip eth:ip eth:ip eth:ip eth:ip"
expect "without, tshark being told" "$told" "$(behind without -d mpls.label==100,pwethnocw | sed 's/pwethnocw://g')"
expect "with one, tshark being told" "$told" "$(behind with -d mpls.label==100,pwethcw | sed 's/pwethcw://g')"
for file in without with; do
    expect "tcpdump, $file: frames, lines with the inner datagram" "6 0" \
        "$(tcpdump -nr $file.pcap 2>/dev/null | awk '/label 100/ { n++ } /10.9.0.1/ { m++ } END { print n, m + 0 }')"
done
