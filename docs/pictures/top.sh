# The shell in which `cargo xtask record top 9 top --interface lo` records `top`: traffic on the loopback interface of a namespace of its own.
# All of it ends within half a minute. The subshells keep numbers of jobs from the screen.
PS1='$ '
PATH=$PWD/target/release:$PATH
ip link set lo up

# One stream on a port, from a server that ends with it.
stream() {
    port=$1
    shift
    iperf3 --server --one-off --port "$port" >/dev/null 2>&1 &
    sleep 0.5
    iperf3 --port "$port" --time 20 "$@" >/dev/null 2>&1
}

(stream 5201 --client 127.0.0.1 --bitrate 400M &)
(stream 5202 --client ::1 --bitrate 80M --reverse &)
(stream 5203 --client 127.0.0.1 --bitrate 10M --udp &)
(ping -i 0.2 -w 20 127.0.0.1 >/dev/null 2>&1 &)
(ping -i 0.5 -w 20 ::1 >/dev/null 2>&1 &)
