#!/usr/bin/env bash
# nftables 1.0.6 (Debian 12), `nft -j` (JSON), on Linux (seen on 6.18), as root: large counters are negative, and those of set elements are 0 when the JSON is loaded again.
#
# * A counter of 2^64-1 octets is -1, of 2^63 is -9223372036854775808. The text of `nft list ruleset` has the digits.
# * A ruleset that is saved as JSON and loaded (`nft -j list ruleset`, `nft -j -f`), as programs do that keep rules by JSON, has the counters of its rules and the named ones as they
#   were, also the negative ones. Those of elements in sets and maps, as accounting by address has them, begin at 0, with no error, though the JSON has their numbers. The
#   text keeps all.
# Accounts by address are kept as text.
. "$(dirname "$0")/lib/common.sh"

debian nftables=1.0.6-2+deb12u2
cd "$work"
name="nft-$$"
namespace "$name"

in_it() {
    ip netns exec "$name" nft "$@"
}

cat >rules <<'RULES'
table inet accounts {
	counter largest {
		packets 18446744073709551615 bytes 18446744073709551615
	}

	counter large {
		packets 1 bytes 9223372036854775808
	}

	set hosts {
		type ipv4_addr
		counter
		elements = { 192.0.2.1 counter packets 5 bytes 500 }
	}

	map ports {
		type inet_service : verdict
		counter
		elements = { 80 counter packets 7 bytes 700 : accept }
	}

	chain out {
		type filter hook output priority filter; policy accept;
		counter packets 6 bytes 600
	}
}
RULES
in_it -f rules
in_it list ruleset >text
expect "the text has the rules as they were loaded" "" "$(diff rules text)"
in_it -j list ruleset >json
python - >seen <<'PYTHON'
import json

for it in json.load(open("json"))["nftables"]:
    if "counter" in it:
        print(it["counter"]["name"], it["counter"]["packets"], it["counter"]["bytes"])
    if "set" in it:
        print("hosts", it["set"]["elem"][0]["elem"]["counter"])
PYTHON
expect "JSON, 2^64-1" "largest -1 -1" "$(grep largest seen)"
expect "JSON, 2^63" "large 1 -9223372036854775808" "$(grep 'large ' seen)"
expect "JSON, an element" "hosts {'packets': 5, 'bytes': 500}" "$(grep hosts seen)"
in_it flush ruleset
in_it -j -f json
expect "loaded from JSON: what differs" "elements = { 192.0.2.1 counter packets 0 bytes 0 } elements = { 80 counter packets 0 bytes 0 : accept }" \
    "$(in_it list ruleset | diff text - | sed -n 's/^>[[:space:]]*//p' | paste -sd ' ')"
in_it flush ruleset
in_it -f text
expect "loaded from text: what differs" "" "$(in_it list ruleset | diff text -)"
