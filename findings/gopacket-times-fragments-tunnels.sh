#!/usr/bin/env bash
# Go's gopacket 1.1.19 (Debian 12): times of pcapng files that count in powers of two, datagrams with a short last fragment, and the flow of a tunnelled packet.
#
# * pcapgo.NgReader divides a second into whole nanoseconds per tick: at 2^-20 s a tick is 953 ns, and .999 s is .998293 s, 0.7 ms early. At 2^-32 s a tick is a quarter
#   of one, and .999 s is 1.072668 s: a packet of 1.001 s comes before it. Powers of ten are right, but for whole seconds (10^0), which are 1970.
# * ip4defrag refuses a last fragment of fewer than 8 octets ("handcrafted?") with an error, and the datagram is never complete. Of the sizes
#   that an MTU of 1,500 cuts, these are 7 of 1,480. IPv4 has no least size of a last fragment.
# * Of a packet in GRE or IP in IP, NetworkLayer() is the outer header and TransportLayer() the inner one. A key of NetworkFlow() and TransportFlow() so is of
#   the tunnel's ends with the inner ports: two connections of different inner hosts are one flow.
. "$(dirname "$0")/lib/common.sh"

golang golang-github-google-gopacket-dev=1.1.19-3 golang-golang-x-net-dev=1:0.7.0+dfsg-1 golang-golang-x-sys-dev=0.3.0-1 <<'GO'
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/google/gopacket"
	"github.com/google/gopacket/ip4defrag"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	file, err := os.Open(os.Args[1])
	check(err)
	if strings.HasSuffix(os.Args[1], "ng") {
		reader, err := pcapgo.NewNgReader(file, pcapgo.DefaultNgReaderOptions)
		check(err)
		for {
			_, info, err := reader.ReadPacketData()
			if err != nil {
				return
			}
			fmt.Printf("%.6f\n", float64(info.Timestamp.UnixNano()-1_700_000_000_000_000_000)/1e9)
		}
	}
	reader, err := pcapgo.NewReader(file)
	check(err)
	parts := ip4defrag.NewIPv4Defragmenter()
	for {
		data, _, err := reader.ReadPacketData()
		if err != nil {
			return
		}
		packet := gopacket.NewPacket(data, reader.LinkType(), gopacket.Default)
		if transport := packet.TransportLayer(); transport != nil {
			fmt.Printf("%v %v\n", packet.NetworkLayer().NetworkFlow(), transport.TransportFlow())
			continue
		}
		whole, err := parts.DefragIPv4(packet.Layer(layers.LayerTypeIPv4).(*layers.IPv4))
		if err != nil {
			fmt.Println("error")
		} else if whole != nil {
			fmt.Println("complete", len(whole.Payload))
		}
	}
}
GO
cd "$work"
python - <<'PYTHON'
from capture import *

BASE = 1_700_000_000


def block(kind, body):
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def times(name, resolution, ticks):
    """Packets at 0.5 s, 0.999 s and 1.001 s of a file that counts so many ticks a second."""
    with open(f"{name}.pcapng", "wb") as out:
        out.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        out.write(block(1, struct.pack("<HHIHHB3xI", 1, 0, 0, 9, 1, resolution, 0)))
        for milliseconds in (500, 999, 1001):
            stamp = BASE * ticks + milliseconds * ticks // 1000
            frame = ethernet(ipv4("10.0.0.1", "10.0.0.2", 17, udp(1, 2, b"x" * 18)))
            out.write(block(6, struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame)) + frame))


times("micro", 6, 10**6)
times("nano", 9, 10**9)
times("second", 0, 1)
times("two-20", 0x80 | 20, 2**20)
times("two-32", 0x80 | 32, 2**32)


def fragments(name, octets, backwards=False):
    whole = udp(1111, 2222, b"x" * (octets - 8))
    parts = [ethernet(ipv4("10.0.0.1", "10.0.0.2", 17, *it)) for it in ((whole[:1480], 7, 0x2000), (whole[1480:], 7, 185))]
    pcap(f"{name}.pcap", list(enumerate(parts[::-1] if backwards else parts)))


fragments("eight", 1488)
fragments("seven", 1487)
fragments("seven-backwards", 1487, True)
inner = [ipv4(host, "192.0.2.9", 17, udp(1111, 2222, b"x")) for host in ("192.0.2.1", "192.0.2.2")]
pcap("gre.pcap", [(0, ethernet(ipv4("10.0.0.1", "10.0.0.2", 47, b"\0\0\x08\0" + it))) for it in inner])
pcap("ip-in-ip.pcap", [(0, ethernet(ipv4("10.0.0.1", "10.0.0.2", 4, it))) for it in inner])
PYTHON

seen() {
    ./finding "$1" | paste -sd ' '
}

expect "times of microseconds" "0.500000 0.999000 1.001000" "$(seen micro.pcapng)"
expect "times of nanoseconds" "0.500000 0.999000 1.001000" "$(seen nano.pcapng)"
expect "times of 2^-20 s" "0.499646 0.998293 1.000999" "$(seen two-20.pcapng)"
expect "times of 2^-32 s" "0.536871 1.072668 1.001074" "$(seen two-32.pcapng)"
expect "times of whole seconds" "-1699998300.000000 -1699998300.000000 -1699998299.999999" "$(seen second.pcapng)"
expect "last fragment of 8 octets" "complete 1488" "$(seen eight.pcap)"
expect "last fragment of 7 octets" "error" "$(seen seven.pcap)"
expect "last fragment of 7 octets, first" "error" "$(seen seven-backwards.pcap)"
expect "two hosts in GRE" "10.0.0.1->10.0.0.2 1111->2222 10.0.0.1->10.0.0.2 1111->2222" "$(seen gre.pcap)"
expect "two hosts in IP in IP" "10.0.0.1->10.0.0.2 1111->2222 10.0.0.1->10.0.0.2 1111->2222" "$(seen ip-in-ip.pcap)"
