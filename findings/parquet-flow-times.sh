#!/usr/bin/env bash
# Start, end and duration of a flow in nanoseconds, from Parquet: DuckDB 2.0.1 and ClickHouse 26.9 (chdb 4.4.0) beside pyarrow 26.0.1.
#
# * DuckDB reads timestamp[ns, UTC] as TIMESTAMPTZ_NS, for which there is no `-`: end minus start is an error.
# * timestamp[ns] without a zone has `-`, whose INTERVAL has microseconds: 5,995 ns become 6 us. epoch_ns() is exact for both.
# * A duration column is Arrow's, not Parquet's: DuckDB and ClickHouse have a plain integer; polars 2.1.0 has a duration.
# * ClickHouse adds unsigned octets modulo 2^64, DuckDB in 128 bits.
# So: ends in microseconds UTC for people, a column of nanoseconds as an integer for the difference.
. "$(dirname "$0")/lib/common.sh"

pypi duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0 chdb==4.4.0
cd "$work"
python >seen <<'PYTHON'
import chdb, duckdb, polars, pyarrow, pyarrow.parquet

START = 1_764_367_200_123_456_794
pyarrow.parquet.write_table(
    pyarrow.table(
        {
            "start_utc": pyarrow.array([START], pyarrow.timestamp("ns", "UTC")),
            "end_utc": pyarrow.array([START + 5995], pyarrow.timestamp("ns", "UTC")),
            "start": pyarrow.array([START], pyarrow.timestamp("ns")),
            "end": pyarrow.array([START + 5995], pyarrow.timestamp("ns")),
            "lasted": pyarrow.array([5995], pyarrow.duration("ns")),
            "octets": pyarrow.array([2**64 - 1], pyarrow.uint64()),
        }
    ),
    "flows.parquet",
)


def duck(expression, source="'flows.parquet'"):
    try:
        return duckdb.sql(f"select {expression} from {source}").fetchall()[0][0]
    except duckdb.Error as error:
        return type(error).__name__


print(duck("end_utc - start_utc"))
print(duck('("end" - start)::varchar'))
print(duck('epoch_ns("end") - epoch_ns(start)'), duck("epoch_ns(end_utc) - epoch_ns(start_utc)"))
print(duck("typeof(lasted)"), chdb.query("select toTypeName(lasted) from file('flows.parquet')", "TSV").data().strip())
print(polars.read_parquet("flows.parquet")["lasted"].dtype)
twice = "(select octets from 'flows.parquet' union all select octets from 'flows.parquet')"
print(duck("sum(octets)", twice))
print(chdb.query("select sum(octets) from (select arrayJoin([octets, octets]) as octets from file('flows.parquet'))", "TSV").data().strip())
PYTHON

line() {
    sed -n "$1p" seen
}

expect "DuckDB, end - start in UTC" BinderException "$(line 1)"
expect "DuckDB, end - start without a zone, 5995 ns" "00:00:00.000006" "$(line 2)"
expect "DuckDB, epoch_ns" "5995 5995" "$(line 3)"
expect "duration as DuckDB and ClickHouse have it" "BIGINT Nullable(Int64)" "$(line 4)"
expect "duration as polars has it" "Duration(time_unit='ns')" "$(line 5)"
expect "DuckDB, 2^64-1 twice" 36893488147419103230 "$(line 6)"
expect "ClickHouse, 2^64-1 twice" 18446744073709551614 "$(line 7)"
