#!/usr/bin/env bash
# Flow records as JSON through rsyslog 8.2302.0 and syslog-ng 3.38.1 (Debian 12): counters from 2^63 on become 2^63-1, and syslog-ng rounds every fraction.
#
# Both parse the line and write it again (mmjsonparse, json-parser with format-json), the usual way to pick out or add a field. Without an error:
# * 18446744073709551615 and 9223372036854775808 become 9223372036854775807, in lists as well. IPFIX counters are unsigned64.
# * rsyslog's `$!octets + 1` of it is -9223372036854775808, and its comparison `$!octets > 100` is false: a rule for large flows lets the largest one pass.
# * syslog-ng writes fractions with six digits: 0.00000017 (170 ns in seconds) is 0.000000, and a time of 1700000000.123456789 s loses its nanoseconds. Every number comes out
#   in quotes, and a key's leading dot as `_`. rsyslog keeps fractions as they were.
# Of two equal keys both keep the last. Counters above 2^63 need quotes, which both keep.
. "$(dirname "$0")/lib/common.sh"

# Each wants the other one gone, so they are unpacked by themselves.
debian rsyslog=8.2302.0-1+deb12u2
debian syslog-ng-core=3.38.1-5+deb12u1
cd "$work"
export LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$work/root/usr/lib/syslog-ng"
cat >flows.json <<'JSON'
{"octets":18446744073709551615,"packets":9223372036854775808,"list":[1,18446744073709551615],"quoted":"18446744073709551615","rtt":0.00000017,"end":1700000000.123456789,"key":1,"key":2}
JSON
modules="$work/root/usr/lib/x86_64-linux-gnu/rsyslog"
cat >rsyslog.conf <<CONFIG
global(workDirectory="$work")
module(load="$modules/imfile.so")
module(load="$modules/mmjsonparse.so")
input(type="imfile" file="$work/flows.json" tag="flows" ruleset="flows")
template(name="all" type="string" string="%\$!octets%|%\$!packets%|%\$!list%|%\$!quoted%|%\$!rtt%|%\$!end%|%\$!key%|%\$!sum%|%\$!large%\n")
ruleset(name="flows") {
    action(type="mmjsonparse" cookie="")
    set \$!sum = \$!octets + 1;
    if \$!sum > 100 then { set \$!large = "large"; } else { set \$!large = "small"; }
    action(type="omfile" file="$work/rsyslog.out" template="all")
}
CONFIG
cat >syslog-ng.conf <<CONFIG
@version: 3.38
options { stats-freq(0); };
source flows { file("$work/flows.json" flags(no-parse) read-old-records(yes)); };
parser json { json-parser(prefix("j.")); };
destination all { file("$work/syslog-ng.out" template("\${j.octets}|\${j.packets}|\${j.list}|\${j.quoted}|\${j.rtt}|\${j.end}|\${j.key}\n\$(format-json j.octets j.rtt)\n")); };
log { source(flows); parser(json); destination(all); };
CONFIG
background rsyslogd -n -f "$work/rsyslog.conf" -i "$work/rsyslog.pid" -M "$modules"
background syslog-ng -F -f "$work/syslog-ng.conf" -R "$work/persist" -c "$work/control" -p "$work/syslog-ng.pid" --module-path="$work/root/usr/lib/syslog-ng/3.38" --no-caps
until_true 20 grep -q . rsyslog.out
until_true 20 grep -q j syslog-ng.out

field() {
    head -1 "$1.out" | cut -d'|' -f"$2"
}

for daemon in rsyslog syslog-ng; do
    expect "$daemon, 2^64-1" "9223372036854775807" "$(field $daemon 1)"
    expect "$daemon, 2^63" "9223372036854775807" "$(field $daemon 2)"
    expect "$daemon, in a list" "1,9223372036854775807" "$(field $daemon 3 | tr -d '[] ')"
    expect "$daemon, in quotes" "18446744073709551615" "$(field $daemon 4)"
    expect "$daemon, the second of two keys" "2" "$(field $daemon 7)"
done
expect "rsyslog, one more than 2^64-1; above 100" "-9223372036854775808 small" "$(field rsyslog 8) $(field rsyslog 9)"
expect "rsyslog, fractions" "0.00000017 1700000000.123456789" "$(field rsyslog 5) $(field rsyslog 6)"
expect "syslog-ng, fractions" "0.000000 1700000000.123457" "$(field syslog-ng 5) $(field syslog-ng 6)"
expect "syslog-ng, written again" '{"j":{"rtt":"0.000000","octets":"9223372036854775807"}}' "$(sed -n 2p syslog-ng.out)"
