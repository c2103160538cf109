//! The kernel's values of TCP sockets, compared with those of `ss -ti`.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use mermin_core::{
    Attach, Flow,
    flow::{Protocol, TcpSocket, TcpSockets},
    lab::frame::flag::{ACK, SYN},
};

use rustix::net::{AddressFamily, SendFlags, SocketType, connect, ipproto, send, socket};

use crate::support::{
    frame,
    host::{Host, Pair},
    path::{Fate, Path},
    traffic::{Injector, address, udp_dialogue},
    wait::until_true,
    watch::{Watch, on},
};

crate::cases! {
    each_mode values_are_those_of_the_sockets,
    each_mode reused_slot_has_no_socket,
    case routed_packets_have_no_socket,
    case packets_from_a_wire_have_no_socket,
    case loopback_has_no_socket,
    case raw_sockets_are_no_connections,
    case listeners_and_closed_connections_have_no_values,
}

/// Octets of an IPv4 header without options.
const IP_HEADER: usize = 20;

/// Fields of `ss -tin`.
#[derive(Debug)]
struct Shown {
    /// In microseconds.
    round_trip: u32,
    retransmissions: u32,
    delivered: u32,
    congestion_window: u32,
}

impl Shown {
    /// Reads the connection with this port of the named end.
    fn read(host: &Host, filter: &str) -> Self {
        let said = host.shell(&format!("ss -tinH state established {filter}"));
        let word = |name: &str| {
            let mut words = said.split_whitespace();
            words.find_map(|word| word.strip_prefix(name))
        };
        let number = |name| word(name).map_or(0, |text| text.parse().unwrap());
        let first = |text: &str| {
            let milliseconds: f64 = text.split('/').next().unwrap().parse().unwrap();
            format!("{:.0}", milliseconds * 1000.0).parse().unwrap()
        };
        let last = |text: &str| text.split('/').nth(1).unwrap().parse().unwrap();
        Self {
            round_trip: word("rtt:").map(first).expect("a connection"),
            retransmissions: word("retrans:").map_or(0, last),
            delivered: number("delivered:"),
            congestion_window: number("cwnd:"),
        }
    }

    /// The same, as a record has it.
    fn as_recorded(&self) -> [u32; 4] {
        [
            self.round_trip,
            self.retransmissions,
            self.delivered,
            self.congestion_window,
        ]
    }
}

fn values(socket: &TcpSocket) -> [u32; 4] {
    let time = socket.smoothed_round_trip.unwrap_or_default();
    [
        u32::try_from(time.as_micros()).unwrap(),
        socket.retransmissions,
        socket.delivered,
        socket.congestion_window,
    ]
}

fn sockets(flow: &Flow) -> TcpSockets {
    flow.tcp_sockets.as_deref().copied().unwrap_or_default()
}

/// Both ends of a connection.
struct Connection {
    client: TcpStream,
    server: TcpStream,
}

impl Connection {
    fn new(client: &Host, server: &Host, at: SocketAddr) -> Self {
        let listener = server.run(|| TcpListener::bind(at).unwrap());
        let client = client.run(|| TcpStream::connect(at).unwrap());
        let (server, _) = listener.accept().unwrap();
        Self { client, server }
    }

    fn send(&mut self, octets: usize) {
        std::thread::scope(|scope| {
            scope.spawn(|| self.server.read_exact(&mut vec![0; octets]).unwrap());
            self.client.write_all(&vec![7; octets]).unwrap();
        });
    }

    /// One octet each way, after which either end knows that all it sent before has arrived.
    fn exchange(&mut self) {
        self.server.write_all(&[1]).unwrap();
        self.client.read_exact(&mut [0]).unwrap();
        self.client.write_all(&[1]).unwrap();
        self.server.read_exact(&mut [0]).unwrap();
    }
}

/// A connection that loses each tenth segment of the client, either way, over IPv4 and IPv6. The veth pair keeps the other end's sockets.
fn values_are_those_of_the_sockets(mode: Attach) {
    let pair = Pair::new();
    pair.add_ipv6();
    let options = on("v0").attach(mode).tcp_sockets(true);
    for host in [&pair.near, &pair.far] {
        host.shell("nft add table inet lossy");
        host.shell(
            "nft add chain inet lossy arriving { type filter hook prerouting priority 0 ; }",
        );
    }
    for (client, server, at) in [
        (&pair.near, &pair.far, "10.0.0.2:8080"),
        (&pair.near, &pair.far, "[fd00::2]:8080"),
        (&pair.far, &pair.near, "10.0.0.1:8080"),
        (&pair.far, &pair.near, "[fd00::1]:8080"),
    ] {
        let watch = Watch::open(&pair.near, options.clone());
        let mut connection = Connection::new(client, server, address(at));
        server.shell("nft add rule inet lossy arriving tcp dport 8080 numgen inc mod 10 == 0 drop");
        connection.send(1_000_000);
        server.shell("nft flush chain inet lossy arriving");
        connection.exchange();
        until_true("an acknowledgment of the last octet", || {
            let shown = client.shell("ss -tinH state established dport = 8080");
            !shown.contains("unacked:")
        });
        let at_client = Shown::read(client, "dport = 8080");
        let at_server = Shown::read(server, "sport = 8080");
        let port = connection.client.local_addr().unwrap().port();
        let outcome = watch.finish();
        let flow = outcome.only(|flow| flow.source.port == Some(port));
        let found = sockets(flow);
        let (source, destination) = (found.source.unwrap(), found.destination.unwrap());
        println!("{at} {at_client:?} {source:?} {at_server:?} {destination:?}");
        assert!(source.retransmissions > 10, "{source:?}");
        assert_eq!(source.retransmissions, at_client.retransmissions);
        // That of its last octet was not known when it was sent.
        assert_eq!(source.delivered + 1, at_client.delivered);
        assert!(source.smoothed_round_trip > Some(Duration::ZERO));
        assert_eq!(values(&destination), at_server.as_recorded());
    }
}

/// A table with room for one flow: first a connection, then a segment that no socket has sent.
fn reused_slot_has_no_socket(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0")
        .attach(mode)
        .max_flows(1)
        .tcp_sockets(true)
        .tcp_fin_timeout(Duration::from_millis(50))
        .tcp_rst_timeout(Duration::from_millis(50));
    let mut watch = Watch::open(&pair.near, options);
    let mut connection = Connection::new(&pair.near, &pair.far, address("10.0.0.2:8080"));
    connection.send(1000);
    // Unread octets: closing resets.
    connection.client.write_all(&[1]).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    drop(connection.server);
    watch.take_until("the flow's end", |flows| flows.len() == 1);
    until_true("an empty slot", || watch.stats().flows_open == 0);
    let [near, far] = ["10.0.0.1:4000", "10.0.0.2:443"].map(address);
    let segment = frame::ethernet(frame::IPV4, &frame::tcp(near, far, ACK));
    watch.begin(&Injector::new(&pair.near, "v0"), &segment);
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), 2);
    assert!(sockets(&outcome.flows[0]).source.is_some());
    assert_eq!(outcome.flows[1].tcp_sockets, None);
}

/// A router between two hosts, seen at both of its interfaces: a packet that comes in has still the socket of its sender, over the veth
/// pair; one that was routed has none.
fn routed_packets_have_no_socket() {
    let pair = Pair::new();
    let server = Host::new();
    let router = &pair.far;
    router.shell(&format!(
        "ip link add r1 up type veth peer name s0 netns {}",
        server.path()
    ));
    router.shell("ip addr add 10.0.9.1/24 dev r1");
    router.set("ipv4/ip_forward", "1");
    server.shell("ip link set s0 up");
    server.shell("ip addr add 10.0.9.2/24 dev s0");
    server.shell("ip route add default via 10.0.9.1");
    pair.near.shell("ip route add default via 10.0.0.2");
    router.await_carrier("r1");
    // Old kernels run this test too, and have no TCX.
    let options = on("v1")
        .interfaces(["v1", "r1"])
        .attach(Attach::Tc)
        .tcp_sockets(true);
    let watch = Watch::open(router, options);
    let mut connection = Connection::new(&pair.near, &server, address("10.0.9.2:8080"));
    connection.send(100_000);
    connection.exchange();
    let outcome = watch.finish();
    let at = |interface: &str| {
        let found = sockets(
            outcome
                .only(|flow| flow.protocol == Protocol::TCP && &*flow.interface.name == interface),
        );
        (found.source.is_some(), found.destination.is_some())
    };
    assert_eq!((at("v1"), at("r1")), ((true, false), (false, true)));
}

/// The path is a program's, as a wire is nobody's: each end sees its own socket. A datagram has none that counts.
fn packets_from_a_wire_have_no_socket() {
    for at_sender in [true, false] {
        let path = Path::new(Duration::from_millis(5));
        let host = if at_sender { &path.near } else { &path.far };
        let watch = Watch::open(host, on("tun0").tcp_sockets(true));
        path.carry(
            |_| Fate::Passes,
            || {
                let mut connection =
                    Connection::new(&path.near, &path.far, address("10.9.0.2:8080"));
                connection.send(300_000);
                connection.exchange();
            },
        );
        let outcome = watch.finish();
        let found = sockets(outcome.only(|flow| flow.protocol == Protocol::TCP));
        let seen = (found.source.is_some(), found.destination.is_some());
        assert_eq!(seen, (at_sender, !at_sender));
        // The path delays each way.
        let own = found.source.or(found.destination).unwrap();
        assert!(own.smoothed_round_trip.unwrap() >= Duration::from_millis(10));
    }
}

/// Loopback is watched at ingress, where the kernel has taken the socket off.
fn loopback_has_no_socket() {
    let host = Host::new();
    host.shell("ip link set lo up");
    let watch = Watch::open(&host, on("lo").tcp_sockets(true));
    let mut connection = Connection::new(&host, &host, address("127.0.0.1:8080"));
    connection.send(100_000);
    connection.exchange();
    let outcome = watch.finish();
    assert_eq!(outcome.only(|_| true).tcp_sockets, None);
}

/// The kernel answers a SYN at a closed port by a raw socket of protocol TCP, and a program may have such a socket, here one that is
/// connected. UDP has no such values either.
fn raw_sockets_are_no_connections() {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").tcp_sockets(true));
    let refused = pair
        .far
        .run(|| TcpStream::connect(address("10.0.0.1:9")).is_err());
    assert!(refused);
    let ends = ["10.0.0.1:4000", "10.0.0.2:9"].map(address);
    send_raw(&pair.near, ends, ACK);
    let ends = ["10.0.0.1:5000", "10.0.0.2:6000"].map(address);
    udp_dialogue(&pair, ends, 1, [100, 100]);
    let outcome = watch.finish();
    let of_raw = |flow: &Flow| flow.source.port == Some(4000);
    assert_eq!(outcome.only(of_raw).tcp_sockets, None);
    let found = sockets(outcome.only(|flow| flow.protocol == Protocol::TCP && !of_raw(flow)));
    // The client's, before it has timed a round trip.
    let source = found.source.unwrap();
    assert_eq!((source.smoothed_round_trip, source.delivered), (None, 0));
    assert_eq!(found.destination, None);
    let datagrams = outcome.only(|flow| flow.protocol == Protocol::UDP);
    assert_eq!(datagrams.tcp_sockets, None);
}

/// Sends a segment without payload by a raw socket.
fn send_raw(host: &Host, [from, to]: [SocketAddr; 2], flags: u8) {
    let segment = frame::tcp_checked(from, to, flags);
    let header = &segment[IP_HEADER..];
    host.run(|| {
        let raw = socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::TCP)).unwrap();
        // Now its state is that of a connection.
        connect(&raw, &to).unwrap();
        assert_eq!(
            send(&raw, header, SendFlags::empty()).unwrap(),
            header.len()
        );
    });
}

/// The kernel answers for a listener by resets, which newer kernels give its socket, and by SYN-ACKs, of a request socket or of a cookie;
/// and in `TIME_WAIT` by acknowledgments.
fn listeners_and_closed_connections_have_no_values() {
    let pair = Pair::new();
    let at = address("10.0.0.1:8080");
    let peer = |port| SocketAddr::new([10, 0, 0, 2].into(), port);
    let listener = pair.near.run(|| TcpListener::bind(at).unwrap());
    let answered = |[from, flags]: [u16; 2]| {
        let watch = Watch::open(&pair.near, on("v0").tcp_sockets(true));
        send_raw(&pair.far, [peer(from), at], u8::try_from(flags).unwrap());
        until_true("an answer", || {
            let hooks = watch.stats().hooks;
            hooks.iter().all(|hook| hook.traffic.packets != 0)
        });
        let outcome = watch.finish();
        let flow = outcome.only(|flow| flow.protocol == Protocol::TCP);
        let [forward, reverse] = [&flow.forward, &flow.reverse];
        assert_ne!(forward.packets.total.min(reverse.packets.total), 0);
        assert_eq!(flow.tcp_sockets, None, "{from}");
    };
    answered([4000, ACK.into()]);
    for (port, cookies) in [(4001, "1"), (4002, "2")] {
        pair.near.set("ipv4/tcp_syncookies", cookies);
        answered([port, SYN.into()]);
    }
    let client = pair.far.run(|| TcpStream::connect(at).unwrap());
    let (server, _) = listener.accept().unwrap();
    let port = client.local_addr().unwrap().port();
    drop(server);
    drop(client);
    until_true("TIME_WAIT", || {
        let shown = pair.near.shell("ss -tnH state time-wait");
        shown.contains(&format!(":{port}"))
    });
    answered([port, ACK.into()]);
}
