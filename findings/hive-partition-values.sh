#!/usr/bin/env bash
# Folders named `node=VALUE` (Hive partitions) of Parquet files: six readers make other values of the same names, and some make one of two.
#
# An exporter that writes a folder for each node, version or interface leaves their type to the reader, which guesses it from the names.
# * `10.1` and `10.10` are one number, 10.1, in polars 2.1.0, ClickHouse 26.9 (chdb 4.4.0) and fastparquet 2026.9.0; a `group by` joins two nodes.
# * `1e5` and `2e5`, as hexadecimal ids may be, are 100000.0 and 200000.0 in polars and fastparquet; `inf` is a number in ClickHouse.
# * `007` is the number 7 in all but DuckDB 2.0.1 and DataFusion 55.0.0; `0x10` is 16 in DuckDB and pyarrow 26.0.1.
# * `a%20b`, an encoded space, stays as it is in ClickHouse and fastparquet. `__HIVE_DEFAULT_PARTITION__`, Hive's null, is text in ClickHouse, DataFusion and
#   fastparquet.
# One name that is no number (`node-b`) makes all of them text again, so it depends on which nodes are there. A column in the file has a type; a folder has none.
. "$(dirname "$0")/lib/common.sh"

pypi pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.1 chdb==4.4.0 datafusion==55.0.0 fastparquet==2026.9.0 pandas==3.1.1
cd "$work"
python -W ignore >seen <<'PYTHON'
import os
import chdb, datafusion, duckdb, fastparquet, polars, pyarrow, pyarrow.parquet


def of_datafusion(folder):
    context = datafusion.SessionContext()
    context.sql(f"create external table t stored as parquet partitioned by (node) location '{folder}/'")
    return context.sql("select node from t order by x").to_pydict()["node"]


def of_fastparquet(folder):
    table = fastparquet.ParquetFile(folder).to_pandas().sort_values("x")
    return list(table["node"])


READERS = {
    "pyarrow": lambda folder: [it["node"] for it in sorted(pyarrow.parquet.read_table(folder).to_pylist(), key=lambda it: it["x"])],
    "polars": lambda folder: polars.read_parquet(f"{folder}/").sort("x")["node"].to_list(),
    "duckdb": lambda folder: [it for it, in duckdb.sql(f"select node from read_parquet('{folder}/**/*.parquet', hive_partitioning = true) order by x").fetchall()],
    "clickhouse": lambda folder: chdb.query(f"select node from file('{folder}/**/*.parquet') order by x settings use_hive_partitioning = 1", "TSV").data().split("\n")[:-1],
    "datafusion": of_datafusion,
    "fastparquet": of_fastparquet,
}
NAMES = {
    "dots": ["10.1", "10.10"],
    "exponents": ["1e5", "2e5"],
    "infinite": ["inf", "nan"],
    "zeroes": ["007", "012"],
    "hexadecimal": ["0x10", "0x20"],
    "space": ["a%20b", "c"],
    "null": ["a", "__HIVE_DEFAULT_PARTITION__"],
    "mixed": ["10.10", "node-b"],
}
for kind, names in NAMES.items():
    for row, name in enumerate(names):
        os.makedirs(f"{kind}/node={name}")
        pyarrow.parquet.write_table(pyarrow.table({"x": [row]}), f"{kind}/node={name}/flows.parquet")
    for reader, read in READERS.items():
        if reader == "fastparquet" and kind in ("mixed", "infinite"):
            continue
        print(f"{kind} {reader}:", *read(kind), sep="|")
print("click infinite:", chdb.query("select any(toTypeName(node)) from file('infinite/**/*.parquet') settings use_hive_partitioning = 1", "TSV").data().strip())
PYTHON

of() {
    sed -n "s/^$1:|*//p" seen
}

# same KIND EXPECTED READER ..
same() {
    local kind=$1 expected=$2 reader
    shift 2
    for reader in "$@"; do
        expect "$kind, $reader" "$expected" "$(of "$kind $reader")"
    done
}

same dots "10.1|10.10" pyarrow duckdb datafusion
same dots "10.1|10.1" polars clickhouse fastparquet
same exponents "1e5|2e5" pyarrow duckdb clickhouse datafusion
same exponents "100000.0|200000.0" polars fastparquet
expect "type of inf and nan in ClickHouse" " Float64" "$(of "click infinite")"
same zeroes "007|012" duckdb datafusion
same zeroes "7|12" pyarrow polars clickhouse fastparquet
same hexadecimal "16|32" pyarrow duckdb
same hexadecimal "0x10|0x20" polars clickhouse datafusion fastparquet
same space "a b|c" pyarrow polars duckdb datafusion
same space "a%20b|c" clickhouse fastparquet
same null "a|None" pyarrow polars duckdb
same null "a|__HIVE_DEFAULT_PARTITION__" clickhouse datafusion fastparquet
same mixed "10.10|node-b" pyarrow polars duckdb clickhouse datafusion
