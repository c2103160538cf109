#!/usr/bin/env bash
# polars 2.1.0, a column of nanoseconds beside a Python datetime: expressions compare whole microseconds, a Series compares nanoseconds.
#
# Flows start 0, 1, 500, 999 and 1,000 ns behind T. A Python datetime has microseconds, and here T is a whole number of them.
# * `filter(pl.col("start") > T)` has the last flow alone, `== T` has four, and so does `<= T`. A read of a Parquet file that is filtered says the same. "All flows behind the last
#   one I have" so leaves out those of the same microsecond, without an error.
# * `frame["start"] > T` on the same column has four flows, and `is_in([T])` has one. SQL with T as text has four.
# * The last time that is held, as `frame["start"].max()`, is a datetime as well, and three flows of five are then not above it, nor below it.
# * Of a column in milliseconds, `>= T + 600 us` has the flow at T, which is before that.
# * A difference with T is in microseconds too: `total_nanoseconds()` of it is 0 up to 999 ns. Where T fills a gap or is the other case of a `when`, the
#   whole column is in microseconds.
# `pl.lit(T, dtype=pl.Datetime("ns", "UTC"))` compares nanoseconds. DuckDB, DataFusion, ClickHouse and pyarrow compare the finer unit.
. "$(dirname "$0")/lib/common.sh"

pypi polars==2.1.0 pyarrow==26.0.1 duckdb==2.0.1
cd "$work"
python >seen <<'PYTHON'
import datetime

import duckdb, polars as pl, pyarrow as pa, pyarrow.parquet

AFTER = [0, 1, 500, 999, 1000]
T = datetime.datetime(2025, 11, 28, 22, 0, 0, 123456, tzinfo=datetime.timezone.utc)
start = int(T.timestamp()) * 10**9 + 123_456_000
times = pa.array([start + it for it in AFTER], pa.timestamp("ns", "UTC"))
pa.parquet.write_table(pa.table({"after": AFTER, "start": times}), "flows.parquet")
frame, lazy, column = pl.read_parquet("flows.parquet"), pl.scan_parquet("flows.parquet"), pl.col("start")
exact = pl.lit(T, dtype=pl.Datetime("ns", "UTC"))


def show(words, flows):
    print(f"{words}:", *flows)


def kept(condition):
    return frame.filter(condition)["after"]


show("above", kept(column > T))
show("equal", kept(column == T))
show("not above", kept(column <= T))
show("above, file", lazy.filter(column > T).collect()["after"])
show("equal, file", lazy.filter(column == T).collect()["after"])
show("above, series", kept(frame["start"] > T))
show("in", kept(column.is_in([T])))
show("above, SQL", frame.sql("select after from self where start > '2025-11-28 22:00:00.123456'")["after"])
held = frame.head(3)["start"].max()
show("above what is held", kept(column > held))
show("below what is held", kept(column < held))
show("above, exact", kept(column > exact))
show("equal, exact", kept(column == exact))
show("above, pyarrow", pa.parquet.read_table("flows.parquet", filters=[("start", ">", T)])["after"].to_pylist())
show("above, DuckDB", [it for it, in duckdb.execute("select after from 'flows.parquet' where start > ? order by 1", [T]).fetchall()])
show("difference", frame.select((column - pl.lit(T)).dt.total_nanoseconds()).to_series())
show("difference, exact", frame.select((column - exact).dt.total_nanoseconds()).to_series())
show("unit", [frame.select(it).to_series().dtype.time_unit for it in (column, column.fill_null(T), pl.when(pl.col("after") > 0).then(column).otherwise(T))])
whole = T.replace(microsecond=0)
coarse = pl.DataFrame({"after": [0, 1], "start": [whole, whole.replace(microsecond=1000)]}, schema_overrides={"start": pl.Datetime("ms", "UTC")})
show("milliseconds", coarse.filter(column >= whole.replace(microsecond=600))["after"])
PYTHON

of() {
    sed -n "s/^$1: //p" seen
}

echo "nanoseconds behind T of the flows that are found"
expect "start > T" 1000 "$(of above)"
expect "start == T" "0 1 500 999" "$(of equal)"
expect "start <= T" "0 1 500 999" "$(of "not above")"
expect "start > T, and == T, of a file" "1000, 0 1 500 999" "$(of "above, file"), $(of "equal, file")"
expect "frame[start] > T" "1 500 999 1000" "$(of "above, series")"
expect "start in [T]" 0 "$(of in)"
expect "start > T in SQL" "1 500 999 1000" "$(of "above, SQL")"
expect "start > the highest of the first three" 1000 "$(of "above what is held")"
expect "start < the highest of the first three" "" "$(of "below what is held")"
expect "start > T, and == T, with T in nanoseconds" "1 500 999 1000, 0" "$(of "above, exact"), $(of "equal, exact")"
expect "start > T, pyarrow and DuckDB" "1 500 999 1000, 1 500 999 1000" "$(of "above, pyarrow"), $(of "above, DuckDB")"
expect "start - T in nanoseconds" "0 0 0 0 1000" "$(of difference)"
expect "start - T with T in nanoseconds" "0 1 500 999 1000" "$(of "difference, exact")"
expect "unit of the column, filled with T, and beside T" "ns us us" "$(of unit)"
expect "column in milliseconds, flows from 0.6 ms on" "0 1" "$(of milliseconds)"
