#!/usr/bin/env bash
# nodejs-polars 0.26.1 (npm): one value of an Int64 column is its lowest 32 bits, without an error, while rows, sums and the printed table are right.
#
# Octets of flows from a CSV file are Int64, and so is what most files and databases have. Of 5,000,000,000, 3,000,000,000 and 80 octets
# * `series.get(0)` and `series[0]` are 705,032,704, `get(1)` is -1,294,967,296, and 80 is 80. The largest flow, as `sort().get(0)`, and a sum that is taken from its one
#   row so are wrong by multiples of 4 GiB.
# * rows(), toRecords(), toArray(), the series' sum() and max(), filters and the table that is printed are right.
# * Of UInt64 get() is right up to 2^63-1, and 2^64-1 is -1. Rows have BigInt of UInt64 and Number of Int64, so 2^53+1 in Int64 is 2^53.
# A trial with small flows shows nothing. Take values from toArray() or rows, and 64-bit counters as UInt64.
. "$(dirname "$0")/lib/common.sh"

npm nodejs-polars@0.26.1
cd "$work"
printf 'host,octets\na,3000000000\nb,5000000000\nc,80\n' >flows.csv
cat >js/seen.mjs <<'JS'
import polars from "nodejs-polars";

const show = (words, value) => console.log(`${words}: ${typeof value} ${Array.isArray(value) ? value.join(" ") : value}`);
const flows = polars.readCSV("../flows.csv").sort("octets", true);
const signed = flows.getColumn("octets");
show("get", [signed.get(0), signed.get(1), signed.get(2)]);
show("index", signed[0]);
show("sum of the frame", flows.select(polars.col("octets").sum()).getColumn("octets").get(0));
show("rows", flows.rows().map((row) => row[1]));
show("records", flows.toRecords().map((row) => row.octets));
show("array", signed.toArray());
show("sum", signed.sum());
show("max", signed.max());
show("above", flows.filter(polars.col("octets").gt(4e9)).height);
show("printed", String(flows).includes("5000000000"));
const unsigned = signed.cast(polars.UInt64);
show("unsigned get", [unsigned.get(0), unsigned.get(1)]);
const large = polars.Series("octets", [18446744073709551615n, 5n]);
show("large get", large.get(0));
show("large array", large.toArray());
const digits = polars.Series("octets", [9007199254740993n, 1n]);
show("digits, unsigned", digits.toArray());
show("digits, signed", digits.cast(polars.Int64).toArray());
JS
(cd js && node seen.mjs) >seen

of() {
    sed -n "s/^$1: //p" seen
}

expect "Int64, get() of each" "object 705032704 -1294967296 80" "$(of get)"
expect "by index" "number 705032704" "$(of index)"
expect "the sum, from its one row" "number -589934512" "$(of "sum of the frame")"
expect "rows" "object 5000000000 3000000000 80" "$(of rows)"
expect "records" "object 5000000000 3000000000 80" "$(of records)"
expect "array" "object 5000000000 3000000000 80" "$(of array)"
expect "sum and max" "number 8000000080 number 5000000000" "$(of sum) $(of max)"
expect "rows above 4e9, the table has 5000000000" "number 1 boolean true" "$(of above) $(of printed)"
expect "UInt64, get()" "object 5000000000 3000000000" "$(of "unsigned get")"
expect "2^64-1: get(), array" "number -1 object 18446744073709551615 5" "$(of "large get") $(of "large array")"
expect "2^53+1 in UInt64 and Int64, array" "object 9007199254740993 1 object 9007199254740992 1" "$(of "digits, unsigned") $(of "digits, signed")"
