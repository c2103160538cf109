#!/usr/bin/env bash
# scapy 2.8.0 (PyPI), IPFIX messages by `netflowv9_defragment`, its way to join records with templates: read by NetFlow 9's rules.
#
# * A field of variable length, as an interface's name or an application's, is a field of 65,535 octets to it: of a set of three records there is none, and the octets behind the first name are shown
#   as a set of their own, whose number is made of the name. There is no error.
# * Templates count per file and not per observation domain: what domain 2 says of template 256 holds for packets of domain 1, and octets become packets.
# * Padding behind the last record is right, and so is a template that comes before its records in another message.
# As a referee of an exporter it fits for records of fixed fields and one domain.
. "$(dirname "$0")/lib/common.sh"

pypi scapy==2.8.0
python - >"$work/seen" 2>/dev/null <<'PYTHON'
import logging

logging.disable(logging.CRITICAL)
from scapy.all import IP, UDP, Ether, PacketList, Raw
from scapy.layers.netflow import NetflowDataflowsetV9, NetflowRecordV9, netflowv9_defragment
from ipfix import a_set, message, number, template


def sets(words, *messages):
    packets = [Ether(bytes(Ether() / IP(src="127.0.0.1", dst="127.0.0.1") / UDP(sport=2055, dport=2055) / Raw(it))) for it in messages]
    seen = []
    for packet in netflowv9_defragment(PacketList(packets)):
        layer = packet.getlayer(NetflowDataflowsetV9)
        while layer:
            records = ["/".join(f"{name}={value}" for name, value in it.fields.items() if name != "fieldValue") or "unread" for it in layer.records or []]
            seen.append(f"{layer.templateID}:[{' '.join(records)}]")
            layer = layer.payload.getlayer(NetflowDataflowsetV9)
    print(f"{words}:", *seen)


ports = template(256, [(7, 2), (1, 4)])
names = template(257, [(82, 65535), (1, 4)])
sets("padding", message([a_set(2, ports)]), message([a_set(256, number(443, 2) + number(5, 4) + number(80, 2) + number(6, 4) + bytes(4))]))
sets("names", message([a_set(2, names), a_set(257, b"".join(b"\x04eth0" + number(it, 4) for it in (1, 2, 3)))]))
sets(
    "domains",
    message([a_set(2, template(256, [(1, 4)])), a_set(256, number(1000, 4))], domain=1),
    message([a_set(2, template(256, [(2, 4)]))], domain=2),
    message([a_set(256, number(1000, 4))], domain=1),
)
PYTHON

of() {
    sed -n "s/^$1: //p" "$work/seen"
}

expect "two records and padding, the template in a message before" "256:[L4_SRC_PORT=443/IN_BYTES=5 L4_SRC_PORT=80/IN_BYTES=6]" "$(of padding)"
expect "three records with a name" "257:[] 1125:[unread]" "$(of names)"
expect "octets of domain 1, before and after a template of domain 2" "256:[IN_BYTES=1000] 256:[IN_PKTS=1000]" "$(of domains)"
