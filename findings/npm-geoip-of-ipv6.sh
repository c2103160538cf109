#!/usr/bin/env bash
# Databases of networks (MaxMind DB, .mmdb) that have IPv4 alone, read by four packages of npm: an IPv6 address gets the record of an unrelated IPv4 network, without an error.
#
# A tree of an IPv4 database is 32 bits deep. maxmind 5.0.7, mmdb-lib 3.0.3, mmdb-reader 1.2.0 and maxmind-db-reader 0.2.1 walk it by the first 32 bits of whatever
# address they are given:
# * 2001:db8::1 is 32.1.13.184, and 2600:: is 38.0.0.0. So all flows of IPv6 have a country or an autonomous system, of few networks, and none says so. The prefix that
#   maxmind and mmdb-lib give with it, /8, is that of the IPv4 network.
# * An IPv4-mapped address, `::ffff:192.0.2.1`, which a socket of both families has for its IPv4 peers, is 0.0.0.0 for the former two, as IPv4's addresses in IPv6 begin with zeroes;
#   mmdb-reader has 192.0.2.1, and maxmind-db-reader an error.
# * maxminddb 3.2.0 (PyPI) and mmdblookup 1.7.1 (Debian 12), by MaxMind's own library, refuse an IPv6 address of such a database.
# * In a database of both, an IPv4-mapped address has no record for all but mmdb-reader, which reads it in the notation with dots alone: write IPv4 as IPv4 before looking it up.
# The README of maxmind says "fully compatible with IPv6". Databases by family (`asn-ipv4.mmdb`) are common: look at `metadata.ipVersion` first.
. "$(dirname "$0")/lib/common.sh"

debian mmdb-bin=1.7.1-1
pypi maxminddb==3.2.0 mmdb-writer==0.2.7
npm maxmind@5.0.7 mmdb-lib@3.0.3 mmdb-reader@1.2.0 maxmind-db-reader@0.2.1
cd "$work"
python <<'PYTHON'
from mmdb_writer import MMDBWriter
from netaddr import IPSet

NETWORKS = {"0.0.0.0/8": 0, "32.0.0.0/8": 64500, "38.0.0.0/8": 64501, "192.0.2.0/24": 64502}
for name, settings in (("four", {"ip_version": 4}), ("both", {"ip_version": 6, "ipv4_compatible": True})):
    writer = MMDBWriter(database_type="Test", **settings)
    for network, number in NETWORKS.items():
        writer.insert_network(IPSet([network]), {"asn": number})
    if name == "both":
        writer.insert_network(IPSet(["2001:db8::/32"]), {"asn": 64503})
    writer.to_db_file(f"{name}.mmdb")
PYTHON
cat >js/look-up.mjs <<'JS'
import fs from "node:fs";
import maxmind from "maxmind";
import * as lib from "mmdb-lib";
import mmdbReader from "mmdb-reader";
import older from "maxmind-db-reader";

const [database, address] = process.argv.slice(2);
const opened = await maxmind.open(database);
const reader = new lib.Reader(fs.readFileSync(database));
const readers = {
  maxmind: () => opened.getWithPrefixLength(address),
  "mmdb-lib": () => reader.getWithPrefixLength(address),
  "mmdb-reader": () => [mmdbReader(database).lookup(address)],
  "maxmind-db-reader": () => [older.openSync(database).getGeoDataSync(address)],
};
const seen = Object.entries(readers).map(([name, read]) => {
  try {
    const [record, prefix] = read();
    return record ? `${record.asn}${prefix === undefined ? "" : `/${prefix}`}` : "none";
  } catch (error) {
    return "error";
  }
});
console.log(seen.join(" "));
JS

by_npm() {
    (cd js && node look-up.mjs "../$1.mmdb" "$2" 2>../npm.err)
}

by_maxmind() {
    python - "$1.mmdb" "$2" <<'PYTHON'
import sys, maxminddb

try:
    record = maxminddb.open_database(sys.argv[1]).get(sys.argv[2])
    print(record["asn"] if record else "none", end=" ")
except ValueError as error:
    print("refused" if "IPv4-only" in str(error) else error, end=" ")
PYTHON
    mmdblookup -f "$1.mmdb" -i "$2" asn 2>&1 | grep -oE '[0-9]+ <|IPv4-only|not find' | sed 's/ <//; s/IPv4-only/refused/; s/not find/none/'
}

# looked DATABASE ADDRESS NPM MAXMIND: the four of npm, then Python's and MaxMind's tool.
looked() {
    expect "$1, $2, npm" "$3" "$(by_npm "$1" "$2")"
    expect "$1, $2, MaxMind's" "$4" "$(by_maxmind "$1" "$2")"
}

looked four 32.1.13.184 "64500/8 64500/8 64500 64500" "64500 64500"
looked four 2001:db8::1 "64500/8 64500/8 64500 64500" "refused refused"
looked four 2600::1 "64501/8 64501/8 64501 64501" "refused refused"
looked four ::ffff:192.0.2.1 "0/8 0/8 64502 error" "refused refused"
looked both 192.0.2.1 "64502/24 64502/24 64502 64502" "64502 64502"
looked both 2001:db8::1 "64503/32 64503/32 64503 64503" "64503 64503"
looked both ::ffff:192.0.2.1 "none none 64502 error" "none none"
looked both ::ffff:c000:201 "none none none none" "none none"
