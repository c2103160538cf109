#!/usr/bin/env bash
# Flow records as JSON lines, where a key or a large counter comes late in the file: four readers, four outcomes.
#
# The 30,001st record is the first with an ICMP type, or the first with a counter above 2^63 (IPFIX counters are unsigned64).
# The schema was guessed from the first records by then.
# * DuckDB 2.0.1 ends with an error in both cases; `sample_size = -1` reads all.
# * polars 2.1.0 leaves the late key out, without an error, and ends with one at the counter.
# * pyarrow 26.0.1 reads the late key, and turns the whole column into floating-point numbers: 2^64-1 becomes 2^64.
# * ClickHouse 26.9 (chdb 4.4.0) leaves the late key out as well, and stores 2^64-1 as -1, without an error.
# A reader that names its columns and types reads all of it.
. "$(dirname "$0")/lib/common.sh"

pypi duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0 chdb==4.4.0
cd "$work"
python >seen <<'PYTHON'
import chdb, duckdb, polars, pyarrow.json

LARGE = 2**64 - 1
usual = '{"flow.sequence":0,"flow.bytes.total":5}\n' * 30_000
open("key.jsonl", "w").write(usual + '{"flow.sequence":1,"flow.icmp.type.id":8}\n')
open("large.jsonl", "w").write(usual + f'{{"flow.sequence":1,"flow.bytes.total":{LARGE}}}\n')


def seen(read):
    try:
        return read()
    except Exception as error:
        return type(error).__name__


def duck(name, column, options=""):
    query = f"""select "{column}" from read_json_auto('{name}.jsonl'{options}) where "flow.sequence" = 1"""
    return seen(lambda: duckdb.sql(query).fetchall()[0][0])


def click(name, column, structure=""):
    query = f"select `{column}` from file('{name}.jsonl', JSONEachRow{structure}) where `flow.sequence` = 1"
    return seen(lambda: chdb.query(query, "TSV").data().strip())


columns = (("key", "flow.icmp.type.id"), ("large", "flow.bytes.total"))
for name, column in columns:
    print("duckdb", name, duck(name, column), duck(name, column, ", sample_size = -1"))
    print("polars", name, seen(lambda: polars.read_ndjson(f"{name}.jsonl")[column][-1]))
    print("pyarrow", name, seen(lambda: pyarrow.json.read_json(f"{name}.jsonl")[column][-1].as_py()))
    whole = ", '`flow.sequence` UInt64, `flow.bytes.total` UInt64, `flow.icmp.type.id` UInt8'"
    print("clickhouse", name, click(name, column), click(name, column, whole))
PYTHON

of() {
    grep -e "^$1 $2 " seen | cut -d ' ' -f 3-
}

expect "late key, DuckDB; with all read before" "BinderException 8" "$(of duckdb key)"
expect "late key, polars" "ColumnNotFoundError" "$(of polars key)"
expect "late key, pyarrow" "8" "$(of pyarrow key)"
expect "late key, ClickHouse; with types named" "RuntimeError 8" "$(of clickhouse key)"
expect "2^64-1, DuckDB; with all read before" "InvalidInputException 18446744073709551615" "$(of duckdb large)"
expect "2^64-1, polars" "ComputeError" "$(of polars large)"
expect "2^64-1, pyarrow" "1.8446744073709552e+19" "$(of pyarrow large)"
expect "2^64-1, ClickHouse; with types named" "-1 18446744073709551615" "$(of clickhouse large)"
