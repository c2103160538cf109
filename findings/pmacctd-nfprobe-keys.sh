#!/usr/bin/env bash
# pmacctd of pmacct 1.7.7 (Debian 12), its exporter of NetFlow 9 and IPFIX (plugin nfprobe): VLAN, class and MAC address are exported, and are no part of a flow's key.
#
# `aggregate` names what a flow is; nfprobe makes the template of it. Of two datagrams with the same addresses and ports that differ in one thing
# * in VLAN 7 and VLAN 8: one flow of 2 packets in VLAN 7, that of the first. Two customers with the same private addresses are one, with the octets of both.
# * of class (ToS) 32 and 8: one flow of 2 packets with the class of the last one.
# * from two MAC addresses: one flow with the first one.
# The plugin `print` of the same pmacctd, with the same aggregate, has each of them apart. There is no warning. Records look complete, as the field is there.
. "$(dirname "$0")/lib/common.sh"
. "$here/lib/nfdump.sh"

debian pmacct=1.7.7-1+b1
cd "$work"
python - <<'PYTHON'
from capture import *


def datagram(port, tos=0):
    packet = bytearray(ipv4("192.0.2.1", "192.0.2.2", 17, udp(port, 80, bytes(100))))
    packet[1], packet[10:12] = tos, b"\0\0"
    packet[10:12] = struct.pack("!H", checksum(bytes(packet[:20])))
    return bytes(packet)


other = ethernet(datagram(1003))
frames = [
    ethernet(datagram(1000)), ethernet(datagram(1000)),
    ethernet(datagram(1001), vlan=7), ethernet(datagram(1001), vlan=8),
    ethernet(datagram(1002, 32)), ethernet(datagram(1002, 8)),
    ethernet(datagram(1003)), other[:6] + bytes.fromhex("020000000009") + other[12:],
]
pcap("flows.pcap", [(at * 10, frame) for at, frame in enumerate(frames)])
PYTHON

aggregate="src_mac, vlan, src_host, dst_host, src_port, dst_port, proto, tos"

# printed: port, packets, octets, VLAN, class, MAC address of each flow by the plugin print.
printed() {
    printf '%s\n' "pcap_savefile: flows.pcap" "plugins: print" "print_output: json" "print_refresh_time: 3600" "aggregate: $aggregate" >pmacctd.conf
    { timeout 20 pmacctd -f pmacctd.conf 2>pmacctd.log || true; } | grep ip_src >printed
    python -c 'import json
for line in open("printed"):
    flow = json.loads(line)
    print(*(flow[name] for name in ("port_src", "packets", "bytes", "vlan", "tos", "mac_src")), sep=":")' | sort
}

# exported VERSION: the same by nfprobe, as nfcapd stores it.
exported() {
    rm -rf flows
    nfcapd_listens flows
    printf '%s\n' "pcap_savefile: flows.pcap" "pcap_savefile_wait: true" "plugins: nfprobe" "nfprobe_receiver: 127.0.0.1:$collector_port" "nfprobe_version: $1" "nfprobe_timeouts: expint=1:maxlife=1" \
        "aggregate: $aggregate" >pmacctd.conf
    # The signal goes to its plugin's process too, which then exports what it has.
    timeout -s INT -k 2 6 pmacctd -f pmacctd.conf >pmacctd.log 2>&1 || true
    nfcapd_ends
    nfdump -R flows -q -o "fmt:%sp:%pkt:%byt:%svln:%tos:%ismc" 2>nfdump.log | tr -d ' ' | sort
}

mac=02:00:00:00:00:01
printed >seen
expect "print, alike" "1000:2:256:0:0:$mac" "$(grep ^1000 seen | paste -sd ' ')"
expect "print, two VLANs" "1001:1:128:7:0:$mac 1001:1:128:8:0:$mac" "$(grep ^1001 seen | paste -sd ' ')"
expect "print, two classes" "1002:1:128:0:32:$mac 1002:1:128:0:8:$mac" "$(grep ^1002 seen | paste -sd ' ')"
expect "print, two MAC addresses" "1003:1:128:0:0:$mac 1003:1:128:0:0:02:00:00:00:00:09" "$(grep ^1003 seen | paste -sd ' ')"
for version in 9 10; do
    exported "$version" >seen
    expect "nfprobe $version" "1000:2:256:0:0:$mac 1001:2:256:7:0:$mac 1002:2:256:0:8:$mac 1003:2:256:0:0:$mac" "$(paste -sd ' ' seen)"
done
