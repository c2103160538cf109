#!/usr/bin/env bash
# csvkit 2.2.0 (PyPI), flows as CSV with nanoseconds: csvjoin joins flows of other times, csvsort leaves them out of order, and csvstat's highest is another number.
#
# Flows start 900, 100 and 500 ns behind a second, and have 9007199254740993, 80 and 700 octets.
# * `csvjoin -c start` with a file of one row, at 100 ns, has three rows: times are cut to microseconds before they are compared, and are written so. `csvsort -c start`
#   leaves the order as it was. `csvlook` shows the second alone.
# * `csvstat --max` of octets is 9007199254740992, which no flow has, and `--sum` ends in 772 instead of 773. `csvsql --query` has max and sum as floats.
# * In a file of ICMP alone csvjoin, csvsort and csvlook write the protocol 1 as True. With one flow of TCP in it 1 stays 1.
# * csvcut, csvgrep, csvstack and csvformat keep every digit, so that a trial with those shows nothing.
# With `-I` (no inference) all is right, but numbers are then sorted as text.
. "$(dirname "$0")/lib/common.sh"

pypi csvkit==2.2.0 agate==1.14.2
cd "$work"
export PATH="$work/venv/bin:$PATH"
cat >flows.csv <<'CSV'
flow,start,protocol,octets
a,2026-01-01T00:00:00.000000900Z,1,9007199254740993
b,2026-01-01T00:00:00.000000100Z,1,80
c,2026-01-01T00:00:00.000000500Z,1,700
CSV
cat >alerts.csv <<'CSV'
start,alert
2026-01-01T00:00:00.000000100Z,scan
CSV

# flat: the lines behind the first, as one.
flat() {
    sed 1d | paste -sd ' '
}

expect "csvjoin on the time, flows" "a b c" "$(csvjoin -c start flows.csv alerts.csv | csvcut -c flow | flat)"
expect "csvjoin -I" b "$(csvjoin -I -c start flows.csv alerts.csv | csvcut -c flow | flat)"
expect "csvsort by the time" "a b c" "$(csvsort -c start flows.csv | csvcut -c flow | flat)"
expect "csvsort -I" "b c a" "$(csvsort -I -c start flows.csv | csvcut -c flow | flat)"
expect "csvsort -I by octets" "c b a" "$(csvsort -I -c octets flows.csv | csvcut -c flow | flat)"
expect "what csvsort writes of a" "a,2026-01-01T00:00:00+00:00,True,9007199254740993" "$(csvsort -c flow flows.csv | sed -n 2p)"
expect "what csvgrep writes of a" "a,2026-01-01T00:00:00.000000900Z,1,9007199254740993" "$(csvgrep -c flow -m a flows.csv | sed -n 2p)"
for tool in csvcut csvstack csvformat; do
    expect "what $tool writes" same "$($tool flows.csv | cmp - flows.csv && echo same)"
done
expect "what csvlook shows of a" "2026-01-01 00:00:00+00:00 True" "$(csvlook flows.csv | awk -F ' *[|] *' '$2 == "a" { print $3, $4 }')"
expect "csvstat --max and --sum" "9007199254740992 9007199254741772" "$(csvstat -c octets --max flows.csv) $(csvstat -c octets --sum flows.csv)"
expect "csvsql, max and sum" "9007199254740992.0,9007199254741772.0" "$(csvsql --query 'select max(octets), sum(octets) from flows' flows.csv | flat)"
echo "d,2026-01-01T00:00:01Z,6,5" >>flows.csv
expect "csvsort, protocols beside one of TCP" "1 1 1 6" "$(csvsort -c start flows.csv | csvcut -c protocol | flat)"
