#!/usr/bin/env bash
# DuckDB 1.5.5 with its extension inet 1.5.5 (both PyPI): no IPv4 address is between network() and broadcast(), and IPv6 addresses in Parquet become one.
#
# * `broadcast('10.0.0.1/24')` is shown as 10.0.0.255/24, and is not equal to that. Behind the text is a negative number, which is less than every address, so
#   a join of flows and networks `on source between network(n) and broadcast(n)` has none of IPv4. Of IPv6 it has all, and so has `source <<= n` of both.
#   `broadcast(n)::text::inet` is right too.
# * Parquet gets a structure whose address is a DOUBLE: two hosts of one 2001:db8::/64 are one after reading. `min`, sorting and joins within DuckDB are exact, and so is CSV, which has the text.
# * JSON and Arrow get the number inside: of an IPv4 address its own, of 2001:db8::1 a negative one, which is 2^127 less than the address, and of 8000:: 0, as of `0.0.0.0`.
# Cast to text before a file is written.
. "$(dirname "$0")/lib/common.sh"

pypi duckdb==1.5.5 duckdb-extension-inet==1.5.5 pyarrow==26.0.1

# ask QUERY: the first column of its rows in one line; the first query is a COPY where $before has one.
ask() {
    python - "$(find -L "$work/venv" -name inet.duckdb_extension -print -quit)" "$1" "${before-}" <<'PYTHON'
import sys
import duckdb

extension, query, before = sys.argv[1:]
base = duckdb.connect()
base.execute(f"load '{extension}'")
base.execute("""create table flows as select unnest(['10.0.0.1', '10.0.0.7', '10.0.0.255', '192.0.2.1', '2001:db8::1', '2001:db8::2', '8000::'])::inet as source""")
if before:
    base.execute(before)
print(*(row[0] for row in base.execute(query).fetchall()))
PYTHON
}

cd "$work"
joined="select n::text || ':' || count(*) from flows join (select unnest(['10.0.0.0/24', '2001:db8::/64'])::inet as n) on"
expect "flows by network, <<=" "10.0.0.0/24:3 2001:db8::/64:2" "$(ask "$joined source <<= n group by n order by n")"
expect "flows by network, between network() and broadcast()" 2001:db8::/64:2 "$(ask "$joined source between network(n) and broadcast(n) group by n order by n")"
expect "flows up to broadcast() of 10.0.0.0/24" 0 "$(ask "select count(*) from flows where source <= broadcast('10.0.0.0/24'::inet)")"
expect "the broadcast address, as text" 10.0.0.255/24 "$(ask "select broadcast('10.0.0.1/24'::inet)::text")"
expect "it is 10.0.0.255/24" False "$(ask "select broadcast('10.0.0.1/24'::inet) = '10.0.0.255/24'::inet")"
expect "it is so by way of the text" True "$(ask "select broadcast('10.0.0.1/24'::inet)::text::inet = '10.0.0.255/24'::inet")"
expect "it is less than 0.0.0.0" True "$(ask "select broadcast('10.0.0.1/24'::inet) < '0.0.0.0'::inet")"
expect "that of 2001:db8::1/64 is 2001:db8::ffff:ffff:ffff:ffff/64" True "$(ask "select broadcast('2001:db8::1/64'::inet) = '2001:db8::ffff:ffff:ffff:ffff/64'::inet")"
expect "addresses in their order" "10.0.0.1 10.0.0.7 10.0.0.255 192.0.2.1 2001:db8::1 2001:db8::2 8000::" "$(ask "select source::text from flows order by source")"
before="copy flows to 'flows.parquet'"
expect "seven addresses in Parquet" 6 "$(ask "select count(distinct source) from 'flows.parquet'")"
expect "the type of their number" "STRUCT(ip_type UTINYINT, address DOUBLE, mask USMALLINT)" "$(ask "select column_type from (describe from 'flows.parquet')")"
before="copy (select source::text as source from flows) to 'texts.parquet'"
expect "texts in Parquet" 7 "$(ask "select count(distinct source) from 'texts.parquet'")"
before="copy flows to 'flows.json'"
ask "select 1" >/dev/null
expect "numbers in JSON" "167772161 -127600417049186638874783318764230279167 0" "$(sed -n 's/.*"address":\([-0-9]*\),.*/\1/p' flows.json | sed -n '1p;5p;7p' | paste -sd ' ')"
before="copy flows to 'flows.csv'"
ask "select 1" >/dev/null
expect "CSV" "10.0.0.1 2001:db8::1" "$(sed -n '2p;6p' flows.csv | paste -sd ' ')"
