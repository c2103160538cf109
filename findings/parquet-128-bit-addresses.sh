#!/usr/bin/env bash
# IPv6 addresses as 128-bit integers, and sums of octets, written to Parquet by DuckDB 2.0.1, polars 2.1.0 and ClickHouse 26.9 (chdb 4.4.0).
#
# * DuckDB writes HUGEINT and UHUGEINT as DOUBLE, without an error: three hosts of one /64 are one after reading. sum() of integers is
#   HUGEINT, so totals of octets in a summary file are DOUBLE too, and lose digits from 2^53 on.
# * polars' and ClickHouse's 128-bit integers become 16 octets without a logical type, the lowest octet first. DuckDB reads them as BLOB in that
#   order, the address backwards; pyarrow 26.0.1 reads no column of polars' file, also where it asks for another one.
# * ClickHouse's IPv6 becomes the 16 octets of the address, as they are on the wire. Its IPv4 becomes a plain uint32.
# * A UUID made of the address is right in all: DuckDB, ClickHouse and pyarrow know it for one.
# So: 16 octets in network order; never an integer.
. "$(dirname "$0")/lib/common.sh"

pypi duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0 chdb==4.4.0
cd "$work"
python >seen <<'PYTHON'
import ipaddress, uuid
import chdb, duckdb, polars, pyarrow.parquet

ADDRESSES = [ipaddress.ip_address(f"2001:db8::{host}") for host in (1, 2, 3)]
NUMBERS = [int(it) for it in ADDRESSES]


def physical(name):
    column = pyarrow.parquet.ParquetFile(f"{name}.parquet").metadata.schema.column(0)
    return f"{column.physical_type} {column.logical_type}"


def duck(select, name):
    return duckdb.sql(f"select {select} from '{name}.parquet'").fetchall()[0]


def click(select, name):
    return chdb.query(f"select {select} from file('{name}.parquet')", "TSV").data().strip()


rows = ",".join(f"({it}::uhugeint, '{uuid.UUID(int=it)}'::uuid)" for it in NUMBERS)
duckdb.sql(f"create table flows as select * from (values {rows}) t (number, uuid)")
duckdb.sql("copy (select number from flows) to 'duckdb.parquet'")
duckdb.sql("copy (select uuid from flows) to 'uuid.parquet'")
duckdb.sql("copy (select sum(octets) as octets from (values (9007199254740992::ubigint), (1::ubigint)) t (octets)) to 'sum.parquet'")
polars.DataFrame({"number": polars.Series(NUMBERS, dtype=polars.UInt128), "port": [1, 2, 3]}).write_parquet("polars.parquet")
for kind, value in (("UInt128", NUMBERS[0]), ("IPv6", ADDRESSES[0]), ("IPv4", "192.0.2.1")):
    chdb.query(f"select to{kind}('{value}') as it into outfile '{kind}.parquet' truncate format Parquet")

print("duckdb:", physical("duckdb"), *duck("count(distinct number)", "duckdb"))
print("sum:", physical("sum"), duck("octets::varchar", "sum")[0])
print("uuid:", physical("uuid"), *duck("count(distinct uuid), min(uuid)", "uuid"))
print("uuid, clickhouse:", click("min(uuid), toTypeName(min(uuid))", "uuid"))
print("uuid, pyarrow:", pyarrow.parquet.read_table("uuid.parquet")["uuid"][0].as_py())
print("polars:", *duck("typeof(number), hex(number)", "polars"))
print("UInt128:", *duck("typeof(it), hex(it)", "UInt128"))
print("IPv6:", *duck("typeof(it), hex(it)", "IPv6"))
print("IPv4:", *duck("typeof(it), it", "IPv4"))
try:
    print("pyarrow:", pyarrow.parquet.read_table("polars.parquet", columns=["port"]).num_rows)
except pyarrow.ArrowException as error:
    print("pyarrow:", type(error).__name__)
PYTHON

of() {
    sed -n "s/^$1: //p" seen
}

expect "DuckDB, UHUGEINT: type, and distinct addresses of 3" "DOUBLE None 1" "$(of duckdb)"
expect "DuckDB, sum(octets), 2^53 and 1" "DOUBLE None 9007199254740992.0" "$(of sum)"
expect "DuckDB, UUID: type, distinct of 3, the first" "FIXED_LEN_BYTE_ARRAY UUID 3 20010db8-0000-0000-0000-000000000001" "$(of uuid)"
expect "the same by ClickHouse" "20010db8-0000-0000-0000-000000000001 UUID" "$(of "uuid, clickhouse" | tr '\t' ' ')"
expect "the same by pyarrow" "20010db8-0000-0000-0000-000000000001" "$(of "uuid, pyarrow")"
expect "polars, UInt128, as DuckDB reads it" "BLOB 010000000000000000000000B80D0120" "$(of polars)"
expect "ClickHouse, UInt128" "BLOB 010000000000000000000000B80D0120" "$(of UInt128)"
expect "ClickHouse, IPv6" "BLOB 20010DB8000000000000000000000001" "$(of IPv6)"
expect "ClickHouse, IPv4" "UINTEGER 3221225985" "$(of IPv4)"
expect "the port column of polars' file by pyarrow" "ArrowNotImplementedError" "$(of pyarrow)"
