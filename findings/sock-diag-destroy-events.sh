#!/usr/bin/env bash
# Linux (seen on 6.18), socket destroy events of sock_diag, shown by `ss -E` of iproute2 6.1.0 (Debian 12), as root.
#
# The events are to tell which sockets have gone. They come for listeners and unconnected UDP sockets too; the inode is 0
# in every one, although the socket had one a moment before, so they cannot be joined with /proc/PID/fd; and a connection that was
# reset because its listener closed before accept() has no peer port, so it cannot be joined by its ends. What remains is the socket's cookie.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3
host="finding-$$"
namespace "$host"
ip -n "$host" link set lo up
nsenter --net="/run/netns/$host" stdbuf -oL ss -E -n -e >"$work/events" &
started+=("$!")
# It listens once there is a socket of sock_diag (protocol 4) with groups.
until_true 30 nsenter --net="/run/netns/$host" awk '$2 == 4 && $4 != "00000000" { found = 1 } END { exit !found }' /proc/net/netlink
nsenter --net="/run/netns/$host" python3 >"$work/ports" <<'PYTHON'
import os, socket, time

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 6000))
udp.close()
listener = socket.create_server(("127.0.0.1", 5000))
client = socket.create_connection(("127.0.0.1", 5000))
accepted, _ = listener.accept()
print(client.getsockname()[1], os.fstat(client.fileno()).st_ino > 0)
for it in (client, accepted, listener):
    it.close()
    time.sleep(0.3)
listener = socket.create_server(("127.0.0.1", 5001))
client = socket.create_connection(("127.0.0.1", 5001))
time.sleep(0.3)
listener.close()
time.sleep(0.3)
client.close()
PYTHON
sleep 0.5
read -r port had_inode <"$work/ports"
expect "the client's socket had an inode" True "$had_inode"
ends() {
    awk -v local="$1" '$5 == local { print $1, $6 }' "$work/events" | paste -sd ' '
}
expect "UDP socket" "udp 0.0.0.0:*" "$(ends 127.0.0.1:6000)"
expect "client" "tcp 127.0.0.1:5000" "$(ends "127.0.0.1:$port")"
expect "accepted socket and listener" "tcp 127.0.0.1:$port tcp 0.0.0.0:*" "$(ends 127.0.0.1:5000)"
expect "socket in the queue and its listener" "tcp 127.0.0.1:* tcp 0.0.0.0:*" "$(ends 127.0.0.1:5001)"
expect "inodes of all" "ino:0" "$(grep -oE 'ino:[0-9]+' "$work/events" | sort -u)"
