# What nfpcapd and softflowd make of a capture; sourced after common.sh, in $work.

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
    local port collector capture=$1.pcap
    shift
    port=$(free_port)
    rm -rf flows && mkdir flows
    nfcapd -w flows -b 127.0.0.1 -p "$port" -t 60 >nfcapd.log 2>&1 &
    collector=$!
    started+=("$collector")
    sleep 1
    timeout 10 softflowd -r "$capture" -n "127.0.0.1:$port" "$@" >softflowd.log 2>&1
    sleep 0.5
    kill "$collector"
    wait "$collector" || true
}

by_softflowd() {
    softflowd_to_nfcapd "$1" -v 10 -A milli
    nfdump -R flows -q -o "fmt:%pr:%sp>%dp:%pkt:%byt" 2>nfdump.log | grep : | flows
}
