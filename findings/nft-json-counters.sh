#!/usr/bin/env bash
# nftables 1.0.6 (Debian 12), `nft -j` (JSON), on Linux (seen on 6.18), as root: large counters are negative, and those of set elements are 0 when the JSON is loaded again.
#
# * A counter of 2^64-1 octets is -1, of 2^63 is -9223372036854775808. `nft list ruleset` has the digits.
# * A ruleset that is saved as JSON and loaded (`nft -j list ruleset`, `nft -j -f`), as programs do that keep rules by JSON, has its rules' and named counters as they were. Those of
#   elements in sets and maps, as accounting by address uses them, begin at 0, with no error. Saved as text all are as they were.
# * A set that rules fill (`flags dynamic`) has no such flag in JSON. Where a rule that fills it is loaded with it, it gets the flag again; the counter of that rule's
#   statement (`update @hosts { ip daddr counter }`) is neither in the JSON nor in the text where the set has one of its own.
# Keep accounts as text, or read the elements' counters from the JSON and add them up elsewhere before it is loaded.
. "$(dirname "$0")/lib/common.sh"

