#!/usr/bin/env bash
# pcapng files with a time resolution (if_tsresol) that is finer than a nanosecond, or a power of two: tshark and editcap 4.0.17 (Debian 12) change times.
#
# Three packets .123456789, .523456789 and .923456789 s behind a full second that if_tsoffset gives.
# * Up to 10^-10 s tshark is right. At 10^-11 and 10^-12 s it shows other fractions, without a warning, and the last packet comes
#   before the first. tcpdump 4.99.3 is right at all of them.
# * editcap writes a pcapng of such a file with the offset lost, in which every reader finds the year 1970.
# * A resolution of 2^-20 s is read right. Each editcap from pcapng to pcapng makes the time of some packets one tick (954 ns)
#   earlier; so does mergecap. To nanosecond pcap it is right.
# A capture program that has nanoseconds does well to write 10^-9 and nothing finer.
. "$(dirname "$0")/lib/common.sh"

debian tshark=4.0.17-0+deb12u3 tcpdump=4.99.3-1
cd "$work"
python - <<'PYTHON'
import struct
from capture import ethernet, ipv4, udp

FRAME = ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(1, 2, b"x" * 20)))


def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def write(name, resolution, ticks):
    """if_tsresol is one octet: a power of ten, or with its high bit set of two; if_tsoffset is a full second."""
    options = struct.pack("<HHB3x", 9, 1, resolution) + struct.pack("<HHq", 14, 8, 1_700_000_000) + bytes(4)
    with open(name, "wb") as out:
        out.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 0) + options))
        for it in ticks:
            out.write(block(6, struct.pack("<IIIII", 0, it >> 32, it & 0xFFFFFFFF, len(FRAME), len(FRAME)) + FRAME))


NANOSECONDS = [123_456_789 + 400_000_000 * at for at in range(3)]
for digits in (9, 10, 11, 12):
    write(f"{digits}.pcapng", digits, [it * 10 ** (digits - 9) for it in NANOSECONDS])
write("binary.pcapng", 0x80 | 20, [(1 << 19) + at for at in range(3)])
PYTHON

by_tshark() {
    tshark -r "$1" -T fields -e frame.time_epoch 2>/dev/null | sed 's/^170000000//' | paste -sd ' '
}

by_tcpdump() {
    tcpdump -ntt --nano -r "$1" 2>/dev/null | sed 's/^170000000//; s/ .*//' | paste -sd ' '
}

right="0.123456789 0.523456789 0.923456789"
for digits in 9 10 11 12; do
    expect "10^-$digits s, tcpdump" "$right" "$(by_tcpdump $digits.pcapng)"
done
for digits in 9 10; do
    expect "10^-$digits s, tshark" "$right" "$(by_tshark $digits.pcapng)"
done
expect "10^-11 s, tshark" "0.123456789 0.154521907 0.001119585" "$(by_tshark 11.pcapng)"
expect "10^-12 s, tshark" "0.012776324 0.006947954 0.001119585" "$(by_tshark 12.pcapng)"
editcap 12.pcapng rewritten.pcapng 2>/dev/null
expect "10^-12 s, written anew by editcap, tshark" "2899545.010136646 2899545.004308276 2899545.016926651" "$(by_tshark rewritten.pcapng)"
expect "the same, tcpdump" "2899545.231497575 2899545.225669205 2899545.219840836" "$(by_tcpdump rewritten.pcapng)"
binary="0.500000000 0.500000953 0.500001907"
expect "2^-20 s, tshark" "$binary" "$(by_tshark binary.pcapng)"
editcap -F nsecpcap binary.pcapng binary.pcap 2>/dev/null
expect "2^-20 s, as nanosecond pcap" "$binary" "$(by_tshark binary.pcap)"
editcap binary.pcapng once.pcapng 2>/dev/null
expect "2^-20 s, written anew as pcapng" "0.500000000 0.500000000 0.500000953" "$(by_tshark once.pcapng)"
editcap once.pcapng twice.pcapng 2>/dev/null
mergecap -w merged.pcapng binary.pcapng 2>/dev/null
expect "the same of mergecap" "0.500000000 0.500000000 0.500000953" "$(by_tshark merged.pcapng)"
expect "written anew by editcap twice" "0.500000000 0.500000000 0.500000000" "$(by_tshark twice.pcapng)"
