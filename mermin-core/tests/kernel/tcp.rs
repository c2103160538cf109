//! TCP connections: their ends and beginnings, states, and the duration of the handshake.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    time::Duration,
};

use mermin_core::{
    Attach,
    flow::{Direction, DirectionRule, EndReason, TcpState},
};
use rustix::net::{AddressFamily, SocketType, sockopt};

use crate::support::{
    frame::{self, ACK, FIN, IPV4, RST, SYN},
    host::{Host, Pair},
    traffic::{Injector, address},
    wait::until,
    watch::{Watch, on},
};

crate::cases! {
    each_mode connection_is_one_flow_from_start_to_end,
    each_mode half_closed_connection_is_one_flow,
    each_mode reused_port_is_a_new_flow,
    each_mode record_has_the_state_of_the_connection,
    each_mode listening_port_names_the_server_seen_first,
}

fn near() -> SocketAddr {
    address("10.0.0.1:40000")
}

fn far() -> SocketAddr {
    address("10.0.0.2:8080")
}

/// Connects from a port that may have been used just before.
fn connect(host: &Host, own: SocketAddr, peer: SocketAddr) -> std::io::Result<TcpStream> {
    host.run(|| {
        let socket: OwnedFd = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        rustix::net::bind(&socket, &own)?;
        rustix::net::connect(&socket, &peer)?;
        Ok(TcpStream::from(socket))
    })
}

/// Both ends of a connection.
fn connected(pair: &Pair, listener: &TcpListener) -> [TcpStream; 2] {
    // The port is in use until the last acknowledgement of the earlier connection has arrived.
    let client = until("the port to be free", || {
        match connect(&pair.near, near(), far()) {
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => None,
            answer => Some(answer.unwrap()),
        }
    });
    let (server, _) = listener.accept().unwrap();
    [client, server]
}

fn say(mut from: &TcpStream, mut to: &TcpStream, octets: usize) {
    from.write_all(&vec![9; octets]).unwrap();
    to.read_exact(&mut vec![0; octets]).unwrap();
}

/// The flow is open while the connection is, is over when both sides have closed, and then ends without a request.
fn connection_is_one_flow_from_start_to_end(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0")
        .attach(mode)
        .active_timeout(Duration::from_millis(300))
        .tcp_fin_timeout(Duration::from_millis(500));
    let mut watch = Watch::open(&pair.near, options);
    let listener = pair.far.run(|| TcpListener::bind(far()).unwrap());
    let [client, server] = connected(&pair, &listener);
    say(&client, &server, 100);
    watch.take_until("a record of the open connection", |flows| flows.len() == 1);
    let first = watch.flows[0].clone();
    assert_eq!(first.end_reason, EndReason::ActiveTimeout);
    assert_eq!(first.tcp.unwrap().state, TcpState::Established);
    let latency = first.tcp.unwrap().handshake_latency.unwrap();
    assert!(latency > Duration::ZERO && latency < Duration::from_secs(1));
    assert_eq!(
        (first.direction, first.direction_rule),
        (Direction::Forward, Some(DirectionRule::Syn))
    );
    assert_eq!(first.source.to_string(), near().to_string());
    say(&server, &client, 50);
    drop(server);
    assert_eq!((&client).read(&mut [0]).unwrap(), 0);
    drop(client);
    watch.take_until("its end", |flows| {
        flows.last().is_some_and(|flow| !flow.end_reason.goes_on())
    });
    let outcome = watch.finish();
    let last = outcome.flows.last().unwrap();
    assert_eq!(last.end_reason, EndReason::EndOfFlow);
    assert_eq!(last.tcp.unwrap().state, TcpState::Closed);
    assert_eq!(last.tcp.unwrap().handshake_latency, Some(latency));
    for (half, tags) in [
        (&last.forward, "FIN|SYN|PSH|ACK"),
        (&last.reverse, "FIN|SYN|PSH|ACK"),
    ] {
        assert_eq!(half.tcp_flags.unwrap().to_string(), tags);
    }
}

/// A client that has sent its request and closed its half gets an answer long after: that is the same connection.
fn half_closed_connection_is_one_flow(mode: Attach) {
    let pair = Pair::new();
    let options = on("v0")
        .attach(mode)
        .active_timeout(Duration::from_millis(300))
        .tcp_fin_timeout(Duration::from_millis(500))
        .tcp_half_closed_timeout(Duration::from_secs(10 * 60));
    let mut watch = Watch::open(&pair.near, options);
    let listener = pair.far.run(|| TcpListener::bind(far()).unwrap());
    let [client, server] = connected(&pair, &listener);
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!((&server).read(&mut [0]).unwrap(), 0);
    watch.take_until("a record of the closed half", |flows| {
        flows
            .last()
            .is_some_and(|flow| flow.tcp.unwrap().state == TcpState::FinWait2)
    });
    // Longer than a connection waits that both have closed.
    std::thread::sleep(Duration::from_secs(2));
    say(&server, &client, 1000);
    drop(server);
    assert_eq!((&client).read(&mut [0]).unwrap(), 0);
    drop(client);
    watch.take_until("its end", |flows| {
        flows.last().is_some_and(|flow| !flow.end_reason.goes_on())
    });
    let outcome = watch.finish();
    let last = outcome.flows.last().unwrap();
    assert!(outcome.flows.iter().all(|flow| flow.id == last.id));
    assert_eq!(last.end_reason, EndReason::EndOfFlow);
    assert_eq!(last.tcp.unwrap().state, TcpState::TimeWait);
    assert!(last.reverse.octets.total > 1000, "{last:#?}");
}

/// After FIN both ways, and after RST, a SYN from the same port begins another flow.
fn reused_port_is_a_new_flow(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let listener = pair.far.run(|| TcpListener::bind(far()).unwrap());
    for round in 1..=6 {
        let [client, server] = connected(&pair, &listener);
        say(&client, &server, 100 * round);
        if round % 2 == 0 {
            sockopt::set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
            drop(client);
            assert!((&server).read(&mut [0]).is_err(), "it must have been reset");
        } else {
            // The side that closes first keeps the port, so the server does.
            drop(server);
            assert_eq!((&client).read(&mut [0]).unwrap(), 0);
            drop(client);
        }
    }
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), 6, "{:#?}", outcome.flows);
    let mut flows: Vec<_> = outcome.flows.iter().collect();
    flows.sort_by_key(|flow| flow.start);
    for (number, flow) in flows.iter().enumerate() {
        let reset = number % 2 == 1;
        // Headers of each packet, and the options of the SYN.
        let carried = flow.forward.octets.total - 52 * flow.forward.packets.total;
        let expected = 100 * (number as u64 + 1) + 8;
        if reset {
            // A reset carries no timestamps, or does: 12 octets.
            assert!([0, 12].contains(&(expected - carried)), "{flow:#?}");
        } else {
            assert_eq!(carried, expected, "{flow:#?}");
        }
        assert_eq!(flow.sequence, 0);
        if number < 5 {
            assert_eq!(flow.end_reason, EndReason::EndOfFlow, "{flow:#?}");
        }
        assert_eq!(flow.tcp.unwrap().state, TcpState::Closed, "{flow:#?}");
        assert!(flow.tcp.unwrap().handshake_latency.is_some());
    }
}

/// Connections left in the middle of things.
fn record_has_the_state_of_the_connection(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let injectors = [
        Injector::new(&pair.near, "v0"),
        Injector::new(&pair.far, "v1"),
    ];
    // From the opener (0) or the other side (1).
    let scripts: [(&[(usize, u8)], TcpState); 13] = [
        (&[(0, SYN)], TcpState::SynSent),
        (&[(0, SYN), (1, SYN | ACK)], TcpState::SynReceived),
        (&[(0, SYN), (1, SYN | ACK), (0, ACK)], TcpState::Established),
        (&[(0, SYN), (1, RST | ACK)], TcpState::Closed),
        // One direction takes another way.
        (&[(0, SYN), (0, ACK), (0, ACK)], TcpState::Established),
        (&[(0, SYN), (0, ACK), (0, FIN | ACK)], TcpState::FinWait1),
        (&[(1, SYN | ACK), (1, SYN | ACK)], TcpState::SynReceived),
        (&[(1, SYN | ACK), (1, ACK)], TcpState::Established),
        (&[(1, SYN | ACK), (1, FIN | ACK)], TcpState::CloseWait),
        (
            &[(0, SYN), (1, SYN | ACK), (0, ACK), (0, FIN | ACK)],
            TcpState::FinWait1,
        ),
        (
            &[(0, SYN), (1, SYN | ACK), (0, FIN | ACK), (1, ACK)],
            TcpState::FinWait2,
        ),
        (
            &[(0, SYN), (1, SYN | ACK), (0, ACK), (1, FIN | ACK)],
            TcpState::CloseWait,
        ),
        (
            &[
                (0, SYN),
                (1, SYN | ACK),
                (0, FIN | ACK),
                (1, FIN | ACK),
                (0, ACK),
            ],
            TcpState::TimeWait,
        ),
    ];
    for (number, (script, _)) in scripts.iter().enumerate() {
        let mut near = near();
        near.set_port(50_000 + u16::try_from(number).unwrap());
        for &(side, flags) in *script {
            let segment = match side {
                0 => frame::tcp(near, far(), flags),
                _ => frame::tcp(far(), near, flags),
            };
            injectors[side].send(&frame::ethernet(IPV4, &segment));
        }
    }
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), scripts.len());
    for (number, (script, state)) in scripts.iter().enumerate() {
        let port = 50_000 + u16::try_from(number).unwrap();
        let flow = outcome.only(|flow| flow.source.port == Some(port));
        assert_eq!(flow.tcp.unwrap().state, *state, "{script:?}");
        let answered = [SYN, SYN | ACK]
            .iter()
            .all(|opening| script.iter().any(|(_, flags)| flags == opening));
        assert_eq!(
            flow.tcp.unwrap().handshake_latency.is_some(),
            answered,
            "{script:?}"
        );
    }
}

/// In a connection that was open before, the server may be the first sender: its port identifies it.
fn listening_port_names_the_server_seen_first(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let [out, into] = [
        Injector::new(&pair.near, "v0"),
        Injector::new(&pair.far, "v1"),
    ];
    let server = address("10.0.0.2:443");
    into.send(&frame::ethernet(IPV4, &frame::tcp(server, near(), ACK)));
    out.send(&frame::ethernet(IPV4, &frame::tcp(near(), server, ACK)));
    let outcome = watch.finish();
    let joined = outcome.only(|flow| flow.source.to_string() == server.to_string());
    assert_eq!(
        (joined.direction, joined.direction_rule),
        (Direction::Reverse, Some(DirectionRule::PortNumber))
    );
}
