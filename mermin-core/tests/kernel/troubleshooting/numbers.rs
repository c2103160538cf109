//! Counts that are right and unexpected.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use super::{Symptom, row};
use crate::{
    names,
    support::{
        frame,
        host::{Host, NEAR_MAC, Pair},
        traffic::{Injector, address},
        wait::until_true,
        watch::{Watch, on},
    },
};

pub(super) const ROWS: &[Symptom] = &[
    row!("`table_full` in the statistics", symptom_table_full),
    row!("a flow's octets add up to too much", symptom_totals_added),
    row!("`hairpin` in the statistics", symptom_hairpin),
    row!("every flow twice", symptom_twice),
    row!(
        "no values of a container's TCP socket",
        symptom_translated_port
    ),
    row!(
        "`payloads whose names may be missing` in the statistics",
        symptom_cut_name
    ),
];

fn symptom_table_full() -> String {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").max_flows(10));
    let injector = Injector::new(&pair.near, "v0");
    for number in 0..30 {
        injector.send(&frame::numbered(number));
    }
    until_true("all flows", || watch.stats().flows_open == 10);
    let said = watch.stats().to_string();
    assert!(
        said.contains("room for 10;") && said.contains("20 table_full"),
        "{said}"
    );
    watch.finish();
    said
}

/// The flow has what came in, and the ledger that it left again.
fn symptom_hairpin() -> String {
    let pair = Pair::new();
    pair.near.set("ipv4/ip_forward", "1");
    for scope in ["all", "v0"] {
        let setting = format!("ipv4/conf/{scope}/send_redirects");
        pair.near.set(&setting, "0");
    }
    pair.near.shell("ip route add 10.9.9.0/24 via 10.0.0.2");
    let watch = Watch::open(&pair.near, on("v0"));
    let ends = ["10.0.0.2:40000", "10.9.9.9:53"].map(address);
    let packet = frame::udp(ends[0], ends[1], &[1; 20]);
    let frame = frame::ethernet_to(NEAR_MAC, frame::IPV4, &packet);
    Injector::new(&pair.far, "v1").send(&frame);
    until_true("both passes", || watch.stats().packets == 2);
    let said = watch.stats().to_string();
    assert!(said.contains("1 hairpin"), "{said}");
    assert_eq!(watch.finish().only(|_| true).forward.packets.total, 1);
    said
}

/// Repeated records are no more packets: the differences are what the ledger has.
fn symptom_totals_added() -> String {
    let pair = Pair::new();
    let options = on("v0").active_timeout(Duration::from_millis(100));
    let mut watch = Watch::open(&pair.near, options);
    let injector = Injector::new(&pair.near, "v0");
    while watch.flows.len() < 2 {
        injector.send(&frame::numbered(1));
        watch.take_for(Duration::from_millis(10));
    }
    let outcome = watch.finish();
    let sum = |of: fn(&mermin_core::Flow) -> u64| outcome.flows.iter().map(of).sum::<u64>();
    assert!(sum(|flow| flow.forward.packets.total) > outcome.packets);
    assert_eq!(sum(|flow| flow.forward.packets.delta), outcome.packets);
    String::new()
}

/// With one link there is one.
fn symptom_twice() -> String {
    let flows = |patterns: &[&str]| {
        let host = Host::new();
        host.set("ipv6/conf/default/disable_ipv6", "1");
        host.shell("ip link add a0 up type veth peer name a1");
        host.shell("ip link set a1 up");
        let watch = Watch::open(&host, on("a0").interfaces(patterns.iter().copied()));
        Injector::new(&host, "a0").send(&frame::numbered(1));
        let wanted = patterns.len() as u64;
        until_true("the packet", || watch.stats().packets == wanted);
        watch.finish().flows
    };
    let twice = flows(&["a0", "a1"]);
    assert_eq!(twice.len(), 2, "{twice:#?}");
    assert_eq!(twice[0].source, twice[1].source);
    assert_ne!(twice[0].interface.name, twice[1].interface.name);
    assert_eq!(flows(&["a0"]).len(), 1);
    String::new()
}

/// A container whose server listens behind a rule that redirects: the host's end of the pair sees another port than the socket's.
fn symptom_translated_port() -> String {
    let pair = Pair::new();
    let (host, container) = (&pair.near, &pair.far);
    container.shell("nft add table ip mesh");
    container.shell("nft add chain ip mesh arriving { type nat hook prerouting priority -100 ; }");
    container.shell("nft add rule ip mesh arriving tcp dport 8080 redirect to :15006");
    let outside = Watch::open(host, on("v0").tcp_sockets(true));
    let inside = Watch::open(container, on("v1").tcp_sockets(true));
    let listener = container.run(|| TcpListener::bind(address("10.0.0.2:15006")).unwrap());
    let mut client = host.run(|| TcpStream::connect(address("10.0.0.2:8080")).unwrap());
    let (mut server, _) = listener.accept().unwrap();
    server.write_all(&[1; 1000]).unwrap();
    client.read_exact(&mut [0; 1000]).unwrap();
    let seen = [outside, inside].map(|watch| {
        let outcome = watch.finish();
        let flow = outcome.only(|flow| flow.destination.port == Some(8080));
        let sockets = flow.tcp_sockets.as_deref().copied().unwrap_or_default();
        (sockets.source.is_some(), sockets.destination.is_some())
    });
    assert_eq!(seen, [(true, false), (true, true)]);
    String::new()
}

/// A server's name behind the first 256 octets.
fn symptom_cut_name() -> String {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").names(true));
    let hello = names::hello(&format!("{}.example", "a".repeat(240)));
    let ends = ["10.9.0.1:5000", "10.9.0.2:443"].map(address);
    let frame = frame::ethernet(frame::IPV4, &names::segment(ends, 0, &hello));
    Injector::new(&pair.far, "v1").send(&frame);
    until_true("the payload", || watch.stats().payloads.read == 1);
    let outcome = watch.finish();
    assert!(outcome.flows.iter().all(|flow| flow.application.is_none()));
    let said = outcome.stats.to_string();
    assert!(
        said.contains("payloads whose names may be missing: 1 cut"),
        "{said}"
    );
    said
}
