#!/usr/bin/env bash
# hdr-histogram-js 3.0.1 (npm), values with weights (`recordValueWithCount`): above 4 GiB of octets the median round trip is 0.
#
# A round trip time is recorded with the octets of its flow as count. A bucket has 32 bits unless told otherwise, and what is beyond goes without an error,
# while the total count has all of it; percentiles are parts of the total.
# * 5,000,000,000 octets at 1,000 us and 10 at 7 us: 14 % are "at" 1,000, and the median and the 99th percentile are 0, which nothing had.
# * With 10 more octets at 50,000 us it is the same.
# * Up to 4,294,967,295 in each bucket all is right, also in sum, so a trial with small counts shows nothing; with `bitBucketSize: 64` all of it is.
# hdrhistogram 0.10.8 (PyPI) has 1,000 for the same numbers.
. "$(dirname "$0")/lib/common.sh"

pypi hdrhistogram==0.10.8
npm hdr-histogram-js@3.0.1
cd "$work/js"

# percentiles BITS VALUE:COUNT ..: the 1st, 50th and 99th, and the total count.
percentiles() {
    node - "$@" <<'JAVASCRIPT'
const hdr = require("hdr-histogram-js");
const [bits, ...pairs] = process.argv.slice(2);
const histogram = hdr.build(bits === "default" ? {} : { bitBucketSize: Number(bits) });
for (const pair of pairs) histogram.recordValueWithCount(...pair.split(":").map(Number));
console.log(...[1, 50, 99].map((it) => histogram.getValueAtPercentile(it)), histogram.totalCount);
JAVASCRIPT
}

expect "4,000,000,000 octets at 1,000 us" "1000 1000 1000 4000000010" "$(percentiles default 1000:4000000000 7:10)"
expect "8,000,000,000 octets in two buckets" "1000 1000 2000 8000000000" "$(percentiles default 1000:4000000000 2000:4000000000)"
expect "5,000,000,000 octets" "1000 0 0 5000000010" "$(percentiles default 1000:5000000000 7:10)"
expect "and 10 at 50,000 us" "1000 0 0 5000000010" "$(percentiles default 1000:5000000000 50000:10)"
expect "buckets of 64 bits" "1000 1000 1000 5000000010" "$(percentiles 64 1000:5000000000 50000:10)"
expect "hdrhistogram of PyPI" "1000 1000 1000" "$(python - <<'PYTHON'
from hdrh.histogram import HdrHistogram

histogram = HdrHistogram(1, 3_600_000_000, 3)
histogram.record_value(1000, 5_000_000_000)
histogram.record_value(50_000, 10)
print(*(histogram.get_value_at_percentile(it) for it in (1, 50, 99)))
PYTHON
)"
