//! Names in the first payloads of flows: messages of real clients, and crafted frames for the rest.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use mermin_core::{
    Attach, Flow, FlowSourceBuilder,
    flow::{Application, Protocol},
    lab::{Fault, with_fault},
    report::Feature,
};

use crate::support::{
    frame::{self, IPV4, tagged},
    host::Pair,
    traffic::{Injector, address, udp_socket},
    watch::{Watch, on, try_open},
};

crate::cases! {
    each_mode clients_name_their_servers,
    case names_are_read_beside_tcp_analysis,
    each_mode names_survive_split_messages_tags_and_tunnels,
    case payloads_stay_in_the_kernel_unless_names_are_read,
    case reused_slot_has_no_earlier_name,
    case whole_request_ends_its_direction,
    case octets_of_a_syn_begin_behind_it,
    case initial_packet_of_quic_names_its_server,
    case burst_of_payloads_is_read_before_the_ring_is_full,
    case refused_ring_leaves_flows_without_names,
}

/// Flows of a client at this port.
fn of_port(flows: &[Flow], port: u16) -> Vec<&Flow> {
    flows
        .iter()
        .filter(|flow| flow.source.port == Some(port))
        .collect()
}

fn application(flows: &[Flow], port: u16) -> Application {
    let found = of_port(flows, port);
    let named = found.iter().find_map(|flow| flow.application.as_deref());
    named
        .unwrap_or_else(|| panic!("no names at port {port}: {found:#?}"))
        .clone()
}

fn server_name(flows: &[Flow], port: u16) -> Option<String> {
    let tls = application(flows, port).tls?;
    tls.server_name.map(|name| name.to_string())
}

/// Accepts a connection, reads something and hangs up.
fn hang_up(listener: &TcpListener) {
    let (mut connection, _) = listener.accept().unwrap();
    let _ = connection.read(&mut [0; 4096]);
}

/// A question of DNS.
pub(crate) fn question(id: u8, name: &[u8]) -> Vec<u8> {
    let header = [0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    [&header[..], name, &[0, 0, 28, 0, 1]].concat()
}

pub(crate) fn answer(question: &[u8], code: u8) -> Vec<u8> {
    let mut answer = question.to_vec();
    answer[2..4].copy_from_slice(&[0x81, 0x80 | code]);
    answer
}

fn clients_name_their_servers(mode: Attach) {
    servers_are_named(on("v0").names(true).attach(mode));
}

/// Segments that another program takes up have passed their payload before.
fn names_are_read_beside_tcp_analysis() {
    servers_are_named(on("v0").names(true).tcp_analysis(true));
}

/// `openssl s_client` and `curl`, and a resolver's sockets.
fn servers_are_named(options: FlowSourceBuilder) {
    let pair = Pair::new();
    pair.add_ipv6();
    let mut watch = Watch::open(&pair.near, options);
    let mut ports = Vec::new();
    for (server, command) in [
        (
            "10.0.0.1:443",
            "openssl s_client -connect 10.0.0.1:443 -servername tls.example -alpn h2,http/1.1",
        ),
        (
            "[fd00::1]:8443",
            "openssl s_client -connect [fd00::1]:8443 -servername six.example -tls1_2",
        ),
        (
            "10.0.0.1:8080",
            "curl -s -m 60 -H Host:web.example http://10.0.0.1:8080/path",
        ),
        ("10.0.0.1:22", "curl -s -m 60 telnet://10.0.0.1:22"),
    ] {
        let listener = pair.near.run(|| TcpListener::bind(server).unwrap());
        let words: Vec<_> = command.split(' ').collect();
        let mut client = pair.far.run(|| {
            Command::new(words[0])
                .args(&words[1..])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        });
        let mut told = client.stdin.take().unwrap();
        if command.contains("telnet") {
            told.write_all(b"SSH-2.0-nothing\r\n").unwrap();
        }
        let (mut connection, peer) = listener.accept().unwrap();
        let heard = connection.read(&mut [0; 4096]).unwrap();
        assert!(heard > 0, "it sent nothing: {command}");
        drop((connection, told));
        client.wait().unwrap();
        ports.push(peer.port());
    }
    let ends = ["10.0.0.2:40053", "10.0.0.1:53"].map(address);
    let [client, server] = [
        udp_socket(&pair.far, ends[0], ends[1]),
        udp_socket(&pair.near, ends[1], ends[0]),
    ];
    let asked = question(1, b"\x03www\x07example\x03org");
    let mut heard = [0; 512];
    client.send(&asked).unwrap();
    server.recv(&mut heard).unwrap();
    thread::sleep(Duration::from_millis(20));
    server.send(&answer(&asked, 3)).unwrap();
    client.recv(&mut heard).unwrap();
    watch.take_for(Duration::from_millis(300));
    let outcome = watch.finish();
    let flows = &outcome.flows;
    assert_eq!(server_name(flows, ports[0]).as_deref(), Some("tls.example"));
    let tls = application(flows, ports[0]).tls.unwrap();
    assert_eq!(tls.alpn.join(","), "h2,http/1.1");
    assert_eq!(server_name(flows, ports[1]).as_deref(), Some("six.example"));
    let host = application(flows, ports[2]).http_host;
    let shown = (&ports, outcome.stats.payloads, of_port(flows, ports[2]));
    assert_eq!(host.as_deref(), Some("web.example"), "{shown:#?}");
    for flow in of_port(flows, ports[3]) {
        assert_eq!(flow.application, None);
    }
    let dns = application(flows, 40_053).dns.unwrap();
    assert_eq!((&*dns.question, dns.question_type), ("www.example.org", 28));
    assert_eq!(dns.response_code, Some(3));
    let latency = dns.latency.unwrap();
    assert!(latency >= Duration::from_millis(20), "{latency:?}");
    let payloads = outcome.stats.payloads;
    assert!(payloads.read >= 5, "{payloads:?}");
    assert_eq!((payloads.lost, payloads.malformed), (0, 0));
}

/// A segment with a payload.
pub(crate) fn segment(ends: [SocketAddr; 2], sequence: u32, payload: &[u8]) -> Vec<u8> {
    frame::tcp_segment(ends, frame::ACK, sequence, payload)
}

/// A record with a `ClientHello` for this server.
pub(crate) fn hello(name: &str) -> Vec<u8> {
    let name = name.as_bytes();
    let length = |octets: usize| u16::try_from(octets).unwrap().to_be_bytes();
    let list = [&length(name.len() + 3)[..], &[0], &length(name.len()), name].concat();
    let extension = [&[0, 0][..], &length(list.len()), &list].concat();
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[0, 0, 2, 0x13, 1, 1, 0],
        &length(extension.len()),
        &extension,
    ]
    .concat();
    let message = [&[1, 0][..], &length(body.len()), &body].concat();
    [&[22, 3, 1][..], &length(message.len()), &message].concat()
}

/// Hellos in pieces, behind VLAN tags, in VXLAN, and in a padded frame; and an acknowledgement that is padded before one.
fn names_survive_split_messages_tags_and_tunnels(mode: Attach) {
    let pair = Pair::new();
    let mut watch = Watch::open(&pair.near, on("v0").names(true).attach(mode));
    let injector = Injector::new(&pair.far, "v1");
    let ends = |port: u16| {
        [
            SocketAddr::from(([10, 9, 0, 1], port)),
            address("10.9.0.2:443"),
        ]
    };
    let plain = |packet: &[u8]| frame::ethernet(IPV4, packet);
    let send = |frame: &[u8]| injector.send(frame);
    // Four pieces; the third comes before the second.
    let split = hello("split.example");
    for (from, to) in [(0, 5), (40, 60), (5, 40), (60, split.len())] {
        let sequence = 1000 + u32::try_from(from).unwrap();
        send(&plain(&segment(ends(1), sequence, &split[from..to])));
    }
    // Acknowledgements before the first payload.
    let mut padded = plain(&segment(ends(2), 0, &[]));
    padded.resize(60, 0);
    send(&padded);
    send(&plain(&segment(ends(2), 0, &hello("padded.example"))));
    send(&tagged(
        &[(frame::SERVICE_VLAN, 100), (frame::VLAN, 200)],
        &segment(ends(3), 0, &hello("tagged.example")),
    ));
    let inner = plain(&segment(ends(4), 0, &hello("inner.example")));
    let vxlan = [&[8, 0, 0, 0, 0, 0, 42, 0][..], &inner].concat();
    let outer = ["10.0.0.2:50000", "10.0.0.1:4789"].map(address);
    send(&plain(&frame::udp(outer[0], outer[1], &vxlan)));
    // A name behind 256 octets.
    let far = format!("{}.example", "a".repeat(240));
    send(&plain(&segment(ends(5), 0, &hello(&far))));
    watch.take_for(Duration::from_millis(300));
    let outcome = watch.finish();
    for (port, name) in [(1, "split"), (2, "padded"), (3, "tagged"), (4, "inner")] {
        let expected = format!("{name}.example");
        assert_eq!(server_name(&outcome.flows, port), Some(expected), "{port}");
    }
    for flow in of_port(&outcome.flows, 5) {
        assert_eq!(flow.application, None);
    }
    let payloads = outcome.stats.payloads;
    assert_eq!(
        (payloads.read, payloads.cut, payloads.lost),
        (8, 1, 0),
        "{payloads:?}"
    );
}

/// Neither without the option, nor of a protocol that names nothing.
fn payloads_stay_in_the_kernel_unless_names_are_read() {
    let pair = Pair::new();
    let off = Watch::open(&pair.near, on("v0"));
    let watch = Watch::open(&pair.near, on("v0").names(true));
    let listener = pair.near.run(|| TcpListener::bind("10.0.0.1:443").unwrap());
    let far = pair.far.run(|| TcpStream::connect("10.0.0.1:443").unwrap());
    let mut client = far;
    client.write_all(&hello("somebody.example")).unwrap();
    hang_up(&listener);
    drop(client);
    let ends = ["10.0.0.2:4000", "10.0.0.1:4001"].map(address);
    let sockets: [UdpSocket; 2] = [
        udp_socket(&pair.far, ends[0], ends[1]),
        udp_socket(&pair.near, ends[1], ends[0]),
    ];
    for _ in 0..20 {
        sockets[0].send(b"nothing that is known").unwrap();
        sockets[1].send(b"neither").unwrap();
    }
    let (with, without) = (watch.finish(), off.finish());
    assert!(without.flows.iter().all(|flow| flow.application.is_none()));
    assert_eq!(without.stats.payloads.read, 0);
    assert_eq!(with.stats.payloads.read, 1);
    for outcome in [&with, &without] {
        // Packets that wait for a payload are counted as all others are.
        let udp = outcome
            .flows
            .iter()
            .filter(|flow| flow.protocol == Protocol::UDP);
        let packets: Vec<_> = udp
            .map(|flow| [flow.forward.packets.total, flow.reverse.packets.total])
            .collect();
        assert_eq!(packets, [[20, 20]]);
    }
}

/// Two connections of the same ports, one after the other, with room for few flows.
fn reused_slot_has_no_earlier_name() {
    let pair = Pair::new();
    let options = on("v0")
        .names(true)
        .max_flows(2)
        .udp_timeout(Duration::from_millis(100));
    let mut watch = Watch::open(&pair.near, options);
    let injector = Injector::new(&pair.far, "v1");
    let [client, server] = ["10.9.0.1:4000", "10.9.0.2:53"].map(address);
    for round in 0..6_u8 {
        let payload = if round % 2 == 0 {
            question(round, &[1, b'a' + round])
        } else {
            vec![1; 5]
        };
        injector.send(&frame::ethernet(
            IPV4,
            &frame::udp(client, server, &payload),
        ));
        let before = watch.flows.len();
        let end = std::time::Instant::now() + crate::support::wait::LONGEST;
        while watch.flows.len() == before && std::time::Instant::now() < end {
            watch.take_for(Duration::from_millis(50));
        }
    }
    let questions: Vec<_> = watch
        .flows
        .iter()
        .map(|flow| {
            Some(
                flow.application
                    .as_ref()?
                    .dns
                    .as_ref()?
                    .question
                    .to_string(),
            )
        })
        .collect();
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(
        questions,
        [name("a"), None, name("c"), None, name("e"), None]
    );
    watch.shut();
}

/// Segments of one direction, one after the other, on ports of their own.
fn send_in_order(injector: &Injector, ends: [SocketAddr; 2], payloads: &[&[u8]]) {
    let mut sequence = 1000;
    for payload in payloads {
        injector.send(&frame::ethernet(IPV4, &segment(ends, sequence, payload)));
        sequence += u32::try_from(payload.len()).unwrap();
    }
}

fn whole_request_ends_its_direction() {
    let pair = Pair::new();
    let mut watch = Watch::open(&pair.near, on("v0").names(true));
    let injector = Injector::new(&pair.far, "v1");
    let ends = |port| {
        [
            SocketAddr::from(([10, 9, 0, 1], port)),
            address("10.9.0.2:80"),
        ]
    };
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let (first, second) = (request("/1"), request("/2"));
    // Nothing behind the first one is passed.
    let payloads = [first.as_bytes(), second.as_bytes(), b"whatever"];
    send_in_order(&injector, ends(1), &payloads);
    // Content is passed behind a request that has some, and is no message.
    let post = format!(
        "POST / HTTP/1.1\r\nHost: b.example\r\n\r\n{}",
        "c".repeat(9)
    );
    let payloads = [
        post.as_bytes(),
        b"content",
        b"content",
        b"content",
        b"content",
    ];
    send_in_order(&injector, ends(2), &payloads);
    watch.take_for(Duration::from_millis(300));
    let outcome = watch.finish();
    for (port, name) in [(1, "a.example"), (2, "b.example")] {
        let host = application(&outcome.flows, port).http_host;
        assert_eq!(host.as_deref(), Some(name));
    }
    let payloads = outcome.stats.payloads;
    let counts = (payloads.read, payloads.cut, payloads.malformed);
    assert_eq!(counts, (5, 0, 0), "{payloads:?}");
}

/// TCP Fast Open: the first octet has the number behind the SYN's.
fn octets_of_a_syn_begin_behind_it() {
    let pair = Pair::new();
    let mut watch = Watch::open(&pair.near, on("v0").names(true));
    let injector = Injector::new(&pair.far, "v1");
    let ends = [address("10.9.0.1:1"), address("10.9.0.2:443")];
    let hello = hello("fast.example");
    let (one, other) = hello.split_at(30);
    for segment in [
        frame::tcp_segment(ends, frame::SYN, 999, one),
        segment(ends, 1030, other),
    ] {
        injector.send(&frame::ethernet(IPV4, &segment));
    }
    watch.take_for(Duration::from_millis(300));
    let outcome = watch.finish();
    let name = server_name(&outcome.flows, 1);
    assert_eq!(name.as_deref(), Some("fast.example"));
    assert_eq!(outcome.stats.payloads.malformed, 0);
}

/// RFC 9001 appendix A.2, protected as on the wire; then padding, which is behind what the kernel passes.
fn initial_packet_of_quic_names_its_server() {
    const INITIAL: &str = "\
        c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c\
        0bab7df5976d27cd449f63300099f3991c260ec4c60d17b31f8429157bb35a1282a643a8d2262cad67500cadb8e7378c\
        8eb7539ec4d4905fed1bee1fc8aafba17c750e2c7ace01e6005f80fcb7df621230c83711b39343fa028cea7f7fb5ff89\
        eac2308249a02252155e2347b63d58c5457afd84d05dfffdb20392844ae812154682e9cf012f9021a6f0be17ddd0c208\
        4dce25ff9b06cde535d0f920a2db1bf362c23e596d11a4f5a6cf3948838a3aec4e15daf8500a6ef69ec4e3feb6b1d98e\
        610ac8b7ec3faf6ad760b7bad1db4ba3";
    const LENGTH: usize = 1200;
    let digits = INITIAL.as_bytes().chunks(2);
    let mut packet: Vec<u8> = digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    packet.resize(LENGTH, 0);
    let pair = Pair::new();
    let mut watch = Watch::open(&pair.near, on("v0").names(true));
    let ends = ["10.0.0.2:40443", "10.0.0.1:443"].map(address);
    let [client, server] = [
        udp_socket(&pair.far, ends[0], ends[1]),
        udp_socket(&pair.near, ends[1], ends[0]),
    ];
    client.send(&packet).unwrap();
    assert_eq!(server.recv(&mut [0; 2048]).unwrap(), LENGTH);
    watch.take_for(Duration::from_millis(300));
    let outcome = watch.finish();
    let found = application(&outcome.flows, 40_443);
    assert_eq!(found.quic_version.unwrap().to_string(), "1");
    assert_eq!(
        server_name(&outcome.flows, 40_443).as_deref(),
        Some("example.com")
    );
    let payloads = outcome.stats.payloads;
    assert_eq!(
        (payloads.read, payloads.lost, payloads.malformed),
        (1, 0, 0)
    );
}

/// A ring has room for seven thousand sections here, and ten thousand come between two sweeps.
fn burst_of_payloads_is_read_before_the_ring_is_full() {
    const FLOWS: u16 = 30_000;
    let pair = Pair::new();
    let options = on("v0").names(true).max_flows(1 << 16);
    let options = with_fault(options, Fault::SectionRing(2 << 20));
    let mut watch = Watch::open(&pair.near, options);
    let injector = Injector::new(&pair.far, "v1");
    let far = hello(&format!("{}.example", "a".repeat(240)));
    for port in 100..100 + FLOWS {
        let ends = [
            SocketAddr::from(([10, 9, 0, 1], port)),
            address("10.9.0.2:443"),
        ];
        injector.send(&frame::ethernet(IPV4, &segment(ends, 0, &far)));
        if port % 1000 == 0 {
            thread::sleep(Duration::from_millis(3));
        }
    }
    watch.take_for(Duration::from_millis(300));
    let payloads = watch.finish().stats.payloads;
    let counts = (payloads.read, payloads.cut, payloads.lost);
    assert_eq!(counts, (FLOWS.into(), FLOWS.into(), 0), "{payloads:?}");
}

/// A ring of a size that the kernel refuses: no power of two.
fn refused_ring_leaves_flows_without_names() {
    let options = with_fault(on("v0").names(true), Fault::SectionRing(3 << 20));
    let pair = Pair::new();
    let source = try_open(&pair.near, options).unwrap();
    let report = source.report();
    let mut watch = Watch::new(source);
    let rows = report.degradations.iter();
    let features: Vec<_> = rows.map(|row| row.feature).collect();
    assert_eq!(features, [Feature::Names], "{report}");
    let injector = Injector::new(&pair.far, "v1");
    let ends = [address("10.9.0.1:1"), address("10.9.0.2:443")];
    send_in_order(&injector, ends, &[&hello("unread.example")]);
    watch.take_for(Duration::from_millis(300));
    let outcome = watch.finish();
    assert_eq!(outcome.packets, 1);
    assert_eq!(
        outcome.stats.payloads,
        mermin_core::report::PayloadStats::default()
    );
}
