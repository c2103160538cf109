//! Packets that the kernel drops, against the counters of those who drop them.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use mermin_core::{Flow, FlowSourceBuilder, Pinning, flow::Dropped};
use rustix::net::sockopt;

use crate::support::{
    host::{Host, Pair},
    traffic::{address, bind_udp, udp_socket},
    wait::until_true,
    watch::{Watch, on},
};

crate::cases! {
    case packets_that_the_firewall_drops_are_its_own_count,
    case packets_without_a_socket_or_without_room_are_dropped,
    case ends_of_connections_and_answers_to_pings_are_taken,
    case packets_of_no_flow_are_counted_by_reason,
    case counts_go_on_after_a_restart,
}

fn options() -> FlowSourceBuilder {
    on("v1")
        .drops(true)
        .active_timeout(Duration::from_millis(300))
}

/// Sums of all records by reason, from source to destination and back.
fn sums(flows: &[Flow]) -> [Vec<(String, u64)>; 2] {
    let add = |sums: &mut Vec<(String, u64)>, dropped: &Dropped| match sums
        .iter_mut()
        .find(|sum| *sum.0 == *dropped.reason)
    {
        Some(sum) => sum.1 += dropped.packets,
        None => sums.push((dropped.reason.to_string(), dropped.packets)),
    };
    let mut both = [Vec::new(), Vec::new()];
    for drops in flows.iter().filter_map(|flow| flow.drops.as_deref()) {
        drops.forward.iter().for_each(|one| add(&mut both[0], one));
        drops.reverse.iter().for_each(|one| add(&mut both[1], one));
    }
    both
}

fn of_port(flows: &[Flow], port: u16) -> Vec<Flow> {
    let flows = flows
        .iter()
        .filter(|flow| flow.destination.port == Some(port));
    flows.cloned().collect()
}

fn only(reason: &str, packets: u64) -> Vec<(String, u64)> {
    vec![(reason.to_owned(), packets)]
}

/// Sends datagrams from the near host; errors that ICMP reports are the next call's.
fn send(socket: &UdpSocket, datagrams: usize, octets: usize) {
    for _ in 0..datagrams {
        while let Err(error) = socket.send(&vec![7; octets]) {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    }
}

/// Adds rules of nftables, of which each has a named counter.
fn firewall(host: &Host, rules: &str) {
    for line in rules.lines().filter(|line| !line.trim().is_empty()) {
        host.shell(&format!("nft {}", line.trim()));
    }
}

/// Packets that a named counter of nftables has.
fn counted(host: &Host, counter: &str) -> u64 {
    let said = host.shell(&format!("nft list counter ip mermin {counter}"));
    let words: Vec<_> = said.split_whitespace().collect();
    let place = words.iter().position(|word| *word == "packets").unwrap();
    words[place + 1].parse().unwrap()
}

fn packets_that_the_firewall_drops_are_its_own_count() {
    let pair = Pair::new();
    firewall(
        &pair.far,
        "add table ip mermin
         add counter ip mermin input
         add counter ip mermin output
         add counter ip mermin refused
         add chain ip mermin in { type filter hook input priority 0 ; }
         add chain ip mermin out { type filter hook output priority 0 ; }
         add rule ip mermin in udp dport 5000 counter name input drop
         add rule ip mermin in tcp dport 5002 counter name refused reject with tcp reset
         add rule ip mermin out udp sport 5001 counter name output drop",
    );
    let mut watch = Watch::open(&pair.far, options());
    let near = udp_socket(
        &pair.near,
        address("10.0.0.1:4000"),
        address("10.0.0.2:5000"),
    );
    send(&near, 20, 100);
    watch.take_until("a record of dropped packets", |flows| {
        !sums(flows)[0].is_empty()
    });
    send(&near, 3, 100);
    let [client, server] = [address("10.0.0.1:4001"), address("10.0.0.2:5001")];
    let near = udp_socket(&pair.near, client, server);
    let far = udp_socket(&pair.far, server, client);
    near.send(b"question").unwrap();
    far.recv(&mut [0; 16]).unwrap();
    for _ in 0..5 {
        // The firewall's verdict is the caller's error.
        assert_eq!(
            far.send(b"answer").unwrap_err().kind(),
            ErrorKind::PermissionDenied
        );
    }
    let refused = pair.near.run(|| TcpStream::connect("10.0.0.2:5002"));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let outcome = watch.finish();
    let [input, output, reset] = ["input", "output", "refused"].map(|it| counted(&pair.far, it));
    assert_eq!([input, output, reset], [23, 5, 1]);
    for (port, expected) in [
        (5000, [only("NETFILTER_DROP", input), vec![]]),
        (5001, [vec![], only("NETFILTER_DROP", output)]),
        (5002, [only("NETFILTER_DROP", reset), vec![]]),
    ] {
        assert_eq!(
            sums(&of_port(&outcome.flows, port)),
            expected,
            "{:#?}",
            outcome.flows
        );
    }
    let drops = &outcome.stats.drops;
    // Packets without a place are counted for the whole host, on which other tests run.
    assert_eq!(
        (&drops.without_flow, drops.taken, drops.missed),
        (&vec![], 0, 0)
    );
}

/// A counter of `/proc/net/snmp`.
fn snmp(host: &Host, of: &str, name: &str) -> u64 {
    let lines = host.run(|| std::fs::read_to_string("/proc/thread-self/net/snmp").unwrap());
    let mut both = lines.lines().filter(|line| line.starts_with(of));
    let place = both
        .next()
        .unwrap()
        .split_whitespace()
        .position(|it| it == name);
    let value = both.next().unwrap().split_whitespace().nth(place.unwrap());
    value.unwrap().parse().unwrap()
}

fn packets_without_a_socket_or_without_room_are_dropped() {
    let pair = Pair::new();
    let watch = Watch::open(&pair.far, options());
    let near = udp_socket(
        &pair.near,
        address("10.0.0.1:4000"),
        address("10.0.0.2:5000"),
    );
    send(&near, 12, 100);
    let full = pair.far.run(|| bind_udp(address("10.0.0.2:5001")));
    sockopt::set_socket_recv_buffer_size(&full, 4096).unwrap();
    let near = udp_socket(
        &pair.near,
        address("10.0.0.1:4001"),
        address("10.0.0.2:5001"),
    );
    send(&near, 200, 1000);
    let refused = pair.near.run(|| TcpStream::connect("10.0.0.2:5002"));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    // The datagrams, the first ones' ICMP errors, SYN and RST. Some ICMP errors may be limited.
    until_true("the datagrams to arrive", || {
        watch.stats().packets >= 212 + 2
    });
    let outcome = watch.finish();
    let [ports, buffers] = ["NoPorts", "RcvbufErrors"].map(|name| snmp(&pair.far, "Udp:", name));
    assert_eq!(ports, 12);
    assert!(buffers > 100);
    for (port, expected) in [
        (5000, only("NO_SOCKET", ports)),
        (5001, only("SOCKET_RCVBUFF", buffers)),
        (5002, only("NO_SOCKET", 1)),
    ] {
        let found = sums(&of_port(&outcome.flows, port));
        assert_eq!(found, [expected, vec![]], "{:#?}", outcome.flows);
    }
}

/// A connection from start to end, with octets both ways.
fn connection(pair: &Pair, own: SocketAddr) {
    let listener = pair.far.run(|| TcpListener::bind(own).unwrap());
    let mut near = pair.near.run(|| TcpStream::connect(own).unwrap());
    let (mut far, _) = listener.accept().unwrap();
    near.write_all(b"question").unwrap();
    near.shutdown(Shutdown::Write).unwrap();
    let mut read = Vec::new();
    far.read_to_end(&mut read).unwrap();
    far.write_all(b"answer").unwrap();
    drop(far);
    near.read_to_end(&mut read).unwrap();
    assert_eq!(read, b"questionanswer");
}

fn ends_of_connections_and_answers_to_pings_are_taken() {
    let pair = Pair::new();
    let watch = Watch::open(&pair.far, options());
    for port in 5000..5010 {
        connection(&pair, SocketAddr::new([10, 0, 0, 2].into(), port));
    }
    pair.far.shell("ping -q -c 3 -i 0.01 10.0.0.1");
    let outcome = watch.finish();
    assert_eq!(
        sums(&outcome.flows),
        [vec![], vec![]],
        "{:#?}",
        outcome.flows
    );
    let drops = &outcome.stats.drops;
    assert!(drops.taken >= 10, "{drops:?}");
    assert_eq!(drops.without_flow, []);
}

fn packets_of_no_flow_are_counted_by_reason() {
    let pair = Pair::new();
    pair.link("v2", "v3");
    let watch = Watch::open(&pair.far, on("v3").drops(true));
    let near = udp_socket(
        &pair.near,
        address("10.0.0.1:4000"),
        address("10.0.0.2:5000"),
    );
    send(&near, 7, 100);
    // Another network namespace's packets are not this source's.
    let far = udp_socket(
        &pair.far,
        address("10.0.0.2:4000"),
        address("10.0.0.1:5000"),
    );
    send(&far, 5, 100);
    let outcome = watch.finish();
    let drops = &outcome.stats.drops;
    assert_eq!(drops.without_flow, [Dropped::new("NO_SOCKET", 7)]);
}

fn counts_go_on_after_a_restart() {
    let pair = Pair::new();
    let name = format!("drops{}", std::process::id());
    let options = options().pinning(Pinning::instance(name.clone()).persist(true));
    let near = udp_socket(
        &pair.near,
        address("10.0.0.1:4000"),
        address("10.0.0.2:5000"),
    );
    let mut flows = Vec::new();
    for packets in [5, 6, 7] {
        let mut watch = Watch::open(&pair.far, options.clone());
        send(&near, packets, 100);
        let before = flows.len();
        watch.flows = std::mem::take(&mut flows);
        watch.take_until("a record", |flows| {
            flows.len() > before && sums(flows)[0].iter().map(|it| it.1).sum::<u64>() > 0
        });
        flows = watch.drain().flows;
        // Nobody watches, and the kernel program counts.
        send(&near, 2, 100);
    }
    let last = options.pinning(Pinning::instance(name));
    let mut watch = Watch::open(&pair.far, last);
    watch.flows = flows;
    let outcome = watch.drain();
    assert_eq!(
        sums(&outcome.flows),
        [only("NO_SOCKET", 24), vec![]],
        "{:#?}",
        outcome.flows
    );
}
