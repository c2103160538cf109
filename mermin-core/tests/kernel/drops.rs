//! Packets that the kernel drops, against the counters of those who drop them.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::Path,
    time::Duration,
};

use mermin_core::{
    Degradation, Flow, FlowSource, FlowSourceBuilder, Join, Pinning,
    filter::{Filter, Rule},
    flow::Dropped,
    lab::{Fault, frame::Segment, with_fault},
    report::{CheckKind, Feature, Outcome},
};
use rustix::{
    net::{AddressFamily, SocketType, sockopt},
    thread::{CpuSet, sched_setaffinity},
};

use crate::{
    restart::{instance_name, layout, pins},
    support::{
        frame::{self, ACK, SYN},
        host::{Host, Pair},
        object::without_drops,
        raw,
        skip::skip,
        traffic::{address, bind_udp, counter, udp_socket},
        wait::{LONGEST, until_true, within},
        watch::{Watch, on, shut, try_open},
    },
};

crate::cases! {
    case packets_that_the_firewall_drops_are_its_own_count,
    case packets_without_a_socket_or_without_room_are_dropped,
    case ends_of_connections_and_answers_to_pings_are_taken,
    case each_reason_is_the_kernels,
    case packets_translated_or_dropped_before_the_hook_are_of_no_flow,
    case packets_of_no_flow_are_counted_by_reason,
    case counts_go_on_after_a_restart,
    case pins_that_cannot_be_opened_are_replaced,
    case pins_that_cannot_be_replaced_leave_drops_uncounted,
    case drops_of_ipv6_are_counted_in_their_flows,
    case segments_out_of_order_are_found_by_their_socket,
    case drops_of_suppressed_records_are_counted,
    case drops_of_joined_records_are_counted,
    case no_dropped_packet_is_lost_where_drops_interrupt_one_another,
    case refused_counting_stays_off_until_it_is_possible,
    case preflight_tries_to_count,
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
    let [ports, buffers] =
        ["NoPorts", "RcvbufErrors"].map(|name| counter(&pair.far, "snmp", "Udp:", name));
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

/// Sends datagrams from a port of their own. The number of them.
fn datagrams(pair: &Pair, to: SocketAddr, count: u64, octets: usize) -> u64 {
    let socket = pair.near.run(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    for _ in 0..count {
        socket.send_to(&vec![7; octets], to).unwrap();
    }
    count
}

/// Something that may be a drop.
struct Loss {
    what: &'static str,
    to: &'static str,
    /// The reason that the kernel gives; none if nothing counts as dropped.
    reason: Option<&'static str>,
    /// Has it happen, and says how many packets were dropped.
    happen: fn(&Pair, SocketAddr) -> u64,
}

/// The far host is a router as well: behind it are 10.2.0.5, which takes all, and 10.2.0.66, which is away.
const LOSSES: [Loss; 11] = [
    Loss {
        what: "the hop limit is reached",
        to: "10.2.0.5:6001",
        reason: Some("IP_INHDR"),
        happen: |pair, to| {
            let socket = pair.near.run(|| UdpSocket::bind("0.0.0.0:0").unwrap());
            socket.set_ttl(1).unwrap();
            for _ in 0..3 {
                socket.send_to(&[7; 100], to).unwrap();
            }
            3
        },
    },
    Loss {
        what: "there is no route",
        to: "10.2.9.9:6002",
        reason: Some("IP_INNOROUTES"),
        happen: |pair, to| datagrams(pair, to, 4, 100),
    },
    Loss {
        what: "it is longer than the link takes, and must not be fragmented",
        to: "10.2.0.5:6003",
        reason: Some("PKT_TOO_BIG"),
        // The sender fragments those behind it, as it is told.
        happen: |pair, to| datagrams(pair, to, 1, 1000),
    },
    Loss {
        what: "the neighbour does not answer",
        to: "10.2.0.66:6004",
        reason: Some("NEIGH_FAILED"),
        happen: |pair, to| {
            let sent = datagrams(pair, to, 2, 100);
            until_true("the neighbour to be given up", || {
                let neighbours = pair.far.shell("ip neigh show 10.2.0.66 dev v3");
                neighbours.contains("FAILED")
            });
            sent
        },
    },
    Loss {
        what: "the firewall drops what it would forward",
        to: "10.2.0.5:6005",
        reason: Some("NETFILTER_DROP"),
        happen: |pair, to| {
            datagrams(pair, to, 5, 100);
            counted(&pair.far, "forward")
        },
    },
    Loss {
        what: "the firewall drops at ingress",
        to: "10.0.0.2:6006",
        reason: Some("NETFILTER_DROP"),
        happen: |pair, to| datagrams(pair, to, 6, 100),
    },
    Loss {
        what: "a reset is processed",
        to: "10.0.0.2:6007",
        reason: None,
        happen: |pair, to| {
            let [near, mut far] = connected(pair, to);
            sockopt::set_socket_linger(&near, Some(Duration::ZERO)).unwrap();
            drop(near);
            let error = far.read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            0
        },
    },
    Loss {
        what: "data comes to a closed connection",
        to: "10.0.0.2:6008",
        reason: Some("TCP_ABORT_ON_DATA"),
        happen: |pair, to| {
            let [mut near, far] = connected(pair, to);
            drop(far);
            assert_eq!(near.read(&mut [0]).unwrap(), 0);
            near.write_all(b"late").unwrap();
            until_true("the reset", || near.take_error().unwrap().is_some());
            counter(&pair.far, "netstat", "TcpExt:", "TCPAbortOnData")
        },
    },
    Loss {
        what: "data was not read before the connection was closed",
        to: "10.0.0.2:6009",
        reason: None,
        happen: |pair, to| {
            let [mut near, far] = connected(pair, to);
            near.write_all(b"unread").unwrap();
            until_true("the data", || far.peek(&mut [0; 16]).unwrap() == 6);
            drop(far);
            until_true("the reset", || near.take_error().unwrap().is_some());
            0
        },
    },
    Loss {
        what: "the accept queue is full",
        to: "10.0.0.2:6010",
        reason: None,
        happen: |pair, to| {
            let listener = pair.far.run(|| {
                let socket =
                    rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
                rustix::net::bind(&socket, &to).unwrap();
                rustix::net::listen(&socket, 0).unwrap();
                socket
            });
            let first = pair.near.run(|| TcpStream::connect(to).unwrap());
            let limit = Duration::from_millis(300);
            let second = pair.near.run(|| TcpStream::connect_timeout(&to, limit));
            assert_eq!(second.unwrap_err().kind(), ErrorKind::TimedOut);
            assert!(counter(&pair.far, "netstat", "TcpExt:", "ListenOverflows") > 0);
            drop((first, listener));
            0
        },
    },
    Loss {
        what: "the queue of the link is full",
        to: "10.2.0.5:6011",
        reason: Some("QDISC_DROP"),
        happen: |pair, to| {
            pair.far
                .shell("tc qdisc add dev v3 root tbf rate 8kbit burst 1600 limit 3000");
            datagrams(pair, to, 40, 500);
            let mut dropped = 0;
            until_true("the queue to take all", || {
                let said = pair.far.shell("tc -s -j qdisc show dev v3");
                let queues: serde_json::Value = serde_json::from_str(&said).unwrap();
                let of = |name: &str| queues[0][name].as_u64().unwrap();
                dropped = of("drops");
                of("packets") + of("qlen") + dropped >= 40
            });
            dropped
        },
    },
];

/// Both ends of a connection to the far host.
fn connected(pair: &Pair, to: SocketAddr) -> [TcpStream; 2] {
    let listener = pair.far.run(|| TcpListener::bind(to).unwrap());
    let near = pair.near.run(|| TcpStream::connect(to).unwrap());
    [near, listener.accept().unwrap().0]
}

/// Of each thing that happens to packets, the record has what the kernel counts, under its reason, and nothing of what is no drop.
fn each_reason_is_the_kernels() {
    let pair = Pair::new();
    pair.join(1);
    pair.near.shell("ip route add 10.2.0.0/16 via 10.0.0.2");
    pair.far.set("ipv4/ip_forward", "1");
    pair.far.set("ipv4/neigh/v3/retrans_time_ms", "50");
    pair.far.batch(
        "link set v3 mtu 600
         route add 10.2.0.0/24 dev v3
         neighbor replace 10.2.0.5 lladdr 02:00:00:00:00:01 dev v3 nud permanent",
    );
    firewall(
        &pair.far,
        "add table ip mermin
         add counter ip mermin forward
         add chain ip mermin on { type filter hook forward priority 0 ; }
         add rule ip mermin on udp dport 6005 counter name forward drop
         add table netdev mermin
         add chain netdev mermin in { type filter hook ingress device v1 priority 0 ; }
         add rule netdev mermin in udp dport 6006 drop",
    );
    let watch = Watch::open(&pair.far, options());
    let dropped = LOSSES
        .each_ref()
        .map(|loss| (loss.happen)(&pair, address(loss.to)));
    let outcome = watch.finish();
    for (loss, dropped) in LOSSES.iter().zip(dropped) {
        let flows = of_port(&outcome.flows, address(loss.to).port());
        assert!(!flows.is_empty(), "{}", loss.what);
        let expected = loss
            .reason
            .map_or_else(Vec::new, |reason| only(reason, dropped));
        assert_eq!(dropped > 0, loss.reason.is_some(), "{}", loss.what);
        assert_eq!(
            sums(&flows),
            [expected, vec![]],
            "{}: {flows:#?}",
            loss.what
        );
    }
    let drops = &outcome.stats.drops;
    assert_eq!(drops.without_flow, [], "{drops:?}");
}

/// Behind DNAT a packet has other ports than its flow at the interface, and an XDP program drops before there is a flow.
fn packets_translated_or_dropped_before_the_hook_are_of_no_flow() {
    let pair = Pair::new();
    pair.join(1);
    firewall(
        &pair.far,
        "add table ip mermin
         add chain ip mermin pre { type nat hook prerouting priority -100 ; }
         add rule ip mermin pre udp dport 6021 redirect to :6022
         add counter ip mermin in
         add chain ip mermin in { type filter hook input priority 0 ; }
         add rule ip mermin in udp dport 6022 counter name in drop",
    );
    let index = pair.far.index("v3");
    let xdp = pair.far.run(|| raw::drop_by_xdp(index).unwrap());
    let watch = Watch::open(&pair.far, options().interfaces(["v1", "v3"]));
    datagrams(&pair, address("10.0.0.2:6021"), 5, 100);
    let before_the_hook = datagrams(&pair, address("10.0.1.2:6023"), 7, 100);
    until_true("all to be dropped", || {
        let dropped = watch.stats().drops.without_flow;
        dropped.iter().map(|one| one.packets).sum::<u64>() >= 12
    });
    let outcome = watch.finish();
    drop(xdp);
    assert_eq!(
        sums(&outcome.flows),
        [vec![], vec![]],
        "{:#?}",
        outcome.flows
    );
    assert_eq!(of_port(&outcome.flows, 6023), []);
    let mut dropped = outcome.stats.drops.without_flow;
    dropped.sort_by_key(|one| one.packets);
    let translated = counted(&pair.far, "in");
    assert_eq!(translated, 5);
    assert_eq!(
        dropped,
        [
            Dropped::new("NETFILTER_DROP", translated),
            Dropped::new("NOT_SPECIFIED", before_the_hook),
        ]
    );
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

/// Opens a pinned source in which the pins of the program that counts dropped packets are changed while no process runs, and takes the change
/// back before the source is closed; five packets are dropped before and seven after. Returns the rows and records.
fn with_changed_pins(change: fn(&Path), back: fn(&Path)) -> (Vec<Degradation>, Vec<Flow>) {
    let pair = Pair::new();
    let name = instance_name();
    let near = udp_socket(
        &pair.near,
        address("10.0.0.1:4000"),
        address("10.0.0.2:5000"),
    );
    let pinning = Pinning::instance(&name).persist(true);
    let mut watch = Watch::open(&pair.far, options().pinning(pinning));
    send(&near, 5, 100);
    watch.take_until("a record of dropped packets", |flows| {
        !sums(flows)[0].is_empty()
    });
    let flows = watch.drain().flows;
    let layout = layout(&name);
    assert!(layout.join("drop_link").exists(), "the link is pinned");
    change(&layout);
    let source = try_open(&pair.far, options().pinning(Pinning::instance(&name))).unwrap();
    assert!(source.report().recovered.is_some());
    let rows = source.report().degradations;
    let mut watch = Watch::new(source);
    watch.flows = flows;
    send(&near, 7, 100);
    back(&layout);
    let outcome = watch.drain();
    assert!(!pins(&name).exists());
    (rows, outcome.flows)
}

fn pins_that_cannot_be_opened_are_replaced() {
    let changes: [fn(&Path); 2] = [
        |directory| fs::remove_file(directory.join("drop_program")).unwrap(),
        |directory| fs::remove_file(directory.join("drop_link")).unwrap(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (rows, flows) = with_changed_pins(change, |_| ());
        assert_eq!(sums(&flows), [only("NO_SOCKET", 12), vec![]], "{flows:#?}");
        // A process that was killed before it had pinned the link leaves none as well.
        let expected: &[Feature] = [&[Feature::Drops][..], &[]][number];
        let features: Vec<_> = rows.iter().map(|row| row.feature).collect();
        assert_eq!(features, expected, "{rows:?}");
        if let [row] = &rows[..] {
            assert!(row.cause.contains("`drop_program`"), "{row:?}");
            assert!(row.fallback.contains("another program"), "{row:?}");
        }
    }
}

/// A directory has the name of the pin.
fn pins_that_cannot_be_replaced_leave_drops_uncounted() {
    let (rows, flows) = with_changed_pins(
        |directory| {
            let pin = directory.join("drop_link");
            fs::remove_file(&pin).unwrap();
            fs::create_dir(pin).unwrap();
        },
        |directory| fs::remove_dir(directory.join("drop_link")).unwrap(),
    );
    assert_eq!(sums(&flows), [only("NO_SOCKET", 5), vec![]], "{flows:#?}");
    let [row] = &rows[..] else {
        panic!("one row: {rows:?}")
    };
    assert_eq!(row.feature, Feature::Drops);
    assert!(row.fallback.contains("are not counted"), "{row:?}");
    assert!(row.cause.contains("drop_link"), "{row:?}");
}

fn drops_of_ipv6_are_counted_in_their_flows() {
    let pair = Pair::new();
    pair.add_ipv6();
    firewall(
        &pair.far,
        "add table ip6 mermin
         add chain ip6 mermin in { type filter hook input priority 0 ; }
         add rule ip6 mermin in udp dport 5001 drop",
    );
    let watch = Watch::open(&pair.far, options());
    for (port, datagrams) in [(5000, 12), (5001, 9)] {
        let peer = SocketAddr::new("fd00::2".parse().unwrap(), port);
        let near = udp_socket(&pair.near, address("[fd00::1]:4000"), peer);
        send(&near, datagrams, 100);
    }
    let refused = pair.near.run(|| TcpStream::connect("[fd00::2]:5002"));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    until_true("the datagrams to arrive", || {
        watch.stats().packets >= 12 + 9 + 2
    });
    let outcome = watch.finish();
    for (port, expected) in [
        (5000, only("NO_SOCKET", 12)),
        (5001, only("NETFILTER_DROP", 9)),
        (5002, only("NO_SOCKET", 1)),
    ] {
        let found = sums(&of_port(&outcome.flows, port));
        assert_eq!(found, [expected, vec![]], "{:#?}", outcome.flows);
    }
}

/// Segments out of order wait in a tree, where a buffer has a pointer to another one in place of its device. One that covers them has them
/// dropped.
fn segments_out_of_order_are_found_by_their_socket() {
    /// Segments that wait, and the octets of each and of each gap.
    const SEGMENTS: u32 = 15;
    const LENGTH: u32 = 10;
    /// `struct virtio_net_hdr` of a sender that leaves the checksum at octet 16 of the TCP header to the card: nobody looks at it.
    const UNSUMMED: [u8; 10] = {
        let (start, offset) = (20_u16.to_ne_bytes(), 16_u16.to_ne_bytes());
        [1, 0, 0, 0, 0, 0, start[0], start[1], offset[0], offset[1]]
    };
    const TCP_AT: usize = UNSUMMED.len() + 20;
    let host = Host::new();
    let device = match host.run(|| raw::guest("t0")) {
        Ok(device) => device,
        Err(error) => skip(format!("cannot make a tun device: {error}")),
    };
    host.shell("ip link set t0 up");
    host.shell("ip addr add 10.1.0.1/24 dev t0");
    let mut watch = Watch::open(&host, options().interfaces(["t0"]));
    let [server, client] = [address("10.1.0.1:5000"), address("10.1.0.2:4000")];
    let listener = host.run(|| TcpListener::bind(server).unwrap());
    let write = |flags, sequence, acknowledgment, octets: u32| {
        let segment = Segment {
            flags,
            sequence,
            acknowledgment,
            window: 1 << 15,
            payload: &vec![7; octets as usize],
        };
        let packet = [&UNSUMMED[..], &frame::tcp_of(client, server, &segment)].concat();
        (&device).write_all(&packet).unwrap();
    };
    write(SYN, 0, 0, 0);
    let own = loop {
        let mut packet = [0; 2000];
        let length = (&device).read(&mut packet).unwrap();
        if length >= TCP_AT + 20 && packet[TCP_AT + 13] == SYN | ACK {
            let sequence: [u8; 4] = packet[TCP_AT + 4..TCP_AT + 8].try_into().unwrap();
            break u32::from_be_bytes(sequence) + 1;
        }
    };
    write(ACK, 1, own, 0);
    let accepted = listener.accept().unwrap();
    for number in 0..SEGMENTS {
        write(ACK, 1 + LENGTH + 2 * LENGTH * number, own, LENGTH);
    }
    write(ACK, 1 + LENGTH / 2, own, 2 * LENGTH * SEGMENTS);
    watch.take_until("a record of dropped packets", |flows| {
        !sums(flows)[0].is_empty()
    });
    let outcome = watch.finish();
    let expected = [only("TCP_OFOMERGE", SEGMENTS.into()), vec![]];
    assert_eq!(sums(&outcome.flows), expected, "{:#?}", outcome.flows);
    drop(accepted);
}

fn all(sums: &[Vec<(String, u64)>; 2]) -> u64 {
    sums.iter().flatten().map(|(_, packets)| packets).sum()
}

/// The filter rejects one of two flows, of which a pinned source counts the drops as well.
fn drops_of_suppressed_records_are_counted() {
    let pair = Pair::new();
    let mut filter = Filter::default();
    filter.destination.port = Rule::not_matching([5000]).unwrap();
    let name = format!("suppressed{}", std::process::id());
    let options = options().filter(filter);
    let [rejected, wanted] = [(4000, 5000), (4001, 5001)].map(|(own, port)| {
        udp_socket(
            &pair.near,
            SocketAddr::new([10, 0, 0, 1].into(), own),
            SocketAddr::new([10, 0, 0, 2].into(), port),
        )
    });
    let mut flows = Vec::new();
    for persist in [true, false] {
        let pinning = Pinning::instance(name.clone()).persist(persist);
        let mut watch = Watch::open(&pair.far, options.clone().pinning(pinning));
        let before = watch.stats().drops.suppressed;
        send(&rejected, 20, 100);
        send(&wanted, 7, 100);
        // The flow goes on, and its records are suppressed one by one.
        until_true("a suppressed record with drops", || {
            watch.stats().drops.suppressed > before
        });
        send(&rejected, 5, 100);
        watch.flows = std::mem::take(&mut flows);
        let outcome = watch.drain();
        flows = outcome.flows;
        if !persist {
            let drops = &outcome.stats.drops;
            assert_eq!(drops.suppressed, 2 * 25, "{drops:?}");
            assert_eq!((&drops.without_flow, drops.taken), (&vec![], 0));
        }
    }
    assert_eq!(sums(&flows), [only("NO_SOCKET", 14), vec![]], "{flows:#?}");
}

/// The bridge's port sees each packet first and has the records, and the bridge is the device where packets are dropped.
fn drops_of_joined_records_are_counted() {
    let pair = Pair::new();
    pair.far.batch(
        "link add b0 type bridge
         link set v1 master b0
         address del 10.0.0.2/24 dev v1
         link set b0 address 02:00:00:00:00:02 up
         address add 10.0.0.2/24 dev b0
         neighbor replace 10.0.0.1 lladdr 02:00:00:00:00:01 dev b0 nud permanent",
    );
    pair.far.await_carrier("b0");
    let options = options().interfaces(["v1", "b0"]).join(Join::FirstSeen);
    let watch = Watch::open(&pair.far, options);
    let near = udp_socket(
        &pair.near,
        address("10.0.0.1:4000"),
        address("10.0.0.2:5000"),
    );
    send(&near, 20, 100);
    until_true("the datagrams to arrive", || watch.stats().packets >= 40);
    let outcome = watch.finish_filtered();
    let drops = &outcome.stats.drops;
    assert_eq!(
        all(&sums(&outcome.flows)) + drops.suppressed,
        20,
        "{drops:?}"
    );
    assert_eq!(drops.without_flow, []);
}

/// A process has its packets dropped by its own firewall, and a timer sends others in between, which no socket takes. The kernel keeps a
/// program that it interrupts from those, and says how often.
fn no_dropped_packet_is_lost_where_drops_interrupt_one_another() {
    const MISSED: u64 = 5;
    let pair = Pair::new();
    firewall(
        &pair.far,
        "add table ip mermin
         add chain ip mermin out { type filter hook output priority 0 ; }
         add rule ip mermin out udp sport 5001 drop",
    );
    pair.near
        .shell("tc qdisc add dev v0 root tbf rate 4mbit burst 1600 latency 400ms");
    let name = format!("interrupted{}", std::process::id());
    let [client, server] = [address("10.0.0.1:4001"), address("10.0.0.2:5001")];
    let near = pair.near.run(|| bind_udp(client));
    let far = udp_socket(&pair.far, server, client);
    let mut dropped = 0;
    let mut flows = Vec::new();
    let mut missed = 0;
    for persist in [true, false] {
        let pinning = Pinning::instance(name.clone()).persist(persist);
        let mut watch = Watch::open(&pair.far, options().pinning(pinning));
        assert!(watch.stats().drops.missed >= missed);
        let target = watch.stats().drops.missed + MISSED;
        until_true("a drop that interrupts another one", || {
            let mut cpu = CpuSet::new();
            cpu.set(0);
            sched_setaffinity(None, &cpu).unwrap();
            // More than the queue lets through at once.
            for _ in 0..20 {
                near.send_to(&[7; 100], "10.0.0.2:5000").unwrap();
            }
            for _ in 0..2000 {
                far.send(&[7; 100]).unwrap_err();
            }
            dropped += 20 + 2000;
            watch.stats().drops.missed >= target
        });
        missed = watch.stats().drops.missed;
        // Those on their way.
        std::thread::sleep(Duration::from_millis(50));
        watch.flows = std::mem::take(&mut flows);
        let outcome = watch.drain();
        flows = outcome.flows;
        if persist {
            // Its flows are open still.
            continue;
        }
        let drops = outcome.stats.drops;
        let told: u64 = drops.without_flow.iter().map(|one| one.packets).sum();
        let counted = all(&sums(&flows)) + told + drops.taken;
        assert!(counted <= dropped, "{counted} of {dropped}: {drops:?}");
        // The kernel's count is of the whole host, on which other tests run.
        let least = dropped - drops.missed;
        assert!(counted >= least, "{counted} of {dropped}: {drops:?}");
    }
}

fn drop_rows(source: &FlowSource) -> Vec<Feature> {
    let rows = source.report().degradations;
    rows.iter().map(|row| row.feature).collect()
}

/// The first two processes have a program that the kernel refuses, and the third has a good one.
fn refused_counting_stays_off_until_it_is_possible() {
    let pair = Pair::new();
    let name = format!("refused{}", std::process::id());
    let pinned = options().pinning(Pinning::instance(name.clone()).persist(true));
    let refused = with_fault(pinned.clone(), Fault::Object(without_drops()));
    let near = udp_socket(
        &pair.near,
        address("10.0.0.1:4000"),
        address("10.0.0.2:5000"),
    );
    for start in 0..2 {
        let source = try_open(&pair.far, refused.clone()).unwrap();
        assert_eq!(drop_rows(&source), [Feature::Drops]);
        assert_eq!(source.report().recovered.is_some(), start != 0);
        send(&near, 5, 100);
        shut(source);
    }
    // A new instance: the old one has no room for the counts.
    let source = try_open(&pair.far, pinned).unwrap();
    assert_eq!(drop_rows(&source), [Feature::Restart]);
    assert!(source.report().recovered.is_none());
    shut(source);
    // That one is taken over, and counts.
    let last = options().pinning(Pinning::instance(name));
    let watch = Watch::open(&pair.far, last);
    send(&near, 5, 100);
    let outcome = watch.drain();
    assert_eq!(sums(&outcome.flows), [only("NO_SOCKET", 5), vec![]]);
}

fn preflight_tries_to_count() {
    const BPF_RAW_TRACEPOINT_OPEN: u32 = 17;
    let asked = |options: &FlowSourceBuilder| {
        let report = within(LONGEST, options.preflight())
            .expect("preflight hangs")
            .unwrap();
        let check = report
            .checks
            .iter()
            .find(|check| check.subject == CheckKind::Drops);
        let check = check.map(|check| (check.outcome, check.needed, check.found.to_string()));
        (check, report.can_capture(), report.degradations)
    };
    let on = on("lo");
    let host = Host::new();
    host.shell("ip link set lo up");
    host.run(|| {
        assert_eq!(asked(&on).0, None);
        let on = on.drops(true);
        let (check, can_capture, rows) = asked(&on);
        let (outcome, needed, found) = check.unwrap();
        assert_eq!((outcome, needed), (Outcome::Passed, false), "{found}");
        assert!(can_capture && rows.is_empty(), "{rows:?}");
        let bad = with_fault(on.clone(), Fault::Object(without_drops()));
        let refused = |options: &FlowSourceBuilder, why: &str| {
            let (check, can_capture, rows) = asked(options);
            let (outcome, needed, found) = check.unwrap();
            assert_eq!((outcome, needed), (Outcome::Failed, false));
            assert!(can_capture && found.contains(why), "{found}");
            let opened = within(LONGEST, options.clone().open()).unwrap().unwrap();
            // The verifier's log has addresses.
            let words = |rows: &[Degradation]| {
                let word =
                    |row: &Degradation| (row.feature, row.fallback.clone(), row.remedy.clone());
                rows.iter().map(word).collect::<Vec<_>>()
            };
            assert_eq!(words(&rows), words(&opened.report().degradations));
            shut(opened);
        };
        refused(&bad, "the verifier says");
        assert!(!asked(&bad.strict(true)).1);
        raw::refuse_bpf(BPF_RAW_TRACEPOINT_OPEN, libc::EPERM).unwrap();
        refused(&on, "`skb:kfree_skb` cannot be used");
        let (check, can_capture, _) = asked(&on.strict(true));
        assert!(check.unwrap().1 && !can_capture);
    });
}
