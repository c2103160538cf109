#!/usr/bin/env bash
# psutil 7.2.2 (PyPI) on Linux (seen on 6.18), as root: an interface that is made anew goes on with the counters of the one before it, unless somebody looked in between.
#
# `net_io_counters()` keeps counters from falling (`nowrap=True`, its default): where one is less than at the last call it is taken for one that ran over, and the last value is
# added for good. Containers' interfaces are deleted and made again under one name all the time, and begin at 0.
# * 1,000 packets, then a new interface of the same name with 10: psutil has 1,010, the kernel 10, `nowrap=False` 10.
# * The same with one call while there was no such interface: 10. So two programs on one host, of which one asks every second and one every minute, have other
#   numbers for good.
# A check of a flow exporter by psutil (agents of monitoring systems have their interface counters from it) finds packets "missing" that belong to an earlier container.
. "$(dirname "$0")/lib/common.sh"

pypi psutil==7.2.2
namespace finding-psutil
ip netns exec finding-psutil sysctl -qw net.ipv6.conf.default.disable_ipv6=1
cat >"$work/count.py" <<'PYTHON'
import socket, subprocess
import psutil


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


def make(packets):
    ip("link add v0 type veth peer name v1")
    ip("link set v1 up")
    ip("link set v0 up")
    ip("addr add 192.0.2.1/24 dev v0")
    ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev v0")
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(packets):
        out.sendto(b"x" * 100, ("192.0.2.2", 9))


def sent(nowrap=True):
    interface = psutil.net_io_counters(pernic=True, nowrap=nowrap).get("v0")
    return interface and interface.packets_sent


make(1000)
print("first:", sent(), sent(nowrap=False))
ip("link del v0")
make(10)
print("anew:", sent(), sent(nowrap=False))
ip("link del v0")
print("absent:", sent())
make(20)
print("anew, asked between:", sent(), sent(nowrap=False))
PYTHON
ip netns exec finding-psutil "$work/venv/bin/python" "$work/count.py" >"$work/seen"

of() {
    sed -n "s/^$1: //p" "$work/seen"
}

expect "packets sent: psutil, and with nowrap=False" "1000 1000" "$(of first)"
expect "after an interface of the same name with 10" "1010 10" "$(of anew)"
expect "while there is none" "None" "$(of absent)"
expect "after one with 20, asked in between" "20 20" "$(of "anew, asked between")"
