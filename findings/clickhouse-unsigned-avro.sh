#!/usr/bin/env bash
# ClickHouse 26.9 (chdb 4.4.0) writes unsigned columns to Avro and ORC: counters from 2^31 on are negative, without an error.
#
# Neither format has unsigned integers. UInt32 becomes Avro's 32-bit `int`, not `long`, and ORC's `int`: octets of 3,000,000,000 are -1294967296 for every reader
# (here fastavro 1.13.1 and pyarrow 26.0.1), and so is an IPv4 address from 128.0.0.0 on. UInt64 becomes `long`, and 2^64-1 is -1.
# * UInt16 is right in Avro (`int`) and signed in ORC (`short`): port 40000 is -25536.
# * polars 2.1.0 refuses to write unsigned columns to Avro, fastavro a value above 2^63-1.
# ClickHouse reads its own files back as signed columns. Sums of octets then are too small, and nothing tells which rows. Cast to Int64, or to Decimal(20, 0), first.
. "$(dirname "$0")/lib/common.sh"

pypi chdb==4.4.0 fastavro==1.13.1 cramjam==2.14.0 pyarrow==26.0.1 polars==2.1.0
cd "$work"
python >seen <<'PYTHON'
import io
import chdb, fastavro, polars, pyarrow.orc

COLUMNS = "toUInt16(40000) port, toUInt32(3000000000) octets, toUInt64(18446744073709551615) total"
for form in ("Avro", "ORC"):
    chdb.query(f"select {COLUMNS} into outfile 'flows.{form}' truncate format {form}")
with open("flows.Avro", "rb") as file:
    reader = fastavro.reader(file)
    print("schema:", *(field["type"] for field in reader.writer_schema["fields"]))
    print("avro:", *next(reader).values())
print("orc:", *pyarrow.orc.read_table("flows.ORC").to_pylist()[0].values())
print("back:", chdb.query("select octets, toTypeName(octets), total from file('flows.Avro')", "TSV").data().strip().replace("\t", " "))
for words, action in (
    ("polars", lambda: polars.DataFrame({"it": [1]}, schema={"it": polars.UInt32}).write_avro(io.BytesIO())),
    ("fastavro", lambda: fastavro.schemaless_writer(io.BytesIO(), fastavro.parse_schema({"type": "long"}), 2**63)),
):
    try:
        print(f"{words}:", action())
    except Exception as error:
        print(f"{words}:", type(error).__name__)
PYTHON

of() {
    sed -n "s/^$1: //p" seen
}

expect "types of UInt16, UInt32, UInt64 in Avro" "int int long" "$(of schema)"
expect "40000, 3000000000, 2^64-1 from Avro" "40000 -1294967296 -1" "$(of avro)"
expect "the same from ORC" "-25536 -1294967296 -1" "$(of orc)"
expect "octets and total, read back by ClickHouse" "-1294967296 Int32 -1" "$(of back)"
expect "polars, UInt32; fastavro, 2^63 as long" "ComputeError OverflowError" "$(of polars) $(of fastavro)"
