#!/usr/bin/env bash
# Sums and differences of unsigned counters in polars 2.1.0, pandas 3.1.1 and DuckDB 2.0.1: which of them wrap, without an error.
#
# Three flows of 3,000,000,000 octets each fit into 32 bits, their sum does not.
# * polars: sum(), cum_sum() and a sum by group of UInt32 stay UInt32: 410,065,408. Of UInt8 and
#   UInt16 they are Int64, and right; so a trial with ports or small counters shows nothing. pandas adds in 64 bits, DuckDB in 128.
# * Of UInt64, 2^64-1 and 5 are 4 in polars and pandas. polars's mean of them is right.
# * A counter that went from 10 to 3 (an exporter that restarted): diff() is -7 in polars. It is 1.8e19 in pandas, which takes the difference unsigned
#   and makes it a floating-point number. polars's and pandas's plain `-` give 2^64-7. DuckDB ends with an error.
# Cast counters to 64 bits before sums, and to signed before differences.
. "$(dirname "$0")/lib/common.sh"

pypi polars==2.1.0 pandas==3.1.1 duckdb==2.0.1
python >"$work/seen" <<'PYTHON'
import duckdb, pandas, polars

OCTETS = 3_000_000_000
frame = polars.DataFrame({"host": ["a"] * 3, "octets": polars.Series([OCTETS] * 3, dtype=polars.UInt32)})
series = frame["octets"]
print("polars, sum:", series.sum())
print("polars, cum_sum:", *series.cum_sum())
by_host = frame.group_by("host").agg(polars.col("octets").sum())["octets"]
print("polars, sum by group:", by_host.dtype, *by_host)
print("polars, cast and sum:", series.cast(polars.UInt64).sum())
print("polars, UInt16:", polars.Series([40_000] * 3, dtype=polars.UInt16).sum())
print("polars, UInt8:", polars.Series([200] * 3, dtype=polars.UInt8).sum())
print("pandas, sum:", pandas.Series([OCTETS] * 3, dtype="uint32").sum())
print("DuckDB, sum:", duckdb.sql(f"select sum(octets::uinteger) from unnest([{OCTETS}, {OCTETS}, {OCTETS}]) as t(octets)").fetchall()[0][0])
large = [2**64 - 1, 5]
print("polars, 2^64-1 and 5:", polars.Series(large, dtype=polars.UInt64).sum(), polars.Series(large, dtype=polars.UInt64).mean() > 9e18)
print("pandas, 2^64-1 and 5:", pandas.Series(large, dtype="uint64").sum())
print("DuckDB, 2^64-1 and 5:", duckdb.sql(f"select sum(octets::ubigint) from unnest([{large[0]}, {large[1]}]) as t(octets)").fetchall()[0][0])
print("polars, diff:", polars.Series([10, 3], dtype=polars.UInt64).diff()[1])
print("pandas, diff:", pandas.Series([10, 3], dtype="uint64").diff()[1])
print("polars, minus:", (polars.Series([3], dtype=polars.UInt64) - polars.Series([10], dtype=polars.UInt64))[0])
print("pandas, minus:", (pandas.Series([3], dtype="uint64") - pandas.Series([10], dtype="uint64"))[0])
try:
    print("DuckDB, minus:", duckdb.sql("select 3::ubigint - 10::ubigint").fetchall()[0][0])
except duckdb.Error as error:
    print("DuckDB, minus:", type(error).__name__)
PYTHON

while IFS= read -r line; do
    expect "${line%: *}" "${line##*: }" "$(sed -n "s/^${line%: *}: //p" "$work/seen")"
done <<'ANSWERS'
polars, sum: 410065408
polars, cum_sum: 3000000000 1705032704 410065408
polars, sum by group: UInt32 410065408
polars, cast and sum: 9000000000
polars, UInt16: 120000
polars, UInt8: 600
pandas, sum: 9000000000
DuckDB, sum: 9000000000
polars, 2^64-1 and 5: 4 True
pandas, 2^64-1 and 5: 4
DuckDB, 2^64-1 and 5: 18446744073709551620
polars, diff: -7
pandas, diff: 1.8446744073709552e+19
polars, minus: 18446744073709551609
pandas, minus: 18446744073709551609
DuckDB, minus: OutOfRangeException
ANSWERS
