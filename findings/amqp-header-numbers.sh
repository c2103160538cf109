#!/usr/bin/env bash
# Numbers in the headers of AMQP messages: @cloudamqp/amqp-client 4.1.1 (npm) writes octets from 2^31 on as negative ones, and pika 1.4.4 (PyPI) reads 0.04 s as 0.
#
# A header's value has a type of its own, which the sender's library chooses. Tables of headers as these two write and read them, beside amqplib 2.3.1 (npm), amqp 5.4.2 (kombu's)
# and pamqp 4.0.1 (aio-pika's; both PyPI), which have these numbers right:
# * @cloudamqp/amqp-client gives all integers up to 2^32 the type of 32 bits with a sign: 3,000,000,000 octets are -1,294,967,296 for whoever reads them, and the IPv4 address 192.0.2.1 as a
#   number is negative. 4,294,967,296 and 80 are right, so a trial with small and with large flows shows nothing.
# * It gives fractions below 2^32 the type of 32 bits: 1700000000.5, a time in seconds, is 1700000000, and one 60 s later is 1700000000 too.
# * pika cuts every fraction off, of 32 bits and of 64: a round trip time of 0.04 s is 0, a rate of 2.9 is 2. Its own senders show nothing, as it refuses to write a fraction. A decimal is right.
# * Both of npm read the decimal -0.05 as 42949672.91.
# There is no error in any of these. Numbers in a text are right everywhere.
. "$(dirname "$0")/lib/common.sh"

pypi pika==1.4.4 pamqp==4.0.1 amqp==5.4.2
npm @cloudamqp/amqp-client@4.1.1 amqplib@2.3.1
cd "$work/js"

# written LIBRARY VALUE: the table {x: VALUE} in hexadecimal digits, its length in front.
written() {
    node - "$1" "$2" <<'JAVASCRIPT'
const [library, text] = process.argv.slice(2);
const table = { x: Number(text) };
let octets;
if (library === "amqplib") {
    octets = Buffer.alloc(64);
    octets = octets.subarray(0, require(`${process.cwd()}/node_modules/amqplib/lib/codec.js`).encodeTable(octets, table, 0));
} else {
    const { AMQPView } = require("@cloudamqp/amqp-client/amqp-view");
    const view = new AMQPView(new ArrayBuffer(64));
    octets = Buffer.from(view.buffer, 0, view.setTable(0, table));
}
console.log(octets.toString("hex"));
JAVASCRIPT
}

# by_python TABLE: x as pika, pamqp and amqp read it.
by_python() {
    python - "$1" <<'PYTHON'
import sys
import amqp.serialization, pamqp.decode, pika.data

table = bytes.fromhex(sys.argv[1])
read = (
    pika.data.decode_table(table, 0)[0],
    pamqp.decode.field_table(table)[1],
    amqp.serialization.loads("F", table, 0)[0][0],
)
print(*(f"{float(it['x']):.10g}" for it in read))
PYTHON
}

# by_javascript TABLE: x as @cloudamqp/amqp-client and amqplib read it; the latter has decimals in parts.
by_javascript() {
    node - "$1" <<'JAVASCRIPT'
const table = Buffer.from(process.argv[2], "hex");
const { AMQPView } = require("@cloudamqp/amqp-client/amqp-view");
const [read] = new AMQPView(Uint8Array.from(table).buffer).getTable(0);
const { x } = require(`${process.cwd()}/node_modules/amqplib/lib/codec.js`).decodeFields(table.subarray(4));
console.log(read.x, typeof x === "object" ? x.value.digits / 10 ** x.value.places : x);
JAVASCRIPT
}

for value in 80 3000000000 4294967296 5000000000; do
    expect "$value by amqplib, for pika, pamqp and amqp" "$value $value $value" "$(by_python "$(written amqplib $value)")"
done
expect "80 octets by @cloudamqp/amqp-client" "80 80 80" "$(by_python "$(written cloudamqp 80)")"
expect "3,000,000,000" "-1294967296 -1294967296 -1294967296" "$(by_python "$(written cloudamqp 3000000000)")"
expect "3,000,000,000, read by itself and by amqplib" "-1294967296 -1294967296" "$(by_javascript "$(written cloudamqp 3000000000)")"
expect "192.0.2.1 as 3,221,225,985" "-1073741311 -1073741311 -1073741311" "$(by_python "$(written cloudamqp 3221225985)")"
expect "4,294,967,296" "4294967296 4294967296 4294967296" "$(by_python "$(written cloudamqp 4294967296)")"
expect "1700000000.5 by amqplib, for both of npm" "1700000000.5 1700000000.5" "$(by_javascript "$(written amqplib 1700000000.5)")"
for value in 1700000000.5 1700000060.5; do
    expect "$value by @cloudamqp/amqp-client" "1700000000 1700000000" "$(by_javascript "$(written cloudamqp $value)")"
done
expect "0.04 by amqplib, for pika, pamqp and amqp" "0 0.04 0.04" "$(by_python "$(written amqplib 0.04)")"
expect "2.9" "2 2.9 2.9" "$(by_python "$(written amqplib 2.9)")"
expect "2.5 in 32 bits" "2 2.5 2.5" "$(by_python 0000000701786640200000)"
expect "the decimal -0.05" "-0.05 -0.05 -0.05" "$(by_python 0000000801784402fffffffb)"
expect "the decimal -0.05, by @cloudamqp/amqp-client and amqplib" "42949672.91 42949672.91" "$(by_javascript 0000000801784402fffffffb)"
