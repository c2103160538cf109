#!/usr/bin/env bash
# ClickHouse 26.9 (chdb 4.4.0), a column that is too narrow for a counter: what is stored is the rest, without an error; DuckDB 2.0.1 refuses it.
#
# A flow of 4,294,967,301 octets (2^32 + 5) goes into UInt32, and 65,616 into UInt16.
# * From JSON lines, CSV, TSV and a plain `insert .. values` they become 5 and 80. So they do from Parquet. A number of 2^64 + 5 in JSON becomes 5 in UInt64
#   as well, and 2,147,483,653 in Int32 becomes -2,147,483,643.
# * From Parquet -1 becomes 2^64-1 in UInt64; from text a minus is an error there.
# * The table function `values` and accurateCast() refuse the same number, so a trial with them shows an error that an insert has not.
# A table with UInt32 octets so has its largest flows as its smallest ones; counters are UInt64 (IPFIX unsigned64) from the beginning.
. "$(dirname "$0")/lib/common.sh"

pypi chdb==4.4.0 duckdb==2.0.1
cd "$work"
python >seen <<'PYTHON'
import chdb, duckdb

OCTETS, PORT = 2**32 + 5, 65_616
open("flows.jsonl", "w").write(f'{{"octets": {OCTETS}, "port": {PORT}}}\n')
open("flows.csv", "w").write(f"{OCTETS},{PORT}\n")
open("flows.tsv", "w").write(f"{OCTETS}\t{PORT}\n")
duckdb.sql(f"copy (select {OCTETS}::ubigint as octets, {PORT}::bigint as port, -1::bigint as change) to 'flows.parquet'")


def click(query):
    try:
        return chdb.query(query, "TSV").data().strip().replace("\t", " ")
    except Exception:
        return "error"


def duck(query):
    try:
        return " ".join(map(str, duckdb.sql(query).fetchall()[0]))
    except duckdb.Error:
        return "error"


narrow = "octets UInt32, port UInt16"
for form, name in (("JSONEachRow", "jsonl"), ("CSV", "csv"), ("TSV", "tsv"), ("Parquet", "parquet")):
    print(f"{form}:", click(f"select * from file('flows.{name}', {form}, '{narrow}')"))
print("insert:", click(f"create table flows ({narrow}) engine = Memory; insert into flows values ({OCTETS}, {PORT}); select * from flows"))
print("values:", click(f"select * from values('{narrow}', ({OCTETS}, {PORT}))"))
print("accurateCast:", click(f"select accurateCast({OCTETS}, 'UInt32')"))
print("2^64+5:", click(f"""select * from format(JSONEachRow, 'octets UInt64', '{{"octets": {2**64 + 5}}}')"""))
print("Int32:", click(f"""select * from format(JSONEachRow, 'octets Int32', '{{"octets": {2**31 + 5}}}')"""))
print("minus, Parquet:", click("select change from file('flows.parquet', Parquet, 'change UInt64')"))
print("minus, JSON:", click("""select * from format(JSONEachRow, 'change UInt64', '{"change": -1}')"""))
print("DuckDB, JSON:", duck("select * from read_json('flows.jsonl', columns = {octets: 'UINTEGER', port: 'USMALLINT'})"))
print("DuckDB, Parquet:", duck("select octets::uinteger from 'flows.parquet'"))
PYTHON

while IFS= read -r line; do
    expect "${line%: *}" "${line##*: }" "$(sed -n "s/^${line%: *}: //p" seen)"
done <<'ANSWERS'
JSONEachRow: 5 80
CSV: 5 80
TSV: 5 80
Parquet: 5 80
insert: 5 80
values: error
accurateCast: error
2^64+5: 5
Int32: -2147483643
minus, Parquet: 18446744073709551615
minus, JSON: error
DuckDB, JSON: error
DuckDB, Parquet: error
ANSWERS
