#!/usr/bin/env bash
# snmpd of net-snmp 5.9.3 (Debian 12), counters of interfaces in IF-MIB on Linux (seen on 6.18), as root: an interface that begins at 0 again has sent 4 GiB more.
#
# The kernel's counters have 64 bits; snmpd keeps a copy of its own and takes what falls for a counter of 32 bits that ran over. The counters of an interface fall when it is deleted
# and made anew with its name and index, as programs do that ask for an index.
# * 1,000 frames of 1,000 octets, then a new interface with 10: ifHCOutOctets is 4,294,977,296 and ifHCOutUcastPkts 4,294,967,306, for good. ifOutOctets (32 bits) is
#   right, 10,000. ifCounterDiscontinuityTime, which says when a counter began anew, is 0.
# * Once the agent has seen a counter of any interface pass 2^32 between two of its reads, it takes all of them as they are: the same again gives 10,000. So an
#   agent that was started a moment ago, or on a host with little traffic, is wrong, and a busy one is right.
# * Anew with another index, the usual way: right, and the row of the one before stays with its last counters. A sum over the rows has interfaces that are gone.
# A check of flows by SNMP finds octets that no flow has.
. "$(dirname "$0")/lib/common.sh"

debian snmpd=5.9.3+dfsg-2+deb12u1 snmp=5.9.3+dfsg-2+deb12u1
cd "$work"
export MIBS="" SNMP_PERSISTENT_DIR=$work/persistent SNMPCONFPATH=$work
name="snmp-$$"
namespace "$name"
ip -n "$name" link set lo up
echo "rocommunity public 127.0.0.1" >agent.conf

# anew INDEX: the interface v0, with that index.
anew() {
    ip -n "$name" link del v0 2>/dev/null || true
    ip -n "$name" link add v0 index "$1" mtu 65000 type veth peer name v1 mtu 65000
    ip -n "$name" link set v0 up addrgenmode none
    ip -n "$name" link set v1 up addrgenmode none
}

agent() {
    ip netns exec "$name" snmpd -f -Lo -C -c agent.conf -p agent.pid udp:127.0.0.1:16161 >agent.log 2>&1 &
    started+=("$!")
    until_true 10 of 31.1.1.1.1 1
}

# of COLUMN INDEX: a cell of IF-MIB.
of() {
    ip netns exec "$name" snmpget -v2c -c public -Oqv 127.0.0.1:16161 "1.3.6.1.2.1.$1.$2"
}

# The agent reads the counters again after 3 s. HC octets, HC packets, octets of 32 bits.
seen() {
    sleep 4.5
    echo "$(of 31.1.1.1.10 "$1") $(of 31.1.1.1.11 "$1") $(of 2.2.1.16 "$1")"
}

anew 100
frames "$name" v0 1000 1000
agent
expect "1,000 frames" "1000000 1000 1000000" "$(seen 100)"
anew 100
frames "$name" v0 10 1000
expect "anew, 10 frames" "4294977296 4294967306 10000" "$(seen 100)"
expect "time of the discontinuity" "0:0:00:00.00" "$(of 31.1.1.1.19 100)"
frames "$name" v0 10 1000
expect "10 more" "4294987296 4294967316 20000" "$(seen 100)"
anew 200
frames "$name" v0 80000 60000
expect "the interface is gone: the row's octets" "4294987296" "$(ip -n "$name" link del v0 && seen 100 | cut -d' ' -f1)"
anew 200
frames "$name" v0 60000 60000
expect "another index, 60,000 frames of 60,000 octets" "3600000000 60000 3600000000" "$(seen 200)"
expect "the row of the one before: name, octets" '"v0" 4294987296' "$(of 31.1.1.1.1 100) $(of 31.1.1.1.10 100)"
frames "$name" v0 20000 60000
expect "20,000 more" "4800000000 80000 505032704" "$(seen 200)"
anew 200
frames "$name" v0 10 1000
expect "anew, 10 frames" "10000 10 10000" "$(seen 200)"
