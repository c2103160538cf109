#!/usr/bin/env bash
# Times as RFC 3339 text that are whole seconds at first: DataFusion 55.0.0 and ClickHouse 26.9 (chdb 4.4.0) take the fractions off all later ones, without an error.
#
# Many writers leave out a fraction of zero: 00:00:00Z, and one record later 00:00:00.123456789Z. The reader guesses the type from the first records of the file.
# * DataFusion (CSV) has timestamp[s] and cuts, where its first 1,000 records are whole seconds; with half seconds among them timestamp[ms]. With a date alone at first
#   (2026-01-01) it has a date, and cuts the time of day off.
# * ClickHouse (CSV and JSON) has DateTime and cuts the same; one fraction among the first 25,000 records makes it DateTime64(9), which has all.
# * DuckDB 2.0.1 and polars 2.1.0 (try_parse_dates) have microseconds whatever comes; pyarrow 26.0.1 has nanoseconds from CSV, and text from JSON.
# So start and end of short flows become equal, in some files and not in others. Write all nine digits always.
. "$(dirname "$0")/lib/common.sh"

pypi datafusion==55.0.0 chdb==4.4.0 duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1
cd "$work"
python -W ignore >seen <<'PYTHON'
import json
import chdb, datafusion, duckdb, polars, pyarrow.csv, pyarrow.json

duckdb.sql("set timezone = 'UTC'")
ROWS = 40_000
LAST = "2026-01-01T00:00:00.123456789Z"


def of_datafusion(words):
    context = datafusion.SessionContext()
    context.register_csv("t", f"{words}.csv")
    return context.sql(f"select x::varchar x from t where i = {ROWS}").to_pydict()["x"][0]


def click(file):
    return chdb.query(f"select x from file('{file}') where i = {ROWS} settings session_timezone = 'UTC'", "TSV").data().strip()


def duck(file):
    return duckdb.sql(f"select x::varchar from '{file}' where i = {ROWS}").fetchall()[0][0]


for words, first in (("whole", "2026-01-01T00:00:00Z"), ("half", "2026-01-01T00:00:00.5Z"), ("date", "2026-01-01")):
    values = [first] * ROWS + [LAST]
    with open(f"{words}.csv", "w") as csv, open(f"{words}.jsonl", "w") as lines:
        csv.write("i,x\n")
        for row, value in enumerate(values):
            csv.write(f"{row},{value}\n")
            lines.write(json.dumps({"i": row, "x": value}) + "\n")
    print(f"{words} datafusion:", of_datafusion(words))
    if words == "date":
        continue
    print(f"{words} clickhouse:", click(f"{words}.csv"), click(f"{words}.jsonl"))
    print(f"{words} duckdb:", duck(f"{words}.csv"), duck(f"{words}.jsonl"))
    print(f"{words} polars:", polars.read_csv(f"{words}.csv", try_parse_dates=True)["x"][ROWS])
    print(f"{words} pyarrow:", pyarrow.csv.read_csv(f"{words}.csv")["x"][ROWS], pyarrow.json.read_json(f"{words}.jsonl")["x"][ROWS])
PYTHON

of() {
    sed -n "s/^$1: //p" seen
}

expect "whole seconds, then .123456789: DataFusion" "2026-01-01T00:00:00" "$(of "whole datafusion")"
expect "ClickHouse, CSV and JSON" "2026-01-01 00:00:00 2026-01-01 00:00:00" "$(of "whole clickhouse")"
expect "half seconds, then .123456789: DataFusion" "2026-01-01T00:00:00.123" "$(of "half datafusion")"
expect "ClickHouse, CSV and JSON" "2026-01-01 00:00:00.123456789 2026-01-01 00:00:00.123456789" "$(of "half clickhouse")"
expect "a date, then .123456789: DataFusion" "2026-01-01" "$(of "date datafusion")"
for words in whole half; do
    expect "DuckDB, $words" "2026-01-01 00:00:00.123456+00 2026-01-01 00:00:00.123456+00" "$(of "$words duckdb")"
    expect "polars, $words" "2026-01-01 00:00:00.123456+00:00" "$(of "$words polars")"
    expect "pyarrow, $words" "2026-01-01 00:00:00.123456789+00:00 2026-01-01T00:00:00.123456789Z" "$(of "$words pyarrow")"
done
