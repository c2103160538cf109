#!/usr/bin/env bash
# VictoriaMetrics 1.79.5 (Debian 12): samples that were stored and read right are other numbers later, once a large one of their series has come and files were merged.
#
# A block of a series has one power of ten for all of its values, chosen so that the largest fits into 64 bits; the digits of the others that are below it go. Blocks are
# made anew whenever the server merges its files, minutes to days after the samples came.
# * 5, 700 and 123,456 octets, then 2^64-1 (as a program gives that subtracts unsigned numbers, or has no limit): 0, 700 and 123,450.
# * 0.25 and 0.001 s, then 10^17: 0.2 and 0. 0.5, then a time of now in nanoseconds: 0.
# * Before the merge all of them are read as they were sent, the new one too. There is no error and no counter of it.
# * A fraction has 12 digits from the beginning: 1/3 is 0.333333333333; with 10^13 in its series it is 0.33333.
# So one wrong value takes its neighbours along, and a look at a graph now says nothing about tomorrow's. Leave such values out where they are made, before they are sent.
. "$(dirname "$0")/lib/common.sh"

debian victoria-metrics=1.79.5+ds1-2+b5
cd "$work"
port=$(free_port)
background victoria-metrics -storageDataPath="$work/data" -httpListenAddr="127.0.0.1:$port" -retentionPeriod=1y
until_true 20 python -c 'import sys, urllib.request; urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/health")' "$port"
python - "$port" >seen <<'PYTHON'
import json, sys, time, urllib.parse, urllib.request

server, now = f"http://127.0.0.1:{sys.argv[1]}", int(time.time()) * 1000
SERIES = {
    "octets": ([5, 700, 123456], 2**64 - 1),
    "seconds": ([0.25, 0.001], 1e17),
    "half": ([0.5, 7], 1_700_000_000_000_000_000),
    "third": ([1 / 3, 5.5], 1e13),
}


def get(path, body=None):
    return urllib.request.urlopen(server + path, body).read().decode()


def send(name, at, values):
    line = {"metric": {"__name__": name}, "values": values, "timestamps": [at + i * 1000 for i in range(len(values))]}
    get("/api/v1/import", json.dumps(line).encode())


def read(name):
    return json.loads(get(f"/api/v1/export?match[]={name}"))["values"]


def all_read():
    get("/internal/force_flush")
    return {name: read(name) for name in SERIES}


for name, (values, _) in SERIES.items():
    send(name, now - 600_000, values)
first = all_read()
for name, (_, large) in SERIES.items():
    send(name, now - 300_000, [large])
before = all_read()
get("/internal/force_merge")
for _ in range(100):
    merged = {name: read(name) for name in SERIES}
    if merged["third"] != before["third"]:
        break
    time.sleep(0.1)
for name, (values, _) in SERIES.items():
    print(f"{name}, at first:", first[name])
    print(f"{name}, then:", before[name])
    print(f"{name}, merged:", merged[name])
query = urllib.parse.quote("octets[1h]")
print("query:", *(value for _, value in json.loads(get(f"/api/v1/query?query={query}"))["data"]["result"][0]["values"]))
PYTHON

of() {
    sed -n "s/^$1: //p" seen
}

expect "octets, at first" "[5, 700, 123456]" "$(of "octets, at first")"
expect "octets, with 2^64-1 behind them" "[5, 700, 123456, 18446744073709548000]" "$(of "octets, then")"
expect "octets, merged" "[0, 700, 123450, 18446744073709548000]" "$(of "octets, merged")"
expect "octets, merged, by a query" "0 700 123450 18446744073709548000" "$(of query)"
expect "seconds, with 1e17 behind them" "[0.25, 0.001, 100000000000000000]" "$(of "seconds, then")"
expect "seconds, merged" "[0.2, 0, 100000000000000000]" "$(of "seconds, merged")"
expect "half a second, with a time behind it" "[0.5, 7, 1700000000000000000]" "$(of "half, then")"
expect "half a second, merged" "[0, 7, 1700000000000000000]" "$(of "half, merged")"
expect "a third, with 1e13 behind it" "[0.333333333333, 5.5, 10000000000000]" "$(of "third, then")"
expect "a third, merged" "[0.33333, 5.5, 10000000000000]" "$(of "third, merged")"
