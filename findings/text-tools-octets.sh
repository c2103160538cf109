#!/usr/bin/env bash
# Octets and times of flows in text tools of Debian 12: mawk 1.3.4 (its `awk`), busybox 1.35.0 and datamash 1.7 beside gawk 5.2.1: which digits are left, without an error.
#
# * mawk prints whatever is not below 2^31 with six digits: the sum of 3,000,000,000 and 3,000,000,001 octets is 6e+09, and a key `n[$1 + 0]` makes one of the two. `print $1` alone has
#   all digits, until something is computed: `$1 = $1 + 1`. `printf "%d"` gives 2147483647 for all of them, so a sum of large flows is 2 GiB, always. The exact way
#   is `printf "%.0f"`.
# * busybox's awk, in containers and on routers, prints that sum right, and gives -2147483648 for it by `printf "%d"`. Milliseconds since 1970 are -2147483648 too.
# * datamash rounds to 14 digits, also where it computes nothing: of 123,456,789,012,345 octets `max` is 1.2345678901234e+14, the sum with 1 is 1.2345678901235e+14, and `first` has
#   all. Times in nanoseconds lose 0.1 ms: the start and end of a group, by `min` and `max`, are equal, while `range` has their difference. `--format %.0f` has all digits.
# * gawk has them up to 2^53.
. "$(dirname "$0")/lib/common.sh"

debian mawk=1.3.4.20200120-3.1 busybox=1:1.35.0-4+deb12u1+b1 datamash=1.7-2 gawk=1:5.2.1-2
cd "$work"
printf '3000000000\n3000000001\n' >octets

# by PROGRAM: what mawk, busybox's awk and gawk print.
by() {
    local it
    for it in mawk "busybox awk" gawk; do
        $it "$1" octets | paste -sd ' '
    done | paste -sd '|'
}

expect "print of a sum" "6e+09|6000000001|6000000001" "$(by '{ s += $1 } END { print s }')"
expect "printf %d of it" "2147483647|-2147483648|6000000001" "$(by '{ s += $1 } END { printf "%d\n", s }')"
expect "printf %.0f of it" "6000000001|6000000001|6000000001" "$(by '{ s += $1 } END { printf "%.0f\n", s }')"
expect "keys that are numbers, how many" "1|2|2" "$(by '{ n[$1 + 0]++ } END { for (k in n) c++; print c }')"
expect "keys as they were read" "2|2|2" "$(by '{ n[$1]++ } END { for (k in n) c++; print c }')"
expect "a field that is computed" "3e+09 3e+09|3000000001 3000000002|3000000001 3000000002" "$(by '{ $1 = $1 + 1; print }')"
expect "a field that is not" "3000000000 3000000001|3000000000 3000000001|3000000000 3000000001" "$(by '{ print $1 }')"
expect "milliseconds, %d" "2147483647|-2147483648|1700000000123" "$(by 'NR == 1 { printf "%d\n", 1700000000123 }')"
expect "datamash: max, sum, first" "1.2345678901234e+14 1.2345678901235e+14 123456789012345" "$(printf '123456789012345\n1\n' | datamash max 1 sum 1 first 1 | tr '\t' ' ')"
printf '1700000000123456789\n1700000000123459789\n' >times
expect "datamash: min, max, range of nanoseconds" "1.7000000001235e+18 1.7000000001235e+18 3000" "$(datamash min 1 max 1 range 1 <times | tr '\t' ' ')"
expect "with a format" "1700000000123456789 1700000000123459789 3000" "$(datamash --format %.0f min 1 max 1 range 1 <times | tr '\t' ' ')"
