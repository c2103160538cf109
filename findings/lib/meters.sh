# Sourced by the findings that compare meters: what nfpcapd and softflowd make of a capture in $work.
. "$here/lib/nfdump.sh"

debian softflowd=1.1.0-1+b1

flows() {
    tr -d ' ' | sort | paste -sd ' ' | sed 's/^$/-/'
}

# Each prints PROTOCOL:PORT>PORT:PACKETS:OCTETS of every flow; nfdump has TYPE.CODE of ICMP as destination port.
by_nfpcapd() {
    rm -rf flows && mkdir flows
    nfpcapd -r "$1.pcap" -w flows >nfpcapd.log 2>&1
    nfdump -R flows -q -o "fmt:%pr:%sp>%dp:%pkt:%byt" 2>nfdump.log | grep : | flows
}

# softflowd_to_nfcapd NAME OPTION ..: flows of a capture as softflowd exports them, in the folder `flows`.
softflowd_to_nfcapd() {
    local capture=$1.pcap
    shift
    rm -rf flows
    nfcapd_listens flows
    timeout 10 softflowd -r "$capture" -n "127.0.0.1:$collector_port" "$@" >softflowd.log 2>&1
    nfcapd_ends
}

by_softflowd() {
    softflowd_to_nfcapd "$1" -v 10 -A milli
    nfdump -R flows -q -o "fmt:%pr:%sp>%dp:%pkt:%byt" 2>nfdump.log | grep : | flows
}
