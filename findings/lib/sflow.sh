# Sourced by the findings on sFlow, after common.sh: what sfacctd and sfcapd store of samples, which they tell apart by the input interface.

debian nfdump-sflow=1.7.1-2+deb12u1 nfdump=1.7.1-2+deb12u1 pmacct=1.7.7-1+b1

# collect: runs `python -` (its program from standard input) with the ports of both collectors; afterwards by_sfacctd and by_sfcapd have what they stored.
collect() {
    local to_sfacctd to_sfcapd collector
    to_sfacctd=$(free_port)
    printf '%s\n' "sfacctd_ip: 127.0.0.1" "sfacctd_port: $to_sfacctd" "sfacctd_renormalize: true" "plugins: print" "print_output: csv" "print_output_file: $work/sfacctd.csv" \
        "print_output_file_append: true" "print_refresh_time: 2" "aggregate: in_iface, src_host, src_port, dst_port" >"$work/sfacctd.conf"
    background sfacctd -f "$work/sfacctd.conf"
    to_sfcapd=$(free_port)
    mkdir "$work/sfcapd"
    sfcapd -w "$work/sfcapd" -b 127.0.0.1 -p "$to_sfcapd" -t 60 >"$work/sfcapd.log" 2>&1 &
    collector=$!
    started+=("$collector")
    until_true 20 grep -q "waiting for" "$work/sfacctd.log"
    until_true 20 grep -q Startup "$work/sfcapd.log"
    sleep 0.5
    python - "$to_sfacctd" "$to_sfcapd"
    sleep 6
    kill "$collector"
    wait "$collector" || true
    nfdump -R "$work/sfcapd" -q -o "fmt:%in,%sa:%sp>%dp:%pkt:%byt" 2>"$work/nfdump.log" | tr -d ' ' >"$work/sfcapd.csv"
}

# Each prints ADDRESS:PORT>PORT:PACKETS:OCTETS of the flows of a case, `-` where there is none.
by_sfacctd() {
    awk -F, -v case="$1" '$1 == case { print $2 ":" $3 ">" $4 ":" $(NF - 1) ":" $NF }' "$work/sfacctd.csv" | sort | paste -sd ' ' | sed 's/^$/-/'
}

by_sfcapd() {
    awk -F, -v case="$1" '$1 == case { print $2 }' "$work/sfcapd.csv" | sort | paste -sd ' ' | sed 's/^$/-/'
}
