#!/usr/bin/env bash
# ClickHouse 26.9 (chdb 4.4.0), a time as number of milliseconds or nanoseconds since 1970: in quotes it is right, without them it is the year 9999.
#
# The column is DateTime64(3) and the number 1700000000123 (14 November 2023, 22:13:20.123).
# * JSON lines with the number in quotes, CSV and TSV: right. Their reader guesses the unit by the count of digits, so milliseconds, microseconds and
#   nanoseconds are all right, and in any precision.
# * JSON lines with a bare number, `insert .. values`, an integer column of Parquet, and cast: it is taken for seconds, and what is beyond the type's range becomes its end,
#   31 December 9999, without an error. For DateTime (2106) and DateTime64(9) in Parquet (2262) as well; in DateTime64(9) the bare JSON number is an error.
# A trial by CSV, or with seconds, shows nothing; all flows of a table lie in one partition of the year 9999, and a time to live never comes. Write text, or a column of the file's own
# type timestamp, or have a column of numbers and fromUnixTimestamp64Milli().
. "$(dirname "$0")/lib/common.sh"

pypi chdb==4.4.0
cd "$work"
python >seen <<'PYTHON'
import chdb


def read(words, source):
    try:
        print(f"{words}:", chdb.query(f"select x from {source} settings session_timezone = 'UTC'", "TSV").data().strip())
    except Exception as error:
        print(f"{words}:", str(error).split("DB::Exception: ")[1].split(":")[0])


NUMBERS = {"ms": 1_700_000_000_123, "us": 1_700_000_000_123_456, "ns": 1_700_000_000_123_456_789}
for unit, number in NUMBERS.items():
    chdb.query(f"select toInt64({number}) x into outfile '{unit}.parquet' truncate format Parquet")
for kind in ("DateTime", "DateTime64(3)", "DateTime64(9)"):
    for unit, number in NUMBERS.items():
        read(f"{kind} {unit} quoted", f"""format(JSONEachRow, 'x {kind}', '{{"x":"{number}"}}')""")
        read(f"{kind} {unit} bare", f"""format(JSONEachRow, 'x {kind}', '{{"x":{number}}}')""")
        read(f"{kind} {unit} csv", f"format(CSV, 'x {kind}', '{number}\n')")
        read(f"{kind} {unit} values", f"format(Values, 'x {kind}', '({number})')")
        read(f"{kind} {unit} parquet", f"file('{unit}.parquet', Parquet, 'x {kind}')")
PYTHON

of() {
    grep -F "$1: " seen | sed 's/^[^:]*: //'
}

for way in quoted csv; do
    expect "DateTime64(3), $way, ms" "2023-11-14 22:13:20.123" "$(of "DateTime64(3) ms $way")"
    expect "DateTime64(9), $way, ms" "2023-11-14 22:13:20.123000000" "$(of "DateTime64(9) ms $way")"
    expect "DateTime64(9), $way, ns" "2023-11-14 22:13:20.123456789" "$(of "DateTime64(9) ns $way")"
    expect "DateTime64(3), $way, ns" "2023-11-14 22:13:20.123" "$(of "DateTime64(3) ns $way")"
    expect "DateTime, $way, ms" "2023-11-14 22:13:20" "$(of "DateTime ms $way")"
done
for way in bare values; do
    expect "DateTime64(3), $way, ms" "9999-12-31 23:59:59.000" "$(of "DateTime64(3) ms $way")"
    expect "DateTime, $way, ms" "2106-02-07 06:28:15" "$(of "DateTime ms $way")"
    expect "DateTime64(9), $way, ns" "Numeric value is out of range for DateTime64" "$(of "DateTime64(9) ns $way")"
done
expect "DateTime64(3), Parquet, ms" "9999-12-31 23:59:59.999" "$(of "DateTime64(3) ms parquet")"
expect "DateTime64(9), Parquet, ns" "2262-04-11 23:47:16.854775807" "$(of "DateTime64(9) ns parquet")"
expect "DateTime, Parquet, ms" "2106-02-07 06:28:15" "$(of "DateTime ms parquet")"
