#!/usr/bin/env bash
# pandas 3.1.1, `read_json(.., lines=True)`: a column's name decides whether its numbers are dates, and numbers in quotes lose their digits.
#
# * A column whose name ends in `_time` or `_at`, begins with `timestamp`, or is `modified` or `date`, becomes dates where its numbers are above 31,536,000: a round trip
#   time of 40 ms, in nanoseconds, is the 8th of April 1971. With one value below that in the file it stays a number: an hour's file with a fast round trip
#   among its flows has numbers, the next one has dates. The same numbers in `round_trip_ns` stay.
# * A column of strings that all look like numbers becomes numbers, although it is in quotes: an id `00000012` is 12, `12345e12` is 1.2345e16, and the counter
#   18446744073709551615, which OTLP's JSON has in quotes for the sake of its digits, is a floating-point number. Of the bare number no digit is lost.
# So what a column is depends on its name and on the flows of the file. `dtype=False` leaves both as they are.
. "$(dirname "$0")/lib/common.sh"

pypi pandas==3.1.1
python >"$work/seen" <<'PYTHON'
import io
import pandas


def read(words, *values, name="round_trip_time", **options):
    lines = "".join(f'{{"{name}":{value}}}\n' for value in values)
    column = pandas.read_json(io.StringIO(lines), lines=True, **options)[name]
    print(f"{words}:", *column)


read("time", 40_000_000, 50_000_000)
read("fast", 40_000_000, 31_536_000)
read("other", 40_000_000, 50_000_000, name="round_trip_ns")
read("at", 40_000_000, 50_000_000, name="idle_at")
read("zeroes", '"00000012"', name="id")
read("exponent", '"12345e12"', name="id")
read("quoted", '"18446744073709551615"', name="octets")
read("bare", "18446744073709551615", name="octets")
read("kept", '"00000012"', name="id", dtype=False)
read("number", 40_000_000, 50_000_000, dtype=False)
PYTHON

of() {
    sed -n "s/^$1: //p" "$work/seen"
}

expect "round_trip_time 40,000,000 and 50,000,000" "1971-04-08 23:06:40 1971-08-02 16:53:20" "$(of time)"
expect "40,000,000 and 31,536,000" "40000000 31536000" "$(of fast)"
expect "round_trip_ns" "40000000 50000000" "$(of other)"
expect "idle_at" "1971-04-08 23:06:40 1971-08-02 16:53:20" "$(of at)"
expect "id \"00000012\", \"12345e12\"" "12 1.2345e+16" "$(of zeroes) $(of exponent)"
expect "octets in quotes, and bare" "1.8446744073709552e+19 18446744073709551615" "$(of quoted) $(of bare)"
expect "with dtype=False" "00000012 40000000 50000000" "$(of kept) $(of number)"
