#!/usr/bin/env bash
# moto 5.2.5 (PyPI) as a stand-in for S3: an object that is put with a form's content type is stored without its octets, and the answer is 200.
#
# PUT with `application/x-www-form-urlencoded` or `multipart/form-data` makes an object of 0 octets, whose ETag is that of nothing; with another type, or none, all
# octets are there. The former is what `curl --data-binary` sends unless told otherwise, and some HTTP clients add it to any body. S3
# stores the body whatever its type. A trial of an exporter's upload so finds empty files and no error; the ETag tells them apart.
. "$(dirname "$0")/lib/common.sh"

pypi "moto[s3]==5.2.5" flask==3.1.3 flask-cors==6.0.5
port=$(free_port)
background "$work/venv/bin/moto_server" -H 127.0.0.1 -p "$port"
until_true 20 curl -sf "http://127.0.0.1:$port/"
cd "$work"
credential="Authorization: AWS4-HMAC-SHA256 Credential=finding/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
printf 'PAR1 and so on' >flows

# ask METHOD PATH OPTION ..: status, ETag and octets of the answer.
ask() {
    local method=$1 path=$2
    shift 2
    : >body
    curl -s -X "$method" -H "$credential" "$@" -D headers -o body "http://127.0.0.1:$port/$path"
    echo "$(awk 'NR == 1 { print $2 }' headers) $(sed -n 's/^ETag: "\([0-9a-f]*\)".*/\1/pI' headers) $(wc -c <body)"
}

# stored OPTION ..: an upload's status and ETag, and the octets that come back.
stored() {
    local put get
    put=$(ask PUT flows/one "$@" --data-binary @flows)
    get=$(ask GET flows/one)
    echo "${put% *} ${get##* }"
}

ask PUT flows >/dev/null
whole="200 $(md5sum <flows | cut -d ' ' -f 1) 14"
empty="200 $(md5sum </dev/null | cut -d ' ' -f 1) 0"
expect "application/octet-stream" "$whole" "$(stored -H "Content-Type: application/octet-stream")"
expect "no type" "$whole" "$(stored -H "Content-Type:")"
expect "application/vnd.apache.parquet" "$whole" "$(stored -H "Content-Type: application/vnd.apache.parquet")"
expect "multipart/form-data" "$empty" "$(stored -H "Content-Type: multipart/form-data; boundary=x")"
expect "application/x-www-form-urlencoded" "$empty" "$(stored -H "Content-Type: application/x-www-form-urlencoded")"
expect "as curl has it" "$empty" "$(stored)"
