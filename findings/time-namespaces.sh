#!/usr/bin/env bash
# Linux time namespaces (seen on 6.18) with util-linux 2.38.1, procps 4.0.2 and bpftool 7.1.0 (Debian 12), as root: times of the kernel are shown hours off.
#
# A container may have boot and monotonic clocks of its own (`unshare -T --boottime 100000`; one that was moved from another host has them). What the kernel stamps by these
# clocks for nobody in particular, as BPF programs and its log do, keeps the host's. So in such a namespace
# * `bpftool prog` says that a program was loaded 100,000 s before it was: it adds the kernel's stamp to a boot that it reckons by its own clock.
# * `dmesg -T` is off in the same way, by the offset of its boot clock, and a line of now has another time than `date`.
# * `ps -o lstart` is right: of a process the kernel moves the start along with /proc/uptime and the `btime` of /proc/stat.
# The wall clock is no part of it. A program that turns bpf_ktime_get_ns() into wall time by clock_gettime() has all flows off by the offset; it has
# to ask a BPF program for the kernel's clock.
. "$(dirname "$0")/lib/common.sh"

debian util-linux=2.38.1-5+deb12u3 procps=2:4.0.2-3 bpftool=7.1.0+6.1.192-3
OFFSET=100000
cd "$work"
there() {
    unshare -T --boottime "$OFFSET" --monotonic "$OFFSET" --fork "$@"
}
python -c 'import time, tcx
program = tcx.load(0)
print("loaded", flush=True)
time.sleep(60)' >loaded &
started+=("$!")
until_true 10 grep -q loaded loaded
echo "finding $$: a line of now" >/dev/kmsg

loaded_at() {
    date -d "$("$@" bpftool prog | grep -A1 'name finding' | sed -n 's/.*loaded_at \([^ ]*\).*/\1/p' | tail -1)" +%s
}
logged_at() {
    date -d "$("$@" dmesg -T | sed -n "s/^\[\(.*\)\] finding $$:.*/\1/p")" +%s
}
started_at() {
    date -d "$("$@" ps -o lstart= -p $$)" +%s
}
# about EXPECTED SEEN: the number, where they are 3 s apart at most.
about() {
    if [ $(($2 - $1)) -ge -3 ] && [ $(($2 - $1)) -le 3 ]; then echo "$1"; else echo "$2"; fi
}

expect "seconds from now to when bpftool says it was loaded" "0" "$(about 0 $(($(date +%s) - $(loaded_at env))))"
expect "the same in the namespace" "$OFFSET" "$(about "$OFFSET" $(($(date +%s) - $(loaded_at there))))"
expect "seconds between the times of a line, dmesg -T here and there" "$OFFSET" "$(about "$OFFSET" $(($(logged_at env) - $(logged_at there))))"
expect "seconds between the starts of this shell, ps here and there" "0" "$(about 0 $(($(started_at env) - $(started_at there))))"
expect "seconds between date here and there" "0" "$(about 0 $(($(date +%s) - $(there date +%s))))"
