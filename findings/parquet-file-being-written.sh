#!/usr/bin/env bash
# A Parquet file that is still being written lies beside finished ones: which name keeps readers of the folder from it?
#
# Two finished files lie beside one whose footer is missing, under four names. The glob `*.parquet` of DuckDB 2.0.1, ClickHouse 26.9
# (chdb 4.4.0) and polars 2.1.0 takes `.part.parquet` and `_part.parquet`: a dot or an underscore hides nothing from it. The
# folder as a whole is read by pyarrow 26.0.1, which skips both, and fails with `part.parquet.tmp`; polars fails with
# any other ending, hidden or not. No name in the folder suits all: `.part.parquet.tmp` suits each glob and pyarrow, and
# a folder of its own suits everyone.
. "$(dirname "$0")/lib/common.sh"

pypi duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0 chdb==4.4.0
cd "$work"
python >seen <<'PYTHON'
import os, shutil
import chdb, duckdb, polars, pyarrow, pyarrow.parquet

pyarrow.parquet.write_table(pyarrow.table({"octets": pyarrow.array([1, 2], pyarrow.uint64())}), "whole.parquet")


def rows(read):
    try:
        return str(read())
    except Exception:
        return "error"


for name in ("none", ".part.parquet", "_part.parquet", "part.parquet.tmp", ".part.parquet.tmp"):
    shutil.rmtree("flows", ignore_errors=True)
    os.mkdir("flows")
    for finished in ("1.parquet", "2.parquet"):
        shutil.copy("whole.parquet", f"flows/{finished}")
    if name != "none":
        with open("whole.parquet", "rb") as whole, open(f"flows/{name}", "wb") as part:
            part.write(whole.read()[:-8])
    readers = (
        lambda: duckdb.sql("select count(*) from 'flows/*.parquet'").fetchall()[0][0],
        lambda: chdb.query("select count() from file('flows/*.parquet')", "TSV").data().strip(),
        lambda: polars.read_parquet("flows/*.parquet").height,
        lambda: polars.read_parquet("flows/").height,
        lambda: pyarrow.parquet.read_table("flows").num_rows,
    )
    print(name, *(rows(read) for read in readers))
PYTHON

of() {
    grep -F -- "$1 " seen | head -n 1 | cut -d ' ' -f 2-
}

echo "rows by: DuckDB glob, ClickHouse glob, polars glob, polars folder, pyarrow folder"
expect "no third file" "4 4 4 4 4" "$(of none)"
expect ".part.parquet" "error error error error 4" "$(grep -e '^\.part.parquet ' seen | cut -d ' ' -f 2-)"
expect "_part.parquet" "error error error error 4" "$(of _part.parquet)"
expect "part.parquet.tmp" "4 4 4 error error" "$(grep -e '^part.parquet.tmp ' seen | cut -d ' ' -f 2-)"
expect ".part.parquet.tmp" "4 4 4 error 4" "$(of .part.parquet.tmp)"
