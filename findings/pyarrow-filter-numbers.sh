#!/usr/bin/env bash
# pyarrow 26.0.1, filters of Parquet files and tables: the form of a filter's number decides from which counter on in the file it is an error.
#
# A file has flows of 80 octets and one large flow. The filter is `octets > NUMBER`, as `filters=` of read_table and pandas.read_parquet, of a data set or a table.
# * 1e6 and 1e9 are made 32-bit floats, as they fit one, and so is the column, whatever its type: 16,777,217 octets in one flow are an error ("not in range"), and
#   16,777,216 are right. 0.1 does not fit a 32-bit float, and the same filter goes up to 2^53.
# * 1000000, an int, is right in a column of Int64. In one of UInt64 it is an Int64, and so is the column: one counter from 2^63 on is an error for every row of the file.
# * The statistics of the row groups hide it: `octets == 0`, which no flow has, is no error with them and is one in a file without.
# * Arithmetic takes the same way: `octets * 8.0` in a data set's columns has 24 bits of digits, an error above, and `octets * 0.1` is right.
#   pyarrow.compute's functions, called by themselves, keep 64 bits beside a float.
# So a filter that works today fails when the first flow has 16 MiB. Give it `pa.scalar(NUMBER, type of the column)`: that is right up to 2^64-1.
. "$(dirname "$0")/lib/common.sh"

pypi pyarrow==26.0.1 pandas==3.1.1
cd "$work"
python >seen <<'PYTHON'
import pandas, pyarrow as pa, pyarrow.compute as pc, pyarrow.dataset as ds, pyarrow.parquet as pq

octets = pc.field("octets")


def file(large, kind, **more):
    table = pa.table({"octets": pa.array([80, large], kind)})
    pq.write_table(table, "flows.parquet", **more)
    return table


def show(words, action):
    try:
        value = action()
    except pa.ArrowInvalid as error:
        value = str(error)
    print(f"{words}: {value}")


def above(number, sign=">"):
    return pq.read_table("flows.parquet", filters=[("octets", sign, number)]).num_rows


for kind in (pa.int32(), pa.uint32(), pa.int64(), pa.uint64()):
    for large in (16_777_216, 16_777_217):
        file(large, kind)
        show(f"{kind} {large}", lambda: above(1e6))
        show(f"{kind} {large}, int", lambda: above(1_000_000))
table = file(5_000_000_000, pa.int64())
show("1e9", lambda: above(1e9))
show("0.1", lambda: above(0.1))
show("pandas", lambda: len(pandas.read_parquet("flows.parquet", filters=[("octets", ">", 1e9)])))
show("data set", lambda: ds.dataset("flows.parquet").to_table(filter=octets > 1e9).num_rows)
show("table", lambda: table.filter(octets > 1e9).num_rows)
show("function", lambda: pc.greater(table["octets"], 1e9).to_pylist())
show("typed", lambda: above(pa.scalar(1_000_000_000, pa.int64())))
show("times 8.0", lambda: ds.dataset("flows.parquet").to_table(columns={"bits": octets * 8.0}))
show("times 0.1", lambda: ds.dataset("flows.parquet").to_table(columns={"tenth": octets * 0.1})["tenth"].to_pylist())
file(16_777_215, pa.int64())
show("a third", lambda: ds.dataset("flows.parquet").to_table(columns={"third": octets / 3.0}).schema.field("third").type)
file(2**63 - 1, pa.uint64())
show("below 2^63", lambda: above(1_000_000))
file(2**63, pa.uint64())
show("2^63", lambda: above(1_000_000))
show("2^63, equal", lambda: above(0, "=="))
show("2^63, typed", lambda: above(pa.scalar(1_000_000, pa.uint64())))
file(2**63, pa.uint64(), write_statistics=False)
show("no statistics, equal", lambda: above(0, "=="))
PYTHON

of() {
    sed -n "s/^$1: //p" seen
}

for kind in int32 uint32 int64 uint64; do
    lowest=-16777216
    [ "$kind" = "${kind#u}" ] || lowest=0
    expect "$kind, 16777216 octets, flows above 1e6" 1 "$(of "$kind 16777216")"
    expect "$kind, 16777217 octets, flows above 1e6" "Integer value 16777217 not in range: $lowest to 16777216" "$(of "$kind 16777217")"
    expect "$kind, 16777217 octets, flows above 1000000" 1 "$(of "$kind 16777217, int")"
done
error="Integer value 5000000000 not in range: -16777216 to 16777216"
for form in 1e9 pandas "data set" table; do
    expect "5000000000 octets, above 1e9, $form" "$error" "$(of "$form")"
done
expect "above 0.1" 2 "$(of 0.1)"
expect "above 1e9, pyarrow.compute" "[False, True]" "$(of function)"
expect "above 1000000000, typed" 1 "$(of typed)"
expect "octets * 8.0" "$error" "$(of "times 8.0")"
expect "octets * 0.1" "[8.0, 500000000.0]" "$(of "times 0.1")"
expect "octets / 3.0, type" float "$(of "a third")"
error="Integer value 9223372036854775808 not in range: 0 to 9223372036854775807"
expect "uint64, 2^63-1 octets, above 1000000" 1 "$(of "below 2^63")"
expect "uint64, 2^63 octets, above 1000000" "$error" "$(of "2^63")"
expect "uint64, 2^63 octets, above 1000000 typed" 1 "$(of "2^63, typed")"
expect "uint64, 2^63 octets, equal to 0, with statistics" 0 "$(of "2^63, equal")"
expect "uint64, 2^63 octets, equal to 0, without" "$error" "$(of "no statistics, equal")"
