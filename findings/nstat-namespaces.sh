#!/usr/bin/env bash
# nstat of iproute2 6.1.0 (Debian 12) in several network namespaces, as root: it shows the difference between two namespaces' counters, or nothing at all.
#
# nstat shows what was counted since its last use. What it saw then is in one file for each user, /tmp/.nstat.uUID, and `ip netns exec` and `nsenter --net` leave /tmp as it is, so
# the file's counters can be another namespace's. The first namespace has received 50 pings, the second one 80, then the first one 7 more.
# * In the second one nstat says 30.
# * Then in the first one it has no line, not even with 7 new pings; with `-z` the line is 0. Then in the second one, where nothing happened, 23.
# * JSON (`-j`) has the same numbers, and {} for the kernel where there is no line.
# There is no error, and what is wrong depends on who looked where before. The manual page names neither the file nor the variable NSTAT_HISTORY: a file for each namespace makes all
# of it right, and so does `nstat -a`, which shows the counters as they are.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3
cd "$work"
one="nstat-1-$$" two="nstat-2-$$"
namespace "$one" "$two"
ip -n "$one" link set lo up
ip -n "$two" link set lo up

pings() {
    ip netns exec "$1" ping -c "$2" -i 0.005 -q 127.0.0.1 >ping.log
}

# shown NAMESPACE OPTION ..: the number, or `-` where there is no line. The user's own history stays as it is: it is another file.
shown() {
    local name=$1
    shift
    NSTAT_HISTORY=${history-$work/history} ip netns exec "$name" nstat "$@" IcmpInEchos | awk '$1 == "IcmpInEchos" { n = $2 } END { print n == "" ? "-" : n }'
}

pings "$one" 50
pings "$two" 80
expect "first namespace, 50 pings" "50" "$(shown "$one")"
expect "second namespace, 80 pings" "30" "$(shown "$two")"
pings "$one" 7
expect "first namespace, 7 more" "-" "$(shown "$one")"
expect "second namespace, none more" "23" "$(shown "$two")"
pings "$one" 7
expect "first namespace, 7 more, with zeroes" "0" "$(shown "$one" -z)"
expect "second namespace, JSON" '{"kernel":{"IcmpInEchos":16}}' "$(NSTAT_HISTORY=$work/history ip netns exec "$two" nstat -j IcmpInEchos)"
expect "first namespace, JSON" '{"kernel":{}}' "$(NSTAT_HISTORY=$work/history ip netns exec "$one" nstat -j IcmpInEchos)"
expect "as they are" "64 80" "$(shown "$one" -a) $(shown "$two" -a)"
history=$work/one
shown "$one" >/dev/null
history=$work/two
shown "$two" >/dev/null
pings "$one" 7
expect "a file for each: first, 7 more" "7" "$(history=$work/one && shown "$one")"
expect "a file for each: second, none more" "-" "$(history=$work/two && shown "$two")"
expect "the file of whoever names none" "/tmp/.nstat.u" "$(grep -a -o -m 1 "/tmp/.nstat.u" "$(command -v nstat)")"
