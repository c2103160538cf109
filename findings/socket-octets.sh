#!/usr/bin/env bash
# Octets and segments of a TCP socket of Linux (seen on 6.18) as `ss -ti` of iproute2 6.1.0 (Debian 12) has them, as root: neither payload nor what was sent.
#
# A client connects, sends 1,000 octets, gets 300 and closes; nothing is lost.
# * `bytes_acked` counts the SYN, at the end that connected, and the FIN: 1 before the first octet of payload, 1,002 at the end. The SYN-ACK it does
#   not count. `bytes_received` counts the FIN: 1,001. `bytes_sent` is payload alone (and each octet as often as it was sent).
# * The end that accepted does not count its SYN-ACK in `segs_out`, which is 0 where `segs_in` is 2 (SYN and ACK); the other end
#   counts that SYN-ACK in `segs_in`. So one end's `segs_out` is below the other's `segs_in`, as if a segment had been received twice.
# * All of it is gone as soon as the connection is in TIME-WAIT.
# The packets and octets of a flow agree with its sockets' only when that is allowed for.
. "$(dirname "$0")/lib/common.sh"

debian iproute2=6.1.0-3
client="finding-a-$$" server="finding-b-$$"
namespace "$client" "$server"
ip -n "$client" link add veth0 type veth peer name veth0 netns "$server"
i=0
for host in "$client" "$server"; do
    i=$((i + 1))
    ip -n "$host" link set veth0 up
    ip -n "$host" address add "192.0.2.$i/24" dev veth0
done
python - "$client" "$server" >"$work/seen" <<'PYTHON'
import ctypes, os, re, socket, subprocess, sys, time

library = ctypes.CDLL(None, use_errno=True)
names = dict(zip(("client", "server"), sys.argv[1:]))
FIELDS = ("bytes_sent", "bytes_acked", "bytes_received", "segs_out", "segs_in")


def enter(end):
    """Sockets made from now on, and programs, are in that end's namespace."""
    place = os.open(f"/run/netns/{names[end]}", os.O_RDONLY)
    if library.setns(place, 0):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(place)


def show(when):
    time.sleep(0.3)
    for end in names:
        enter(end)
        line = subprocess.run(["ss", "-Htin", "state", "all"], check=True, capture_output=True, text=True).stdout
        # ss leaves out what is zero.
        values = dict(re.findall(r"([a-z_]+):(\d+)", line))
        print(when, end, *(values.get(field, "0") for field in FIELDS))


enter("server")
listener = socket.create_server(("192.0.2.2", 5000))
enter("client")
one = socket.create_connection(("192.0.2.2", 5000))
other, _ = listener.accept()
listener.close()
show("connected")
one.sendall(b"x" * 1000)
other.recv(2000)
other.sendall(b"y" * 300)
one.recv(2000)
show("exchanged")
one.shutdown(socket.SHUT_WR)
show("half-closed")
other.shutdown(socket.SHUT_WR)
show("closed")
PYTHON

of() {
    sed -n "s/^$1 $2 //p" "$work/seen"
}

# bytes_sent, bytes_acked, bytes_received, segs_out, segs_in
expect "connected, client" "0 1 0 2 1" "$(of connected client)"
expect "connected, server" "0 0 0 0 2" "$(of connected server)"
expect "exchanged, client" "1000 1001 300 4 3" "$(of exchanged client)"
expect "exchanged, server" "300 300 1000 2 4" "$(of exchanged server)"
expect "client closed, client" "1000 1002 300 5 4" "$(of half-closed client)"
expect "client closed, server" "300 300 1001 3 5" "$(of half-closed server)"
expect "both closed, client, in TIME-WAIT" "0 0 0 0 0" "$(of closed client)"
