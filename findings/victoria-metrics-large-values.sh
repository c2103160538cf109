#!/usr/bin/env bash
# VictoriaMetrics 1.79.5 (Debian 12): one sample of 2^64-1 changes other samples of its series, also those that were stored before it: 999 becomes 990, and 7 becomes 0.
#
# A block of up to 8,192 samples has one power of ten for all of them, and integers of 64 bits with a sign for the digits.
# * With 2^64-1 in the block that power is 10: 1500, 999, 15 and 7 are 1500, 990, 10 and 0. The largest pacing rate of a TCP socket
#   without limit is that number (`tcp_info` of Linux), and so is the difference of an unsigned counter that went back by one.
# * With 2^63 or a time in nanoseconds (1.7e18) in it integers stay, and .5 becomes 0. 2^63 and 2^63-1 come back as 2^63-1024.
# * Where the large sample comes a minute later, the older ones are right at first. After a merge of parts, which it does by itself from time to time, they are
#   not: an answer that was right yesterday is wrong today.
# Leave out a sample that means "none" or "no limit", and give a series with large numbers no fractions.
. "$(dirname "$0")/lib/common.sh"

debian victoria-metrics=1.79.5+ds1-2+b5
port=$(free_port)
background victoria-metrics -storageDataPath="$work/data" -httpListenAddr="127.0.0.1:$port" -retentionPeriod=100y
until_true 60 grep -q "started VictoriaMetrics" "$work/victoria-metrics.log"
cat >"$work/client.py" <<'PYTHON'
import json
import sys
import time
import urllib.request

BASE = f"http://127.0.0.1:{sys.argv[1]}"


def ask(path, body=None):
    return urllib.request.urlopen(BASE + path, body, timeout=60).read().decode()


def store(name, values, after=0):
    start = 1_700_000_000_000 + after
    times = [start + 1000 * number for number in range(len(values))]
    ask("/api/v1/import", json.dumps({"metric": {"__name__": name}, "values": values, "timestamps": times}).encode())


def show(words, name):
    ask("/internal/force_flush")
    print(f"{words}:", *json.loads(ask(f"/api/v1/export?match[]={name}&start=1600000000"))["values"])


small = [1500, 999, 15, 7]
store("small", small)
store("maximum", [2**64 - 1, *small])
store("half", [2**63, *small])
store("below", [2**63 - 1, *small])
store("time", [1_700_000_000_123_456_789, *small, 0.5])
for name in ("small", "maximum", "half", "below", "time"):
    show(name, name)
store("later", small)
ask("/internal/force_flush")
store("later", [2**64 - 1], after=60_000)
show("before", "later")
ask("/internal/force_merge")
for _ in range(300):
    if "[1500,999,15,7," not in ask("/api/v1/export?match[]=later&start=1600000000"):
        break
    time.sleep(0.2)
show("after", "later")
PYTHON
python "$work/client.py" "$port" >"$work/seen"

of() {
    sed -n "s/^$1: //p" "$work/seen"
}

expect "without a large sample" "1500 999 15 7" "$(of small)"
expect "behind 2^64-1" "18446744073709548000 1500 990 10 0" "$(of maximum)"
expect "behind 2^63" "9223372036854774784 1500 999 15 7" "$(of half)"
expect "behind 2^63-1" "9223372036854774784 1500 999 15 7" "$(of below)"
expect "behind a time in nanoseconds" "1700000000123456768 1500 999 15 7 0" "$(of time)"
expect "2^64-1 a minute later" "1500 999 15 7 18446744073709548000" "$(of before)"
expect "the same, after a merge" "1500 990 10 0 18446744073709548000" "$(of after)"
