#!/usr/bin/env bash
# Unsigned columns in Delta Lake (deltalake 1.6.6) and Iceberg (pyiceberg 0.12.0), both of PyPI: the first port above 32767 is refused, with its whole batch.
#
# Both table formats have signed integers alone. deltalake makes of an unsigned column the signed one of the *same* width: ports (UInt16) are `short`, octets (UInt32)
# `integer`. A table is made without a word from flows with ports up to 32767, and the first batch in which a client's port (32768 to 60999 on Linux) occurs ends
# with an error, all other flows of the batch with it; so does the first UInt32 of 2^31. polars 2.1.0's write_delta does the same.
# * Nanoseconds become microseconds, cut off, without an error.
# * pyiceberg has ports as `int`, which is right, and UInt32 as `int` as well: a value of 2^31 is an error of Python's struct module that names no column. The
#   same column is refused by type for nanoseconds.
# A trial with ports 80 and 443 shows nothing. Write signed columns of the next width: ports as int32, octets as int64 (or decimal(20, 0)).
. "$(dirname "$0")/lib/common.sh"

pypi deltalake==1.6.6 pyiceberg==0.12.0 sqlalchemy==2.1.9 pyarrow==26.0.1 polars==2.1.0
cd "$work"
python -W ignore >seen <<'PYTHON'
import deltalake, polars, pyarrow
from pyiceberg.catalog.memory import InMemoryCatalog


def attempt(words, action):
    try:
        print(f"{words}:", action())
    except Exception as error:
        print(f"{words}: {type(error).__name__} {str(error).splitlines()[0][-44:]}")


def append(values, kind, name):
    deltalake.write_deltalake(name, pyarrow.table({"it": pyarrow.array(values, kind)}), mode="append")
    return len(pyarrow.table(deltalake.DeltaTable(name).to_pyarrow_table()))


def iceberg(values, kind):
    catalog.create_table("flows.t", schema=pyarrow.schema({"it": kind})).append(pyarrow.table({"it": pyarrow.array(values, kind)}))
    return catalog.load_table("flows.t").scan().to_arrow()["it"].to_pylist()


u16, u32, ns = pyarrow.uint16(), pyarrow.uint32(), pyarrow.timestamp("ns", "UTC")
attempt("delta, low", lambda: append([80, 32767], u16, "ports"))
print("delta, type:", deltalake.DeltaTable("ports").schema().fields[0].type)
attempt("delta, high", lambda: append([80, 32768], u16, "ports"))
attempt("delta, after", lambda: append([443], u16, "ports"))
attempt("delta, octets", lambda: append([3_000_000_000], u32, "octets"))
attempt("polars", lambda: polars.DataFrame({"it": [40000]}, schema={"it": polars.UInt16}).write_delta("polars"))
append([1_700_000_000_123_456_789], ns, "times")
print("delta, time:", polars.read_delta("times")["it"].dt.epoch("ns").to_list())
for words, values, kind in (("ports", [80, 40000], u16), ("octets", [3_000_000_000], u32), ("times", [1], ns)):
    catalog = InMemoryCatalog("catalog", warehouse=f"{words}.iceberg")
    catalog.create_namespace("flows")
    attempt(f"iceberg, {words}", lambda: iceberg(values, kind))
PYTHON

of() {
    sed -n "s/^$1: //p" seen
}

expect "Delta, ports up to 32767: rows, type" "2 PrimitiveType(\"short\")" "$(of "delta, low") $(of "delta, type")"
expect "a batch with port 32768" "DeltaError Can't cast value 32768 to type Int16" "$(of "delta, high" | sed 's/ .*Can/ Can/')"
expect "rows with one more of port 443: the refused batch is gone" "3" "$(of "delta, after")"
expect "UInt32 3,000,000,000" "DeltaError Can't cast value 3000000000 to type Int32" "$(of "delta, octets" | sed 's/ .*Can/ Can/')"
expect "polars, port 40000" "DeltaError Can't cast value 40000 to type Int16" "$(of polars | sed 's/ .*Can/ Can/')"
expect "Delta, 1700000000123456789 ns" "[1700000000123456000]" "$(of "delta, time")"
expect "Iceberg, ports" "[80, 40000]" "$(of "iceberg, ports")"
expect "Iceberg, UInt32 3,000,000,000" "error requires -2147483648 <= number <= 2147483647" "$(of "iceberg, octets" | sed 's/ .*requires/ requires/')"
expect "Iceberg, nanoseconds" "UnsupportedPyArrowTypeException" "$(of "iceberg, times" | cut -d' ' -f1)"
