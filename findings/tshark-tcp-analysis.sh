#!/usr/bin/env bash
# tshark 4.0.17 (Debian 12), `tcp.analysis`: classes of segments depend on times and on what the capture holds, so a meter of
# retransmissions cannot be compared with it for equality.
#
# * A segment that fills a hole is out-of-order up to one initial RTT (here 10 ms) behind the hole, and a retransmission after
#   that; where the handshake was not captured the limit is 3 ms.
# * `initial_rtt` is measured from the second SYN where the first was lost (11 ms), and `ack_rtt` of the SYN-ACK from the first
#   (1.01 s). Where the SYN-ACK was repeated, the wait for it is in `initial_rtt` (1.011 s).
# * The last octet sent once more, a second later and with payload, is a keep-alive and no retransmission.
# * A probe of a closed window as Linux sends it (one octet before the next, no payload) is a keep-alive, not a zero window probe.
# * Pieces of a super-packet that was captured whole are out-of-order, and from one RTT on retransmissions.
# * A connection that is made anew with the same initial sequence number, a second after the first one closed, keeps its stream:
#   its SYN and SYN-ACK are retransmissions and its first ACK is a keep-alive.
# * A window that shrinks is a "window update" too.
. "$(dirname "$0")/lib/common.sh"

debian tshark=4.0.17-0+deb12u3
cd "$work"
python - <<'PYTHON'
from capture import *

DATA = ACK | PSH


def case(name, rtt, *segments):
    talk = Talk()
    if rtt:
        talk.handshake(rtt)
    for at, forward, sequence, acknowledgement, flags, length, *window in segments:
        talk.say(at, forward, sequence, acknowledgement, flags, b"x" * length, **({"window": window[0]} if window else {}))
    pcap(f"{name}.pcap", talk.frames)


def hole(late):
    return (20, True, 1001, 5001, DATA, 100), (21, True, 1201, 5001, DATA, 100), (21 + late, True, 1101, 5001, DATA, 100)


first = (20, True, 1001, 5001, DATA, 100)
case("hole-9", 10, *hole(9))
case("hole-11", 10, *hole(11))
case("hole-2-joined", 0, *hole(2))
case("hole-4-joined", 0, *hole(4))
case("syn-lost", 0, (0, True, 1000, 0, SYN, 0), (1000, True, 1000, 0, SYN, 0), (1010, False, 5000, 1001, SYN | ACK, 0), (1011, True, 1001, 5001, ACK, 0))
case("syn-ack-twice", 0, (0, True, 1000, 0, SYN, 0), (10, False, 5000, 1001, SYN | ACK, 0), (1010, False, 5000, 1001, SYN | ACK, 0), (1011, True, 1001, 5001, ACK, 0))
case("last-octet", 10, first, (1020, True, 1100, 5001, DATA, 1))
case("probe", 10, first, (30, False, 5001, 1101, ACK, 0, 0), (230, True, 1100, 5001, ACK, 0))
case("pieces", 10, (20, True, 1001, 5001, DATA, 3000), (20.1, True, 1001, 5001, ACK, 1000), (40, True, 3001, 5001, DATA, 1000))
close = (20, True, 1001, 5001, ACK | FIN, 0), (21, False, 5001, 1002, ACK | FIN, 0), (22, True, 1002, 5002, ACK, 0)
again = (1022, True, 1000, 0, SYN, 0), (1032, False, 5000, 1001, SYN | ACK, 0), (1032, True, 1001, 5001, ACK, 0)
case("again", 10, *close, *again)
case("shrinks", 10, first, (21, False, 5001, 1101, ACK, 0, 60000), (22, False, 5001, 1101, ACK, 0, 50000))
PYTHON

# frame NUMBER NAME: the class of that frame.
frame() {
    local class seen=()
    for class in out_of_order retransmission keep_alive zero_window_probe window_update; do
        [ -z "$(tshark -r "$2.pcap" -Y "frame.number == $1 && tcp.analysis.$class" 2>/dev/null)" ] || seen+=("$class")
    done
    echo "${seen[*]-}"
}

field() {
    tshark -r "$2.pcap" -Y "frame.number == $1" -T fields -e "tcp.analysis.$3" 2>/dev/null
}

expect "hole filled after 9 ms, RTT 10 ms" out_of_order "$(frame 6 hole-9)"
expect "hole filled after 11 ms, RTT 10 ms" retransmission "$(frame 6 hole-11)"
expect "hole filled after 2 ms, no handshake" out_of_order "$(frame 3 hole-2-joined)"
expect "hole filled after 4 ms, no handshake" retransmission "$(frame 3 hole-4-joined)"
expect "SYN lost: initial_rtt" 0.011000000 "$(field 4 syn-lost initial_rtt)"
expect "SYN lost: ack_rtt of the SYN-ACK" 1.010000000 "$(field 3 syn-lost ack_rtt)"
expect "SYN-ACK twice: initial_rtt" 1.011000000 "$(field 4 syn-ack-twice initial_rtt)"
expect "last octet again" keep_alive "$(frame 5 last-octet)"
expect "probe of a closed window" keep_alive "$(frame 6 probe)"
expect "first piece of a super-packet" out_of_order "$(frame 5 pieces)"
expect "its last piece, 20 ms later" retransmission "$(frame 6 pieces)"
expect "same ISN again: streams" 0 "$(tshark -r again.pcap -T fields -e tcp.stream 2>/dev/null | sort -u)"
expect "same ISN again: SYN" retransmission "$(frame 7 again)"
expect "same ISN again: SYN-ACK" retransmission "$(frame 8 again)"
expect "same ISN again: first ACK" keep_alive "$(frame 9 again)"
expect "window from 60000 to 50000" window_update "$(frame 6 shrinks)"
