#!/usr/bin/env bash
# dumpcap 4.0.17 (Debian 12), a capture in several files (`-b`), as root: none of them has the block that says how many packets were lost.
#
# A capture to one pcapng file ends with an Interface Statistics Block: how many packets the interface received and how many the kernel dropped (isb_ifrecv, isb_ifdrop), and
# when the capture began and ended. With `-b packets:10`, as with any other criterion of `-b` and with one file at a time in a ring, no file has such a block, not even the last one; nor has
# tshark's, which runs dumpcap. The count is printed at the end, on standard error, and is nowhere else.
# So captures that run all the time, for which drops matter most, say nothing of them afterwards; whoever compares flows with such a capture keeps the output of dumpcap beside it.
. "$(dirname "$0")/lib/common.sh"

debian tshark=4.0.17-0+deb12u3 wireshark-common=4.0.17-0+deb12u3
cd "$work"
name="dumpcap-$$"
namespace "$name"
ip -n "$name" link add v0 type veth peer name v1
ip -n "$name" link set v0 up addrgenmode none
ip -n "$name" link set v1 up addrgenmode none

# captured COMMAND ..: captures 35 frames, one by one, and ends.
captured() {
    ip netns exec "$name" "$@" 2>capture.log >/dev/null &
    local capture=$!
    started+=("$capture")
    until_true 30 grep -q "^Capturing on" capture.log
    sleep 2
    frames "$name" v0 35 114 0.01
    sleep 1
    kill -INT "$capture"
    wait "$capture" || true
}

# blocks FILE ..: of each its packets, and its blocks of statistics.
blocks() {
    python - "$@" <<'PYTHON'
import struct, sys

for name in sys.argv[1:]:
    content, at, kinds = open(name, "rb").read(), 0, []
    while at < len(content):
        kind, length = struct.unpack_from("<II", content, at)
        kinds.append(kind)
        at += length
    print(f"{kinds.count(6)}+{kinds.count(5)}", end=" ")
PYTHON
}

captured dumpcap -i v1 -w one.pcapng
expect "one file: packets + statistics" "35+1 " "$(blocks one.pcapng)"
captured dumpcap -i v1 -b packets:10 -w several.pcapng
expect "-b packets:10" "10+0 10+0 10+0 5+0 " "$(blocks several_*)"
expect "at the end, on standard error" "35/0" "$(sed -n "s/^Packets received.*': \([0-9/]*\) .*/\1/p" capture.log)"
captured dumpcap -i v1 -b packets:10 -b files:2 -w ring.pcapng
expect "with files:2" "10+0 5+0 " "$(blocks ring_*)"
captured dumpcap -i v1 -b duration:3600 -w hour.pcapng
expect "-b duration:3600, one file" "35+0 " "$(blocks hour_*)"
captured tshark -i v1 -b filesize:1000 -w size.pcapng
expect "tshark -b filesize:1000, one file" "35+0 " "$(blocks size_*)"
