//! Directions that listening ports decide, for flows that were captured midstream or whose protocol has no connections.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use mermin_core::{
    Attach, Flow, FlowSourceBuilder,
    flow::{Direction, DirectionRule, Protocol},
    report::Feature,
};

use crate::{
    processes::Inhabitant,
    support::{
        host::{Host, Pair},
        traffic::{address, udp_socket},
        watch::{Watch, on, try_open},
    },
};

crate::cases! {
    each_mode listener_is_the_server_of_connections_captured_midway,
    each_mode datagram_server_seen_first_is_the_server,
    case listener_in_another_namespace_is_no_server,
    case listener_started_later_is_found_by_a_later_flow,
}

/// Time in which a new flow is looked up: a sweep, and a look at network namespaces.
const LOOK: Duration = Duration::from_millis(1_500);

const UNKNOWN: (Direction, DirectionRule) = (Direction::Unknown, DirectionRule::FirstPacket);
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

fn told(flow: &Flow) -> (Direction, DirectionRule) {
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
            assert_eq!(told(flow), expected, "{flow:#?}");
            assert!(flow.forward.octets.total > flow.reverse.octets.total);
        }
    }
    drop((listeners, elsewhere));
}

/// Datagrams of a server before those of its client, and of a client that is not connected.
fn datagram_server_seen_first_is_the_server(mode: Attach) {
    let pair = Pair::new();
    let server = bind(&pair.near, "0.0.0.0:5353");
    let ends = ["10.0.0.2:4000", "10.0.0.1:5353"].map(address);
    let peer = udp_socket(&pair.far, ends[0], ends[1]);
    let client = bind(&pair.near, "0.0.0.0:0");
    let _far = bind(&pair.far, "0.0.0.0:5300");
    let mut watch = watch(&pair.near, on("v0").attach(mode));
    server.send_to(b"first", ends[0]).unwrap();
    peer.send(b"second").unwrap();
    client.send_to(b"asked", "10.0.0.2:5300").unwrap();
    watch.take_for(LOOK);
    let outcome = watch.finish();
    let flow = outcome.only(|flow| flow.source.port == Some(5353));
    assert_eq!(told(flow), FROM_SERVER, "{flow:#?}");
    assert_eq!(
        [&flow.forward, &flow.reverse].map(|it| it.packets.total),
        [1, 1]
    );
    let flow = outcome.only(|flow| flow.destination.port == Some(5300));
    let asked = (Direction::Forward, DirectionRule::FirstPacket);
    assert_eq!(told(flow), asked, "{flow:#?}");
    assert_eq!(outcome.stats.lookups_missed, 0);
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
    assert_eq!(told(flow), FROM_SERVER, "{flow:#?}");
    drop(others);
}

/// The socket is made when sockets have been looked at, and again in a later flow when that one is closed.
fn listener_started_later_is_found_by_a_later_flow() {
    let pair = Pair::new();
    let mut watch = watch(&pair.near, on("v0"));
    let [first, second] = ["10.0.0.2:4001", "10.0.0.2:4002"].map(address);
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
    let flow = outcome.only(|flow| flow.destination.port == Some(4001));
    assert_eq!(told(flow), FROM_SERVER, "{flow:#?}");
    let flow = outcome.only(|flow| flow.destination.port == Some(4002));
    let asked = (Direction::Forward, DirectionRule::FirstPacket);
    assert_eq!(told(flow), asked, "{flow:#?}");
    drop(peers);
}
