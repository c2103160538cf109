#!/usr/bin/env bash
# python3-ipfix 0.9.7 (Debian 12; PyPI's ipfix), IPFIX times in microseconds and nanoseconds: 70 years late as read, 66 years late as written, and right in a round trip.
#
# flowStartMicroseconds and flowStartNanoseconds (154, 156) are NTP time stamps, seconds since 1900 (RFC 7011 section 6.1.9). The library counts them from 1970.
# * A flow of 14 November 2023 is one of 13 November 2093. One that the library writes is one of 1953 by those seconds, and of 2089 for tshark 4.0.17, which takes small ones for
#   those after 2036. Writing and reading by the library gives what was
#   written, so its own tests, or a peer made with it, show nothing. flowStartSeconds and flowStartMilliseconds (150, 152) are right.
# * A counter of reduced size (RFC 7011 section 6.2) is read with 4 octets; with 5 it is an error when the template comes, and so of no record of the stream is read.
# Hold an exporter's times against another reader.
. "$(dirname "$0")/lib/common.sh"

debian python3-ipfix=0.9.7-3 tshark=4.0.17-0+deb12u3 wireshark-common=4.0.17-0+deb12u3
cd "$work"
cat >times.py <<'PYTHON'
import importlib.util, io, struct, sys
from datetime import datetime

sys.path.append(sys.argv[1])
specification = importlib.util.spec_from_file_location("messages", sys.argv[2])
messages = importlib.util.module_from_spec(specification)
specification.loader.exec_module(messages)
import ipfix.ie, ipfix.reader, ipfix.template, ipfix.writer

ipfix.ie.use_iana_default()
names = ("flowStartSeconds", "flowStartMilliseconds", "flowStartMicroseconds", "flowStartNanoseconds")


def read(octets):
    return list(ipfix.reader.from_stream(io.BytesIO(octets)).namedict_iterator())


def show(record):
    return " ".join(record[name].isoformat() for name in names)


fields = [(150, 4), (152, 8), (154, 8), (156, 8)]
ntp = struct.pack("!II", 1_700_000_000 + 2_208_988_800, 0x80000000)
row = messages.number(1_700_000_000, 4) + messages.number(1_700_000_000_500, 8) + ntp + ntp
print("read:", show(read(messages.message([messages.a_set(2, messages.template(256, fields)), messages.a_set(256, row)]))[0]))

with open("written", "wb") as out:
    writer = ipfix.writer.to_stream(out)
    writer.set_domain(1)
    writer.add_template(ipfix.template.for_specs(256, *names))
    writer.set_export_template(256)
    writer.export_namedict({name: datetime(2023, 11, 14, 22, 13, 20) for name in names})
    writer.flush()
with open("written", "rb") as it:
    print("round:", show(read(it.read())[0]))

for size in (4, 5):
    octets = messages.message([messages.a_set(2, messages.template(256, [(1, size)])), messages.a_set(256, messages.number(7, size))])
    try:
        print(f"size {size}:", read(octets)[0]["octetDeltaCount"])
    except ipfix.types.IpfixTypeError as error:
        print(f"size {size}:", error.args[0][0] if isinstance(error.args[0], tuple) else error.args[0])
PYTHON
/usr/bin/python3 times.py "$work/root/usr/lib/python3/dist-packages" "$here/lib/ipfix.py" >seen
expect "read: seconds, milliseconds, microseconds, nanoseconds" \
    "2023-11-14T22:13:20 2023-11-14T22:13:20.500000 2093-11-13T22:13:20.500000 2093-11-13T22:13:20.500000" "$(sed -n 's/^read: //p' seen)"
same="2023-11-14T22:13:20"
expect "written and read" "$same $same $same $same" "$(sed -n 's/^round: //p' seen)"
python - <<'PYTHON'
from capture import *

pcap("written.pcap", [(0, ethernet(ipv4("192.0.2.1", "192.0.2.2", 17, udp(4739, 4739, open("written", "rb").read()))))])
PYTHON
tshark -r written.pcap -d udp.port==4739,cflow -V 2>tshark.log | sed -n 's/.*StartTime: *\([A-Z].*\)/\1/p' >times
expect "written, as tshark reads it" "2023 2023 2089 2089" "$(sed 's/.*, \([0-9]*\) .*/\1/' times | paste -sd ' ')"
expect "size of 4" 7 "$(sed -n 's/^size 4: //p' seen)"
expect "size of 5" "No RLE for <unsigned64>[5]" "$(sed -n 's/^size 5: //p' seen)"
