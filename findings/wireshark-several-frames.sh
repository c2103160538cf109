#!/usr/bin/env bash
# Wireshark's tools 4.0.17 (Debian 12), captures compressed by zstd or lz4 in several frames: those that begin beyond 128 KiB are read as packets.
#
# Compressed files of zstd, lz4 and gzip can be put behind each other: `zstd -d`, `lz4 -d` and `gzip -d` give the whole. Such files come from
# appending, from compressors that work in parallel, and from whoever ends a piece after a while so that no more is lost.
# * gzip: capinfos (and tshark, mergecap, editcap, which share its reader) reads every member.
# * zstd, lz4: it reads frames that begin in the first 131,072 octets of the file, so that a trial with a small capture shows nothing. The
#   octets of a later one are taken for packet headers, as they are, and the file is called damaged.
# * Where the first frame is a skippable one, as tools for seekable files write, the file is no capture at all.
# * Zeroes behind a gzip member, which gzip ignores, end in an error too.
# A writer of compressed captures makes one frame, or gzip.
. "$(dirname "$0")/lib/common.sh"

debian wireshark-common=4.0.17-0+deb12u3 zstd=1.5.4+dfsg2-5 lz4=1.9.4-1 gzip=1.12-1
cd "$work"
python - <<'PYTHON'
import random
from capture import *

random.seed(1)
# Payloads do not compress: the first half of 2,000 packets is above 200,000 octets in each format, that of 1,000 packets above 100,000.
for name, count in (("large", 2000), ("small", 1000)):
    frames = [(at, ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(1000 + at, 9, random.randbytes(200))))) for at in range(count)]
    pcap(name, frames)
    octets = open(name, "rb").read()
    cut = 24 + count // 2 * (16 + 242)
    open(f"{name}-first", "wb").write(octets[:cut])
    open(f"{name}-second", "wb").write(octets[cut:])
open("skippable", "wb").write(bytes.fromhex("502a4d18 04000000 00000000"))
open("zeroes", "wb").write(bytes(512))
PYTHON

# packets FILE: how many packets capinfos has; with a word when it fails.
packets() {
    local said
    said=$(capinfos -M -T -r -c "$1" 2>&1) || true
    case "$said" in
    *"isn't a capture file"*) echo "no capture" ;;
    *"appears to be damaged"*) sed -n 's/.*after reading \([0-9]*\) packets.*/\1, damaged/p' <<<"$said" ;;
    *) tail -n 1 <<<"$said" | cut -f 2 ;;
    esac
}

# same TOOL FILE UNPACKED: says so if the tool unpacks the one to the other.
same() {
    "$1" -dc "$2" 2>/dev/null | cmp - "$3" && echo same
}

for tool in gzip zstd lz4; do
    for size in large small; do
        for part in "" -first -second; do
            "$tool" -c $size$part >$size$part.$tool 2>/dev/null
        done
        cat $size-first.$tool $size-second.$tool >$size-both.$tool
    done
    cat skippable large.$tool >after-skippable.$tool
    expect "$tool unpacks two to" same "$(same $tool large-both.$tool large)"
    expect "$tool, one frame: packets" 2000 "$(packets large.$tool)"
    expect "$tool, two small frames: packets" 1000 "$(packets small-both.$tool)"
done
expect "gzip, two large members: packets" 2000 "$(packets large-both.gzip)"
for tool in zstd lz4; do
    expect "$tool, two large frames: packets" "1000, damaged" "$(packets large-both.$tool)"
    expect "$tool unpacks what stands behind a skippable frame to" same "$(same $tool after-skippable.$tool large)"
    expect "$tool, behind a skippable frame: packets" "no capture" "$(packets after-skippable.$tool)"
done
cat large.gzip zeroes >padded.gzip
expect "gzip, zeroes behind it: packets" "2000, damaged" "$(packets padded.gzip)"
