#!/usr/bin/env bash
# Linux (seen on 6.18), a veth pair made by iproute2 6.1.0 (Debian 12) with an index asked for, as root: "busy", although no interface has it.
#
# The peer is made first, and where no index was asked for it takes the next free one. In a new namespace that is 2, so a veth which asks for 2 is
# refused with EBUSY, and nothing is left that has the index. The attempt used it up: 3 is refused next, and so on. An index far
# off, or one for each end, is given. Other kinds of interface get the next one when they ask for it.
# * An index that was asked for does not move the count: behind 70 comes 4.
# * An interface that moves into another namespace keeps its index there if no other has it, and gets a new one otherwise. The way back does not restore
#   it: 2 comes back as another, though nobody has 2. So an index names an interface neither over its life nor for restoring what was.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3
one="finding-a-$$" other="finding-b-$$"
namespace "$one" "$other"

# here WORD ..: `ip` in the namespace; its error, if any, as an answer.
here() {
    ip -n "$one" "$@" 2>&1
}

# indexes NAMESPACE: index and name of each interface but `lo`.
indexes() {
    ip -n "$1" -o link | sed -n 's/^\([0-9]*\): \([a-z0-9]*\).*/\1:\2/p' | grep -v :lo | paste -sd ' '
}

busy="RTNETLINK answers: Device or resource busy"
expect "a veth that asks for 2, the next index" "$busy" "$(here link add v0 index 2 type veth peer name v1 || true)"
expect "interfaces then" "" "$(indexes "$one" || true)"
expect "one that asks for 3" "$busy" "$(here link add v0 index 3 type veth peer name v1 || true)"
expect "one that asks for 70" "" "$(here link add v0 index 70 type veth peer name v1)"
expect "indexes" "4:v1 70:v0" "$(indexes "$one")"
expect "a bridge that asks for 5, the next one" "" "$(here link add bridge0 index 5 type bridge)"
here link del bridge0
here link del v0
expect "a pair that asks for 2 and 9" "" "$(here link add v0 index 2 type veth peer name v1 index 9)"
expect "indexes" "2:v0 9:v1" "$(indexes "$one")"

ip -n "$other" link add taken index 2 type bridge
here link set v0 netns "$other"
moved=$(indexes "$other")
expect "moved to where 2 is taken: other index than before" "2:taken yes" "${moved%% *} $([ "${moved##*:}" = v0 ] && echo yes)"
away=$(ip -n "$other" -o link show v0 | cut -d: -f1)
ip -n "$other" link set v0 netns "$one"
expect "back where 2 is free: it has the index of" "the other namespace" \
    "$([ "$(indexes "$one")" = "$away:v0 9:v1" ] && echo the other namespace || indexes "$one")"
