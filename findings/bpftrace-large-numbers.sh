#!/usr/bin/env bash
# bpftrace 0.17.0 (Debian 12), octets and nanoseconds beyond 32 bits in its aggregations, on Linux (seen on 6.18), as root: which of them are right.
#
# `sum`, `print` and a plain map have all of an unsigned 64-bit integer. Beside them, without an error:
# * `hist` ends at 4 G: 6 s and 60 s, in nanoseconds, are in the row `[2G, 4G)` with those of 3 s. In JSON (`-f json`) that row has the limits -2147483648 and 0.
# * `lhist(x, 0, 4000000000, 1000000000)`, four rows of a second each, has 0.5 s in a row `[-288054K, ...)`, and 1.5 s and 3.5 s in none. With 10000000000 as end
#   the last row is `[1377017K, ...)`, and 3.5 s is in none. An end of 2000000000 works.
# * `max` of 7 and 2^64-1 is 7, `min` is -1, and the average of three times 7*2^60 is 1.92e18, a quarter of it (the sum wraps): 2^64-1 stands for "no limit" in a socket's
#   `sk_max_pacing_rate`. `max` of that value alone has no line in the output, and in JSON no value either.
# * `printf` with %d or %u shows the lowest 32 bits of 64, and %d those of a 32-bit counter with a sign: 4,294,967,301 octets are 5. %lu is right, for 32 bits too.
# Divide before `hist` and `lhist` (`/ 1000`), and write %lu.
. "$(dirname "$0")/lib/common.sh"

debian bpftrace=0.17.0-1
export LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$work/root/usr/lib/llvm-14/lib"

# ask FORMAT STATEMENTS: what bpftrace shows, one line.
ask() {
    bpftrace -f "$1" -e "BEGIN { $2 exit(); }" 2>"$work/bpftrace.log" | sed 's/^ *//; s/ *|[@ ]*|$//; s/  */ /g; s/ $//' | grep -v -e '^Attaching' -e '"attached_probes"' -e '^$' -e ' 0$' | paste -sd ' '
}

seconds='@ = hist((uint64)3000000000); @ = hist((uint64)6000000000); @ = hist((uint64)60000000000);'
linear='@ = lhist((uint64)500000000, 0, END, 1000000000); @ = lhist((uint64)1500000000, 0, END, 1000000000); @ = lhist((uint64)3500000000, 0, END, 1000000000);'
expect "sum" "@: 18446744073709551615" "$(ask text '@ = sum((uint64)0xffffffffffffffff);')"
expect "hist of 3 s, 6 s and 60 s" "@: [2G, 4G) 3" "$(ask text "$seconds")"
expect "its last row in JSON" '{"min": -2147483648, "max": 0, "count": 3}' "$(ask json "$seconds" | grep -o '{"min"[^}]*}' | tail -n 1)"
expect "lhist of 0.5 s, 1.5 s and 3.5 s up to 4 s" "@: [-288054K, ...) 1" "$(ask text "${linear//END/4000000000}")"
expect "the same in JSON" '{"min": -294967296, "count": 1}' "$(ask json "${linear//END/4000000000}" | grep -o '{"min"[^}]*}')"
expect "lhist up to 10 s" "@: [0, 1000000000) 1 [1377017K, ...) 1" "$(ask text "${linear//END/10000000000}")"
expect "lhist up to 2 s" "@: [0, 1000000000) 1 [1000000000, 1953125K) 1 [1953125K, ...) 1" "$(ask text "${linear//END/2000000000}")"
expect "max" "@: 7" "$(ask text '@ = max((uint64)7); @ = max((uint64)0xffffffffffffffff);')"
expect "max of 2^64-1 alone" "" "$(ask text '@ = max((uint64)0xffffffffffffffff);')"
expect "min" "@: -1" "$(ask text '@ = min((uint64)7); @ = min((uint64)0xffffffffffffffff);')"
expect "average of three times 8,070,450,532,247,928,832" "@: 1921535841011411626" "$(ask text '@ = avg((uint64)0x7000000000000000); @ = avg((uint64)0x7000000000000000); @ = avg((uint64)0x7000000000000000);')"
expect "4,294,967,301 by %d, %u, %lu" "5 5 4294967301" "$(ask text 'printf("%d %u %lu\n", (uint64)4294967301, (uint64)4294967301, (uint64)4294967301);')"
expect "4,000,000,000 of 32 bits by %d, %u, %lu" "-294967296 4000000000 4000000000" "$(ask text 'printf("%d %u %lu\n", (uint32)4000000000, (uint32)4000000000, (uint32)4000000000);')"
