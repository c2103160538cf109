#!/usr/bin/env bash
# One HCL file in python-hcl2 8.1.4 (PyPI), hcl2-parser 1.0.3 and @cdktf/hcl2json 0.21.0 (npm, both HashiCorp's parser in JavaScript): the values differ.
#
# * python-hcl2 keeps the quotes: `name = "eth0"` is the text "eth0" with them, so comparing it with eth0 fails, and so do labels and quoted keys of an
#   object. Escapes stay as written, a heredoc keeps `<<EOT`, and 1e3 is the text ${1e3}. Blocks get a key `__is_block__`.
# * hcl2-parser unescapes `$${x}`, which is the text ${x}, and gives a template `${x}` in the same form: the two are one. @cdktf/hcl2json keeps `$${x}`.
# * Both of npm's round numbers above 2^53 (18446744073709551615 becomes ...552000); python-hcl2 does not.
# * A labelled block becomes an object by its label, so `interface "a"`, `interface "b"`, `interface "a"` lose their order: both of "a" come first. python-hcl2
#   has a list in the order of the file.
# A check of a configuration in continuous integration judges other values than the program that reads it.
. "$(dirname "$0")/lib/common.sh"

pypi python-hcl2==8.1.4
npm hcl2-parser@1.0.3 @cdktf/hcl2json@0.21.0
cd "$work/js"
cat >file.hcl <<'HCL'
name     = "eth0"
escaped  = "a\tb"
literal  = "$${x}"
template = "${x}"
large    = 18446744073709551615
exponent = 1e3
keys     = { "a b" = 1 }
text     = <<EOT
line
EOT
interface "a" {
  order = 1
}
interface "b" {
  order = 2
}
interface "a" {
  order = 3
}
HCL
python >"$work/seen" <<'PYTHON'
import json
import hcl2

for name, value in hcl2.load(open("file.hcl")).items():
    print(f"python-hcl2, {name}:", json.dumps(value, separators=(",", ":")))
PYTHON
cat >read.cjs <<'JAVASCRIPT'
const { readFileSync } = require("node:fs")
const source = readFileSync("file.hcl", "utf8")
const show = (reader, values) => Object.entries(values).forEach(([name, value]) => console.log(`${reader}, ${name}: ${JSON.stringify(value)}`))

show("hcl2-parser", require("hcl2-parser").parseToObject(source)[0])
require("@cdktf/hcl2json").parse("file.hcl", source).then((values) => {
    show("hcl2json", values)
    process.exit(0)
})
JAVASCRIPT
timeout 60 node read.cjs >>"$work/seen"

while IFS= read -r line; do
    expect "${line%%: *}" "${line#*: }" "$(sed -n "s/^${line%%: *}: //p" "$work/seen")"
done <<'ANSWERS'
python-hcl2, name: "\"eth0\""
python-hcl2, escaped: "\"a\\tb\""
python-hcl2, literal: "\"$${x}\""
python-hcl2, template: "\"${x}\""
python-hcl2, large: 18446744073709551615
python-hcl2, exponent: "${1e3}"
python-hcl2, keys: {"\"a b\"":1}
python-hcl2, text: "\"<<EOT\nline\nEOT\""
python-hcl2, interface: [{"\"a\"":{"order":1,"__is_block__":true}},{"\"b\"":{"order":2,"__is_block__":true}},{"\"a\"":{"order":3,"__is_block__":true}}]
hcl2-parser, name: "eth0"
hcl2-parser, escaped: "a\tb"
hcl2-parser, literal: "${x}"
hcl2-parser, template: "${x}"
hcl2-parser, large: 18446744073709552000
hcl2-parser, exponent: 1000
hcl2-parser, keys: {"a b":1}
hcl2-parser, text: "line\n"
hcl2-parser, interface: {"a":[{"order":1},{"order":3}],"b":[{"order":2}]}
hcl2json, literal: "$${x}"
hcl2json, template: "${x}"
hcl2json, large: 18446744073709552000
hcl2json, interface: {"a":[{"order":1},{"order":3}],"b":[{"order":2}]}
ANSWERS
