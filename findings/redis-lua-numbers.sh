#!/usr/bin/env bash
# Redis 7.0.15 (Debian 12), octets and times in Lua scripts: texts and JSON keep 14 digits, and keys that are made of a time in microseconds are one key.
#
# Lua's numbers have 53 bits, 15 to 16 digits. Which of them are left depends on the way a number takes:
# * As an argument of redis.call all are: `SET k, n` stores 1700000000123456. With a text in front of it, "flow:" .. n, it is flow:1.7000000001235e+15: flows of the same 100 us share a key,
#   and INCRBY at it adds their octets. `tostring` is the same. Milliseconds, with 13 digits, are right, so a trial with those shows nothing.
# * cjson.encode(cjson.decode(text)), the usual way to change one field, makes 1.2345678901234e+14 of 123,456,789,012,345 octets elsewhere in the object, and 1700000000.1235 of 1700000000.123456 s.
# * cmsgpack reads 2^64-1 as -1 and 2^63 as -2^63, and writes both as what they are.
# * bit.band(192.0.2.1, 255.255.255.0) as numbers is -1073741312, negative from 128.0.0.0 on; of 5,000,000,000 octets bit.band(n, -1) is 705,032,704.
# There is no error. `string.format("%.0f", n)` has all digits.
. "$(dirname "$0")/lib/common.sh"

debian redis-server=5:7.0.15-1~deb12u10 redis-tools=5:7.0.15-1~deb12u10
cd "$work"
port=$(free_port)
background redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$work"
until_true 20 redis-cli -p "$port" ping

# script TEXT: what a script gives back.
script() {
    redis-cli -p "$port" eval "$1" 0 | paste -sd ' '
}

expect "1700000000123456 as an argument" 1700000000123456 "$(script 'redis.call("SET", "k", 1700000000123456) return redis.call("GET", "k")')"
expect "behind a text" "flow:1.7000000001235e+15" "$(script 'return "flow:" .. 1700000000123456')"
expect "by tostring" "1.7000000001235e+15" "$(script 'return tostring(1700000000123456)')"
expect "by format" "flow:1700000000123456" "$(script 'return string.format("flow:%.0f", 1700000000123456)')"
expect "milliseconds behind a text" "flow:1700000000123" "$(script 'return "flow:" .. 1700000000123')"
expect "keys of three flows, 20 us apart, and their octets" "1 600" "$(script '
    for i, octets in ipairs({100, 200, 300}) do redis.call("INCRBY", "flow:" .. (1700000000123450 + 20 * i), octets) end
    local keys = redis.call("KEYS", "flow:*")
    return {#keys, redis.call("GET", keys[1])}')"
expect "JSON, octets" '{"octets":1.2345678901234e+14}' "$(script "return cjson.encode(cjson.decode('{\"octets\": 123456789012345}'))")"
expect "JSON, a time in seconds" '{"start":1700000000.1235}' "$(script "return cjson.encode(cjson.decode('{\"start\": 1700000000.123456}'))")"
expect "JSON, a time in milliseconds" '{"start":1700000000123}' "$(script "return cjson.encode(cjson.decode('{\"start\": 1700000000123}'))")"
expect "2^64-1 by cmsgpack" -1 "$(script 'return string.format("%.0f", cmsgpack.unpack("\207\255\255\255\255\255\255\255\255"))')"
expect "2^63 by cmsgpack" -9223372036854775808 "$(script 'return string.format("%.0f", cmsgpack.unpack("\207\128\0\0\0\0\0\0\0"))')"
expect "2^63, written and read" 9223372036854775808 "$(script 'return string.format("%.0f", cmsgpack.unpack(cmsgpack.pack(2^63)))')"
expect "192.0.2.1 and its mask" -1073741312 "$(script 'return string.format("%.0f", bit.band(3221225985, 4294967040))')"
expect "10.0.0.1 and its mask" 167772160 "$(script 'return string.format("%.0f", bit.band(167772161, 4294967040))')"
expect "5,000,000,000 by bit.band" 705032704 "$(script 'return string.format("%.0f", bit.band(5000000000, -1))')"
