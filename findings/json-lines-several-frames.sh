#!/usr/bin/env bash
# JSON lines in a zstd or lz4 file of two frames: python-zstandard 0.25.0, lz4 4.4.5 (PyPI) and lz4js 0.2.0 (npm) read the first half or all, depending on the call.
#
# Frames behind each other are one file by the formats' specifications (RFC 8878 section 3.1), and so exporters write that end a frame now and
# then, or append after a restart. Of 2,000 lines in two frames of 1,000 each
# * zstandard: open(), stream_reader() and copy_stream() give 2,000; decompress(), ZstdDecompressor.decompress(), read_to_iter() and
#   decompressobj() give 1,000, without an error.
# * lz4.frame: open() gives 2,000, decompress() 1,000. lz4js gives 1,000.
# * All of it: DuckDB 2.0.1, fzstd 0.1.1; and with gzip Python, pako 3.0.3 and Node.js.
# A trial with a small file, which is one frame, shows nothing.
. "$(dirname "$0")/lib/common.sh"

pypi zstandard==0.25.0 lz4==4.4.5 duckdb==2.0.1
npm fzstd@0.1.1 pako@3.0.3 lz4js@0.2.0
cd "$work/js"
python >"$work/seen" <<'PYTHON'
import gzip, io
import duckdb, lz4.frame, zstandard

halves = [b"".join(b'{"flow.sequence":%d}\n' % at for at in range(first, first + 1000)) for first in (0, 1000)]
for ending, compress in (("gz", gzip.compress), ("zst", zstandard.compress), ("lz4", lz4.frame.compress)):
    open(f"flows.jsonl.{ending}", "wb").write(b"".join(map(compress, halves)))
zst, lz = open("flows.jsonl.zst", "rb").read(), open("flows.jsonl.lz4", "rb").read()
reader = zstandard.ZstdDecompressor


def copied():
    out = io.BytesIO()
    reader().copy_stream(io.BytesIO(zst), out)
    return out.getvalue()


for name, octets in {
    "zstandard.open": zstandard.open("flows.jsonl.zst").read(),
    "zstandard stream_reader": reader().stream_reader(io.BytesIO(zst)).read(),
    "zstandard copy_stream": copied(),
    "zstandard.decompress": zstandard.decompress(zst),
    "zstandard ZstdDecompressor.decompress": reader().decompress(zst),
    "zstandard read_to_iter": b"".join(reader().read_to_iter(io.BytesIO(zst))),
    "zstandard decompressobj": reader().decompressobj().decompress(zst),
    "lz4.frame.open": lz4.frame.open("flows.jsonl.lz4").read(),
    "lz4.frame.decompress": lz4.frame.decompress(lz),
    "gzip": gzip.open("flows.jsonl.gz").read(),
}.items():
    print(f"{name}:", octets.count(b"\n"))
path = "flows.jsonl.zst"
print("DuckDB:", duckdb.sql(f"select count(*) from read_json('{path}')").fetchall()[0][0])
PYTHON
cat >read.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"
import * as fzstd from "fzstd"
import * as pako from "pako"
import lz4 from "lz4js"

const lines = (name, octets) => console.log(`${name}: ${Buffer.from(octets).toString().split("\n").length - 1}`)
lines("fzstd", fzstd.decompress(readFileSync("flows.jsonl.zst")))
lines("pako", pako.ungzip(readFileSync("flows.jsonl.gz")))
lines("Node.js", gunzipSync(readFileSync("flows.jsonl.gz")))
lines("lz4js", lz4.decompress(readFileSync("flows.jsonl.lz4")))
JAVASCRIPT
node read.mjs >>"$work/seen"

while IFS=: read -r name lines; do
    expect "$name" "${lines# }" "$(sed -n "s/^$name: //p" "$work/seen")"
done <<'ANSWERS'
zstandard.open: 2000
zstandard stream_reader: 2000
zstandard copy_stream: 2000
zstandard.decompress: 1000
zstandard ZstdDecompressor.decompress: 1000
zstandard read_to_iter: 1000
zstandard decompressobj: 1000
lz4.frame.open: 2000
lz4.frame.decompress: 1000
lz4js: 1000
gzip: 2000
DuckDB: 2000
fzstd: 2000
pako: 2000
Node.js: 2000
ANSWERS
