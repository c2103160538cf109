#!/usr/bin/env bash
# @dsnp/parquetjs 1.8.8 (npm), Parquet files of other writers: octets from 2^31 on are negative, without an error.
#
# It reads unsigned columns of 32 and 64 bits (Parquet's UINT_32 and UINT_64, as pyarrow 26.0.1, DuckDB and others write them) as if they had a sign.
# * A flow of 3,000,000,000 octets has -1,294,967,296, and the IPv4 address 192.0.2.1 as a number is -1,073,741,311. 2^64-1 is -1.
# * The greatest value of that column in the file's metadata is -1,294,967,296, below the least one, 80, so whoever picks files by them leaves out those with large flows.
# * Ports (UINT_16) and protocols (UINT_8) are right, so a trial with those and with small flows shows nothing. hyparquet 1.31.5 (npm) has all of them right.
# Its own writer refuses what it would read wrong. `value >>> 0` and `BigInt.asUintN(64, value)` give the numbers back.
. "$(dirname "$0")/lib/common.sh"

pypi pyarrow==26.0.1
npm @dsnp/parquetjs@1.8.8 hyparquet@1.31.5
cd "$work/js"
python - <<'PYTHON'
import pyarrow as pa, pyarrow.parquet as pq

pq.write_table(pa.table({
    "octets": pa.array([3_000_000_000, 80], pa.uint32()),
    "total": pa.array([2**64 - 1, 80], pa.uint64()),
    "source": pa.array([0xC0000201, 0x0A000001], pa.uint32()),
    "port": pa.array([40000, 80], pa.uint16()),
    "protocol": pa.array([132, 6], pa.uint8()),
}), "flows.parquet", compression="none")
PYTHON
cat >dsnp.mjs <<'JAVASCRIPT'
import { ParquetReader } from "@dsnp/parquetjs";

const reader = await ParquetReader.openFile("flows.parquet");
const cursor = reader.getCursor();
const rows = [];
for (let row = await cursor.next(); row; row = await cursor.next()) rows.push(row);
const name = process.argv[2];
if (process.argv[3]) {
    const statistics = reader.metadata.row_groups[0].columns.find((it) => it.meta_data.path_in_schema[0] === name).meta_data.statistics;
    console.log(String(statistics.min_value), String(statistics.max_value));
} else console.log(...rows.map((row) => String(row[name])));
await reader.close();
JAVASCRIPT
cat >hyparquet.mjs <<'JAVASCRIPT'
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";

const rows = await parquetReadObjects({ file: await asyncBufferFromFile("flows.parquet") });
console.log(...rows.map((row) => String(row[process.argv[2]])));
JAVASCRIPT

expect "octets, 32 bits" "-1294967296 80" "$(node dsnp.mjs octets)"
expect "octets by hyparquet" "3000000000 80" "$(node hyparquet.mjs octets)"
expect "octets, 64 bits" "-1 80" "$(node dsnp.mjs total)"
expect "octets, 64 bits, by hyparquet" "18446744073709551615 80" "$(node hyparquet.mjs total)"
expect "192.0.2.1 and 10.0.0.1" "-1073741311 167772161" "$(node dsnp.mjs source)"
expect "ports" "40000 80" "$(node dsnp.mjs port)"
expect "protocols" "132 6" "$(node dsnp.mjs protocol)"
expect "least and greatest of the octets" "80 -1294967296" "$(node dsnp.mjs octets metadata)"
