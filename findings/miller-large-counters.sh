#!/usr/bin/env bash
# Miller 6.6.0 (Debian 12, `mlr`), flows as JSON lines: a counter from 2^63 on is a word, and sums are without it.
#
# Of three flows with 5, 7 and 2^64-1 octets (IPFIX counters are unsigned64)
# * the sum is 12, the mean 6, without an error; `count` is 3. The maximum is the word "18446744073709551615", and so is the result of copying the file: the number has quotes.
# * `$octets + 1` is `(error)` in its record, and the status is 0.
# * From CSV the sum is 12 as well.
# * 2^63-1 is an integer, and from there a sum goes on as a floating-point number.
. "$(dirname "$0")/lib/common.sh"

debian miller=6.6.0-2+b3
cd "$work"
printf '{"octets":5}\n{"octets":7}\n{"octets":18446744073709551615}\n' >flows.json
printf 'octets\n5\n7\n18446744073709551615\n' >flows.csv
printf '{"octets":9223372036854775807}\n{"octets":1}\n' >border.json

expect "sum, mean, count of JSON" "12 6 3" "$(mlr --ijsonl --onidx stats1 -a sum,mean,count -f octets flows.json)"
expect "the largest" '{"octets_max": "18446744073709551615"}' "$(mlr --ijsonl --ojsonl stats1 -a max -f octets flows.json)"
expect "the third record, copied" '{"octets": "18446744073709551615"}' "$(mlr --ijsonl --ojsonl tail -n 1 flows.json)"
mlr --ijsonl --onidx put '$octets = $octets + 1' flows.json >more.txt && status=0 || status=$?
expect "one more, in the third record" "(error) status 0" "$(tail -n 1 more.txt) status $status"
expect "sum of CSV" "12" "$(mlr --icsv --onidx stats1 -a sum -f octets flows.csv)"
expect "2^63-1 and 1" "9223372036854776000" "$(mlr --ijsonl --onidx stats1 -a sum -f octets border.json)"
