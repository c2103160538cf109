//! Directions that listening ports decide, for flows whose beginning was not captured or whose protocol has no connections.

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use mermin_core::{
    Attach, Flow, FlowSourceBuilder,
    flow::{Direction, DirectionRule, Protocol},
    report::Feature,
};

use crate::{
    open_flows::snapshot,
    processes::Inhabitant,
    support::{
        host::{Host, Pair},
        raw,
        traffic::{address, udp_socket},
        wait::until_true,
        watch::{Watch, on, try_open},
    },
};

crate::cases! {
    each_mode listener_is_the_server_of_connections_captured_midway,
    each_mode datagram_server_seen_first_is_the_server,
    case listener_in_another_namespace_is_no_server,
    case listener_started_later_is_found_by_a_later_flow,
    case sockets_bound_to_an_interface_listen,
    case datagram_client_with_a_chosen_port_is_no_server,
    case more_flows_than_the_queue_holds_are_all_looked_up,
}

/// Time in which a new flow is looked up: a sweep, and a look at network namespaces.
const LOOK: Duration = Duration::from_millis(1_500);

const UNKNOWN: (Direction, DirectionRule) = (Direction::Unknown, DirectionRule::FirstPacket);
const ASKED: (Direction, DirectionRule) = (Direction::Forward, DirectionRule::FirstPacket);
const FROM_SERVER: (Direction, DirectionRule) = (Direction::Reverse, DirectionRule::ListeningPort);

fn watch(host: &Host, options: FlowSourceBuilder) -> Watch {
    let source = try_open(host, options.listening_ports(true)).unwrap();
    // Less may be visible here; then the report says so.
    let report = source.report();
    assert!(
        report
            .degradations
            .iter()
            .all(|it| it.feature == Feature::ListeningPorts),
        "{report}"
    );
    Watch::new(source)
}

fn direction(flow: &Flow) -> (Direction, DirectionRule) {
    (flow.direction, flow.direction_rule.unwrap())
}

fn listen(host: &Host, at: &str) -> TcpListener {
    host.run(|| TcpListener::bind(at).unwrap())
}

fn bind(host: &Host, at: &str) -> UdpSocket {
    host.run(|| UdpSocket::bind(at).unwrap())
}

/// Connections to servers of the watched host, which are seen first: bound to all addresses of one version and of both, to one
/// address, gone by now, and with another one's listener at the port instead.
fn listener_is_the_server_of_connections_captured_midway(mode: Attach) {
    let pair = Pair::new();
    pair.add_ipv6();
    let mut listeners = Vec::new();
    let mut connections = Vec::new();
    for (at, server) in [
        ("0.0.0.0:8080", "10.0.0.1:8080"),
        ("[::]:8081", "10.0.0.1:8081"),
        ("[::]:8082", "[fd00::1]:8082"),
        ("10.0.0.1:8083", "10.0.0.1:8083"),
        ("10.0.0.1:8084", "10.0.0.1:8084"),
        ("10.0.0.1:8085", "10.0.0.1:8085"),
        ("10.0.0.1:443", "10.0.0.1:443"),
    ] {
        let listener = listen(&pair.near, at);
        let client = pair.far.run(|| TcpStream::connect(server).unwrap());
        connections.push((listener.accept().unwrap().0, client));
        listeners.push((address(server).port(), listener));
    }
    listeners.retain(|&(port, _)| port < 8084 && port != 443);
    pair.near.shell("ip addr add 10.0.0.9/24 dev v0");
    let elsewhere = listen(&pair.near, "10.0.0.9:8085");
    let off = Watch::open(&pair.near, on("v0").attach(mode));
    let mut watch = watch(&pair.near, on("v0").attach(mode));
    for (server, _) in &mut connections {
        server.write_all(b"late").unwrap();
    }
    watch.take_for(LOOK);
    let (with, without) = (watch.finish(), off.finish());
    for (outcome, listening) in [(&with, FROM_SERVER), (&without, UNKNOWN)] {
        let flows = outcome.flows.iter();
        let tcp: Vec<&Flow> = flows.filter(|it| it.protocol == Protocol::TCP).collect();
        assert_eq!(tcp.len(), connections.len());
        for flow in tcp {
            let expected = match flow.source.port.unwrap() {
                8080..8084 => listening,
                8084 | 8085 => UNKNOWN,
                443 => (Direction::Reverse, DirectionRule::PortNumber),
                other => panic!("the client at port {other} was seen first"),
            };
            assert_eq!(direction(flow), expected, "{flow:#?}");
            assert!(flow.forward.octets.total > flow.reverse.octets.total);
        }
    }
    drop((listeners, elsewhere));
}

/// The end as a socket of both versions needs it.
fn mapped(end: SocketAddr, is_both: bool) -> SocketAddr {
    match end {
        SocketAddr::V4(v4) if is_both => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
        _ => end,
    }
}

/// Datagrams of servers before those of their clients: bound to all addresses of one version and of both, and to one
/// address. Also one of a client that is not connected.
fn datagram_server_seen_first_is_the_server(mode: Attach) {
    let pair = Pair::new();
    pair.add_ipv6();
    let served: Vec<_> = [
        ("0.0.0.0:5353", "10.0.0.1:5353", "10.0.0.2:40000"),
        ("[::]:5354", "10.0.0.1:5354", "10.0.0.2:40001"),
        ("[::]:5355", "[fd00::1]:5355", "[fd00::2]:40002"),
        ("[fd00::1]:5356", "[fd00::1]:5356", "[fd00::2]:40003"),
    ]
    .map(|(at, own, far)| {
        let server = bind(&pair.near, at);
        let ends = [far, own].map(address);
        let to = mapped(ends[0], server.local_addr().unwrap().is_ipv6());
        (server, udp_socket(&pair.far, ends[0], ends[1]), to)
    })
    .into();
    let client = bind(&pair.near, "0.0.0.0:0");
    let _far = bind(&pair.far, "0.0.0.0:5300");
    let mut watch = watch(&pair.near, on("v0").attach(mode));
    for (server, peer, to) in &served {
        server.send_to(b"first", to).unwrap();
        peer.send(b"second").unwrap();
    }
    client.send_to(b"asked", "10.0.0.2:5300").unwrap();
    watch.take_for(LOOK);
    let outcome = watch.finish();
    for port in 5353..5357 {
        let flow = outcome.only(|flow| flow.source.port == Some(port));
        assert_eq!(direction(flow), FROM_SERVER, "{flow:#?}");
        assert_eq!(
            [&flow.forward, &flow.reverse].map(|it| it.packets.total),
            [1, 1]
        );
    }
    let flow = outcome.only(|flow| flow.destination.port == Some(5300));
    assert_eq!(direction(flow), ASKED, "{flow:#?}");
    assert_eq!(outcome.stats.lookups_missed, 0);
}

/// Sockets of the interface that sees the flow, also where another one has the address, of an interface of another
/// network namespace, and of an interface that packets of the flow do not come in at.
fn sockets_bound_to_an_interface_listen() {
    let pair = Pair::new();
    let _inhabitant = Inhabitant::of(&pair);
    pair.add_ipv6();
    let net = format!("10.93.{}", std::process::id() % 250);
    for (host, device, number) in [(&pair.near, "v0", 1), (&pair.far, "v1", 2)] {
        host.shell(&format!("ip addr add fe80::{number}/64 dev {device} nodad"));
        host.shell(&format!("ip addr add {net}.{number}/24 dev {device}"));
    }
    // Packets to this address come in at `v0`.
    pair.link("d0", "d1");
    pair.near.shell("ip addr add 10.0.9.1/32 dev d0");
    pair.far.shell("ip route add 10.0.9.1 via 10.0.0.1");
    let [near, far] = [pair.near.index("v0"), pair.far.index("v1")];
    let link_local = format!("[fe80::1%{near}]:8088");
    let to_link_local = format!("[fe80::1%{far}]:8088");
    let mut kept = Vec::new();
    let mut connections = Vec::new();
    for (at, device, server) in [
        ("0.0.0.0:8080", "v0", "10.0.0.1:8080"),
        ("[::]:8081", "v0", "10.0.0.1:8081"),
        ("[::]:8082", "v0", "[fd00::1]:8082"),
        ("10.0.9.1:8083", "v0", "10.0.9.1:8083"),
        (&*link_local, "v0", &*to_link_local),
        ("0.0.0.0:8089", "v0", "10.0.0.1:8089"),
    ] {
        let listener = listen(&pair.near, at);
        raw::bind_to_device(&listener, device).unwrap();
        let client = pair.far.run(|| TcpStream::connect(server).unwrap());
        connections.push((listener.accept().unwrap().0, client));
        if server == "10.0.0.1:8089" {
            // From now on it listens elsewhere.
            pair.near
                .run(|| raw::bind_to_device(&listener, "d0"))
                .unwrap();
        }
        kept.push(listener);
    }
    let elsewhere = listen(&pair.far, "0.0.0.0:8090");
    raw::bind_to_device(&elsewhere, "v1").unwrap();
    let client = pair
        .near
        .run(|| TcpStream::connect(format!("{net}.2:8090")).unwrap());
    connections.push((elsewhere.accept().unwrap().0, client));
    let datagrams = bind(&pair.near, "0.0.0.0:5353");
    raw::bind_to_device(&datagrams, "v0").unwrap();
    let mut watch = watch(&pair.near, on("v0"));
    for (server, _) in &mut connections {
        server.write_all(b"late").unwrap();
    }
    datagrams.send_to(b"first", "10.0.0.2:40000").unwrap();
    watch.take_for(LOOK);
    let outcome = watch.finish();
    for port in [8080, 8081, 8082, 8083, 8088, 8089, 8090, 5353] {
        let flow = outcome.only(|flow| flow.source.port == Some(port));
        let expected = if port == 8089 { UNKNOWN } else { FROM_SERVER };
        assert_eq!(direction(flow), expected, "{flow:#?}");
    }
}

/// An unconnected client looks like a server. Its peer, of another host, has no port that systems choose.
fn datagram_client_with_a_chosen_port_is_no_server() {
    let pair = Pair::new();
    // No other test has this address of a peer, whose network namespace has no process.
    let net = format!("10.92.{}", std::process::id() % 250);
    for (host, device, number) in [(&pair.near, "v0", 1), (&pair.far, "v1", 2)] {
        host.shell(&format!("ip addr add {net}.{number}/24 dev {device}"));
    }
    let _far = bind(&pair.far, "0.0.0.0:5080");
    let client = bind(&pair.near, "0.0.0.0:5060");
    let mut watch = watch(&pair.near, on("v0"));
    client.send_to(b"asked", format!("{net}.2:5080")).unwrap();
    watch.take_for(LOOK);
    let outcome = watch.finish();
    let flow = outcome.only(|flow| flow.source.port == Some(5060));
    assert_eq!(direction(flow), ASKED, "{flow:#?}");
}

/// CPU time of the thread of look-ups so far, if there is one (`schedstat`, proc(5)).
fn lookup_time() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let folders = tasks.filter_map(|task| Some(task.ok()?.path()));
    folders
        .filter(|task| {
            let name = fs::read_to_string(task.join("comm"));
            name.is_ok_and(|name| name.trim() == "mermin-process")
        })
        .filter_map(|task| {
            let times = fs::read_to_string(task.join("schedstat")).ok()?;
            Some(Duration::from_nanos(times.split(' ').next()?.parse().ok()?))
        })
        .sum()
}

/// A server is seen before 30,000 clients at once, and the queue of look-ups has room for 8,192 of them.
fn more_flows_than_the_queue_holds_are_all_looked_up() {
    const CLIENTS: u16 = 10_000;
    const FLOWS: u32 = 3 * CLIENTS as u32;
    let pair = Pair::new();
    // The far host drops them, because it forwards nothing.
    pair.near.shell("ip route add 10.9.0.0/24 via 10.0.0.2");
    let server = bind(&pair.near, "0.0.0.0:6000");
    for is_on in [true, false] {
        let options = on("v0")
            .max_flows(1 << 16)
            .udp_timeout(Duration::from_secs(600))
            .active_timeout(Duration::from_secs(600));
        let mut watch = if is_on {
            watch(&pair.near, options)
        } else {
            Watch::open(&pair.near, options)
        };
        for port in 32_768..32_768 + CLIENTS {
            for last in 2..5 {
                let client = (Ipv4Addr::new(10, 9, 0, last), port);
                server.send_to(b"first", client).unwrap();
            }
        }
        let expected = if is_on { FROM_SERVER } else { ASKED };
        let mut sweep = Duration::ZERO;
        // A sweep asks about some of them, so a busy machine takes as many sweeps as an idle one, and longer.
        until_true("results of all flows", || {
            watch.take_for(Duration::from_millis(20));
            sweep = sweep.max(watch.stats().last_sweep);
            let open = snapshot(&watch.handle);
            open.iter()
                .filter(|flow| direction(flow) == expected)
                .count()
                == FLOWS as usize
        });
        let time = lookup_time() / FLOWS;
        let outcome = watch.finish();
        let all = outcome
            .flows
            .iter()
            .filter(|flow| direction(flow) == expected);
        assert_eq!(all.count(), FLOWS as usize);
        assert_eq!(outcome.stats.lookups_missed, 0);
        eprintln!("lookups: {is_on}, {time:?} of CPU a flow, longest sweep {sweep:?}");
    }
}

/// Both ports have a listener in the other namespace as well: without a look at whose address it is, both ends would be servers.
fn listener_in_another_namespace_is_no_server() {
    let pair = Pair::new();
    let _inhabitant = Inhabitant::of(&pair);
    // Other tests use the usual addresses at the same time, and two namespaces that disagree give no result.
    let net = format!("10.91.{}", std::process::id() % 250);
    for (host, device, number) in [(&pair.near, "v0", 1), (&pair.far, "v1", 2)] {
        host.shell(&format!("ip addr add {net}.{number}/24 dev {device}"));
    }
    let client: SocketAddr = address(&format!("{net}.1:9000"));
    let server: SocketAddr = address(&format!("{net}.2:8080"));
    let own = udp_socket(&pair.near, client, server);
    let others = [
        bind(&pair.near, "0.0.0.0:8080"),
        bind(&pair.far, "0.0.0.0:9000"),
    ];
    let listener = bind(&pair.far, "0.0.0.0:8080");
    let mut watch = watch(&pair.near, on("v0"));
    listener.send_to(b"first", client).unwrap();
    own.send(b"second").unwrap();
    watch.take_for(LOOK);
    let outcome = watch.finish();
    let flow = outcome.only(|flow| flow.source.port == Some(8080));
    assert_eq!(direction(flow), FROM_SERVER, "{flow:#?}");
    drop(others);
}

/// The socket is made when sockets have been looked at, and again in a later flow when that one is closed.
fn listener_started_later_is_found_by_a_later_flow() {
    let pair = Pair::new();
    let mut watch = watch(&pair.near, on("v0"));
    let [first, second] = ["10.0.0.2:40001", "10.0.0.2:40002"].map(address);
    let peers = [first, second].map(|end| bind(&pair.far, &end.to_string()));
    let server = bind(&pair.near, "0.0.0.0:6000");
    server.send_to(b"listens", first).unwrap();
    watch.take_for(LOOK);
    drop(server);
    // Connected, it listens no more.
    let connected = udp_socket(&pair.near, address("10.0.0.1:6000"), second);
    connected.send(b"is connected").unwrap();
    watch.take_for(LOOK);
    let outcome = watch.finish();
    let flow = outcome.only(|flow| flow.destination.port == Some(40_001));
    assert_eq!(direction(flow), FROM_SERVER, "{flow:#?}");
    let flow = outcome.only(|flow| flow.destination.port == Some(40_002));
    assert_eq!(direction(flow), ASKED, "{flow:#?}");
    drop(peers);
}
