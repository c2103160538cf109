#!/usr/bin/env bash
# IPv6 addresses as text: ipaddr.js 2.5.0 (npm) reads some as another address, and of two kinds of addresses programs write three texts.
#
# * ipaddr.js takes `::192.0.2.1` for `::ffff:192.0.2.1`: other 16 octets, and an IPv4 address to whoever asks for it (`process` gives 192.0.2.1). glibc, which most C programs
#   print by, netaddr 1.3.0 (PyPI) and ClickHouse 26.9 (chdb 4.4.0) write `::1:2` as `::0.1.0.2`; that becomes `::ffff:1:2`, which is 0.1.0.2. ip6addr 0.2.5
#   (npm) refuses that text.
# * An IPv4-mapped address, which a socket of both families has for its IPv4 peers, is `::ffff:192.0.2.1` from glibc, netaddr and ClickHouse, and `::ffff:c000:201` from Python 3.11 and 3.12,
#   Node.js's URL, ipaddr.js, ip-address 10.7.6 (npm).
# So a join of flows by the text of addresses loses rows, and tools do not agree on whether there is a row for an address. Store 16 octets.
. "$(dirname "$0")/lib/common.sh"

pypi netaddr==1.3.0 chdb==4.4.0
npm ipaddr.js@2.5.0 ip-address@10.7.6 ip6addr@0.2.5
cd "$work"
cat >js/texts.cjs <<'JAVASCRIPT'
const ip = require("ipaddr.js")
const { Address6 } = require("ip-address")
const ip6addr = require("ip6addr")

const attempt = (action) => { try { return action() } catch (error) { return error.constructor.name } }
const inputs = process.argv.slice(2)
const say = (words, text) => console.log(`${words}: ${inputs.map((it) => attempt(() => text(it))).join(" ")}`)
say("url", (it) => new URL(`http://[${it}]/`).hostname.slice(1, -1))
say("ipaddr.js", (it) => ip.parse(it).toString())
say("ipaddr.js process", (it) => ip.process(it).toString())
say("ip-address", (it) => new Address6(it).correctForm())
say("ip6addr", (it) => ip6addr.parse(it).toString())
JAVASCRIPT
inputs=(::192.0.2.1 ::1:2 ::ffff:192.0.2.1 ::0.1.0.2 2001:db8::1)
node js/texts.cjs "${inputs[@]}" >seen
python - "${inputs[@]}" >>seen <<'PYTHON'
import ipaddress, socket, sys
import chdb, netaddr

inputs = sys.argv[1:]
print("glibc:", *(socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, it)) for it in inputs))
print("netaddr:", *(netaddr.IPAddress(it) for it in inputs))
print("clickhouse:", *(chdb.query(f"select toIPv6('{it}')", "TSV").data().strip() for it in inputs))
print("python:", *(ipaddress.ip_address(it) for it in inputs))
PYTHON

of() {
    sed -n "s/^$1: //p" seen
}

for who in glibc netaddr clickhouse; do
    expect "$who, ${inputs[*]}" "::192.0.2.1 ::0.1.0.2 ::ffff:192.0.2.1 ::0.1.0.2 2001:db8::1" "$(of $who)"
done
whole="::c000:201 ::1:2 ::ffff:c000:201 ::1:2 2001:db8::1"
for who in url ip-address; do
    expect "$who" "$whole" "$(of $who)"
done
case "$(python -c 'import sys; print(sys.version_info[:2] < (3, 13))')" in
True) expect "python" "$whole" "$(of python)" ;;
esac
expect "ipaddr.js" "::ffff:c000:201 ::1:2 ::ffff:c000:201 ::ffff:1:2 2001:db8::1" "$(of ipaddr.js)"
expect "ipaddr.js, process" "192.0.2.1 ::1:2 192.0.2.1 0.1.0.2 2001:db8::1" "$(of "ipaddr.js process")"
expect "ip6addr, ::192.0.2.1 and ::0.1.0.2" "ParseError ParseError" "$(of ip6addr | cut -d' ' -f1,4)"
