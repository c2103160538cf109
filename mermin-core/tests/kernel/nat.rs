//! Flows through a router that translates addresses, at both of its interfaces.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use mermin_core::{
    Attach, Flow, FlowSourceBuilder, Pinning,
    flow::{Endpoint, Nat, NatSeen, Protocol},
    report::Feature,
};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use crate::{
    restart::instance_name,
    support::{
        frame,
        host::{Host, Pair},
        traffic::{Injector, address, bind_udp},
        wait::{LONGEST, until_true, within},
        watch::{Outcome, Watch, on},
    },
};

crate::cases! {
    each_mode address_of_a_service_leads_to_its_backend,
    each_mode masqueraded_source_is_known_on_both_sides,
    case both_ends_may_be_translated,
    case translated_ping_has_both_addresses,
    case address_of_an_ipv6_service_leads_to_its_backend,
    case entry_made_after_the_first_request_is_found,
    case translation_outlives_its_entry,
    case flow_without_a_translation_has_none,
    case translations_are_off_by_default,
    by_tcx translations_take_cap_net_admin,
}

/// Time in which a new flow is looked up: a sweep, and the second request.
const LOOK: Duration = Duration::from_millis(1_500);

const CLIENT: &str = "10.0.0.2";
const SERVICE: &str = "10.0.9.1";
const BACKEND: &str = "10.0.2.2";
/// The router's own address on the backend's side.
const ROUTER: &str = "10.0.2.1";

/// A client (the far host), a router (the near one, with `v0` and `s0`), and a backend behind it.
struct Routed {
    pair: Pair,
    backend: Host,
}

impl Routed {
    /// Makes the network, with these rules in the router's chains `to` (before routing) and `from` (behind it).
    fn new(rules: &[&str]) -> Self {
        let routed = Self {
            pair: Pair::new(),
            backend: Host::new(),
        };
        let (pair, backend) = (&routed.pair, &routed.backend);
        backend.set("ipv6/conf/default/accept_dad", "0");
        pair.near.shell(&format!(
            "ip link add s0 up type veth peer name s1 netns {}",
            backend.path()
        ));
        pair.add_ipv6();
        pair.near.set("ipv6/conf/s0/disable_ipv6", "0");
        backend.shell("ip link set s1 up");
        for (host, device, own) in [(&pair.near, "s0", 1), (backend, "s1", 2)] {
            host.shell(&format!("ip addr add 10.0.2.{own}/24 dev {device}"));
            host.shell(&format!("ip addr add fd02::{own}/64 dev {device} nodad"));
            host.await_carrier(device);
        }
        backend.shell("ip route add default via 10.0.2.1");
        backend.shell("ip -6 route add default via fd02::1");
        pair.far.shell("ip route add default via 10.0.0.1");
        pair.far.shell("ip -6 route add default via fd00::1");
        pair.near.set("ipv4/ip_forward", "1");
        pair.near.set("ipv6/conf/all/forwarding", "1");
        for line in [
            "add table inet t",
            "add chain inet t to { type nat hook prerouting priority -100 ; }",
            "add chain inet t from { type nat hook postrouting priority 100 ; }",
        ] {
            pair.near.shell(&format!("nft {line}"));
        }
        for rule in rules {
            pair.near.shell(&format!("nft add rule inet t {rule}"));
        }
        routed
    }

    fn watch(&self, options: FlowSourceBuilder) -> Watch {
        Watch::open(&self.pair.near, options)
    }

    /// One datagram and its answer, from a client's port to a service, which a backend serves at another port.
    fn datagrams(&self, port: u16, to: &str, at: &str) {
        let own = if at.starts_with('[') {
            "[fd00::2]"
        } else {
            CLIENT
        };
        let server = self.backend.run(|| bind_udp(address(at)));
        let client = self
            .pair
            .far
            .run(|| bind_udp(address(&format!("{own}:{port}"))));
        exchange(&client, address(to), &server);
    }
}

fn exchange(client: &UdpSocket, to: SocketAddr, server: &UdpSocket) {
    for socket in [client, server] {
        socket.set_read_timeout(Some(LONGEST)).unwrap();
    }
    let mut buffer = [0; 16];
    client.send_to(b"question", to).unwrap();
    let (_, sender) = server.recv_from(&mut buffer).unwrap();
    server.send_to(b"answer", sender).unwrap();
    assert_eq!(client.recv_from(&mut buffer).unwrap().1, to);
}

/// A connection that stays open, with octets both ways.
fn connected(client: &Host, to: &str, server: &Host, at: &str) -> (TcpStream, TcpStream) {
    let listener = server.run(|| TcpListener::bind(at).unwrap());
    let mut client = client.run(|| TcpStream::connect(to).unwrap());
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(b"question").unwrap();
    server.read_exact(&mut [0; 8]).unwrap();
    server.write_all(b"answer").unwrap();
    client.read_exact(&mut [0; 6]).unwrap();
    (client, server)
}

fn nat(mode: Attach) -> FlowSourceBuilder {
    on("v0").interfaces(["v0", "s0"]).attach(mode).nat(true)
}

fn taken(mut watch: Watch) -> Outcome {
    watch.take_for(LOOK);
    watch.finish()
}

/// The record of one protocol at an interface.
fn at<'a>(outcome: &'a Outcome, interface: &str, protocol: Protocol) -> &'a Flow {
    outcome.only(|flow| &*flow.interface.name == interface && flow.protocol == protocol)
}

fn end(text: &str) -> Endpoint {
    let at = address(text);
    Endpoint::new(at.ip(), at.port())
}

/// The translation of a flow: source and destination on the other side.
fn translated(flow: &Flow) -> [Option<Endpoint>; 2] {
    let nat: &Nat = flow.nat.as_deref().unwrap_or_else(|| panic!("{flow:#?}"));
    // Connections come in at the client's side.
    let before = &*flow.interface.name == "v0";
    assert_eq!(nat.seen == NatSeen::Before, before, "{flow:#?}");
    [nat.source, nat.destination]
}

fn address_of_a_service_leads_to_its_backend(mode: Attach) {
    let routed = Routed::new(&[
        "to ip daddr 10.0.9.1 tcp dport 80 dnat ip to 10.0.2.2:8080",
        "to ip daddr 10.0.9.1 udp dport 53 dnat ip to 10.0.2.2:5353",
    ]);
    let watch = routed.watch(nat(mode));
    let to = format!("{SERVICE}:80");
    let kept = connected(&routed.pair.far, &to, &routed.backend, "10.0.2.2:8080");
    routed.datagrams(4000, &format!("{SERVICE}:53"), "10.0.2.2:5353");
    let outcome = taken(watch);
    for (protocol, service, backend) in [
        (Protocol::TCP, "10.0.9.1:80", "10.0.2.2:8080"),
        (Protocol::UDP, "10.0.9.1:53", "10.0.2.2:5353"),
    ] {
        let [service, backend] = [service, backend].map(end);
        for (interface, here, there) in [("v0", service, backend), ("s0", backend, service)] {
            let flow = at(&outcome, interface, protocol);
            assert_eq!(flow.destination, here);
            assert_eq!(translated(flow), [None, Some(there)]);
        }
    }
    assert_eq!(outcome.stats.lookups_missed, 0);
    drop(kept);
}

fn masqueraded_source_is_known_on_both_sides(mode: Attach) {
    let routed = Routed::new(&["from oifname s0 meta l4proto { tcp, udp } masquerade to :7000"]);
    let watch = routed.watch(nat(mode));
    let kept = connected(
        &routed.pair.far,
        "10.0.2.2:80",
        &routed.backend,
        "10.0.2.2:80",
    );
    routed.datagrams(4000, "10.0.2.2:53", "10.0.2.2:53");
    let outcome = taken(watch);
    let client = kept.0.local_addr().unwrap().to_string();
    for (protocol, client) in [(Protocol::TCP, &*client), (Protocol::UDP, "10.0.0.2:4000")] {
        let client = end(client);
        let gateway = end(&format!("{ROUTER}:7000"));
        for (interface, here, there) in [("v0", client, gateway), ("s0", gateway, client)] {
            let flow = at(&outcome, interface, protocol);
            assert_eq!(flow.source, here);
            assert_eq!(translated(flow), [Some(there), None]);
        }
    }
}

const BOTH: [&str; 3] = [
    "to ip daddr 10.0.9.1 udp dport 53 dnat ip to 10.0.2.2:5353",
    "to ip daddr 10.0.9.1 icmp type echo-request dnat ip to 10.0.2.2",
    "from oifname s0 masquerade",
];

fn both_ends_may_be_translated() {
    let routed = Routed::new(&BOTH);
    let watch = routed.watch(nat(Attach::Auto));
    routed.datagrams(4000, "10.0.9.1:53", "10.0.2.2:5353");
    let outcome = taken(watch);
    let [client, service, gateway, backend] = [
        "10.0.0.2:4000",
        "10.0.9.1:53",
        "10.0.2.1:4000",
        "10.0.2.2:5353",
    ]
    .map(end);
    for (interface, here, there) in [
        ("v0", [client, service], [gateway, backend]),
        ("s0", [gateway, backend], [client, service]),
    ] {
        let flow = at(&outcome, interface, Protocol::UDP);
        assert_eq!([flow.source, flow.destination], here);
        assert_eq!(translated(flow), there.map(Some));
    }
}

fn translated_ping_has_both_addresses() {
    let routed = Routed::new(&BOTH);
    let watch = routed.watch(nat(Attach::Auto));
    routed.pair.far.shell(&format!("ping -c 1 -W 5 {SERVICE}"));
    let outcome = taken(watch);
    let bare = |text: &str| Endpoint::without_port(address(&format!("{text}:0")).ip());
    let [client, service, gateway, backend] = [CLIENT, SERVICE, ROUTER, BACKEND].map(bare);
    for (interface, here, there) in [
        ("v0", [client, service], [gateway, backend]),
        ("s0", [gateway, backend], [client, service]),
    ] {
        let flow = at(&outcome, interface, Protocol::ICMP);
        assert_eq!([flow.source, flow.destination], here);
        assert_eq!(translated(flow), there.map(Some));
    }
}

fn address_of_an_ipv6_service_leads_to_its_backend() {
    let routed = Routed::new(&[
        "to ip6 daddr fd09::1 tcp dport 80 dnat ip6 to [fd02::2]:8080",
        "to ip6 daddr fd09::1 udp dport 53 dnat ip6 to [fd02::2]:5353",
        "to ip6 daddr fd09::1 icmpv6 type echo-request dnat ip6 to fd02::2",
    ]);
    let watch = routed.watch(nat(Attach::Auto));
    let (far, backend) = (&routed.pair.far, &routed.backend);
    let kept = connected(far, "[fd09::1]:80", backend, "[fd02::2]:8080");
    routed.datagrams(4000, "[fd09::1]:53", "[fd02::2]:5353");
    far.shell("ping -c 1 -W 5 fd09::1");
    let outcome = taken(watch);
    for (protocol, service, backend) in [
        (Protocol::TCP, "[fd09::1]:80", "[fd02::2]:8080"),
        (Protocol::UDP, "[fd09::1]:53", "[fd02::2]:5353"),
    ] {
        let [service, backend] = [service, backend].map(end);
        for (interface, here, there) in [("v0", service, backend), ("s0", backend, service)] {
            let flow = at(&outcome, interface, protocol);
            assert_eq!(flow.destination, here);
            assert_eq!(translated(flow), [None, Some(there)]);
        }
    }
    let [service, backend] =
        ["[fd09::1]:0", "[fd02::2]:0"].map(|text| Endpoint::without_port(address(text).ip()));
    for (interface, here, there) in [("v0", service, backend), ("s0", backend, service)] {
        let is_ping = |flow: &Flow| {
            &*flow.interface.name == interface
                && flow.protocol == Protocol::ICMPV6
                && flow.icmp_id.is_some()
        };
        let flow = outcome.only(is_ping);
        assert_eq!(flow.destination, here);
        assert_eq!(translated(flow), [None, Some(there)]);
    }
    drop(kept);
}

/// A flow that is looked up before the kernel tracks it: its first packet was sent before there was a rule.
fn entry_made_after_the_first_request_is_found() {
    let routed = Routed::new(&[]);
    let near = &routed.pair.near;
    let server = routed.backend.run(|| bind_udp(address("10.0.2.2:53")));
    let mut watch = routed.watch(nat(Attach::Auto));
    let mut clients = Vec::new();
    // The second request comes a second after the first: a slow machine may not have the entry by then, for one flow.
    for port in 4000..4005 {
        near.shell("nft delete table inet t");
        let own = address(&format!("10.0.0.2:{port}"));
        let client = routed.pair.far.run(|| bind_udp(own));
        exchange(&client, address("10.0.2.2:53"), &server);
        // The first request comes with the first sweep.
        watch.take_for(Duration::from_millis(300));
        near.shell(
            "nft add table inet t ; \
             add chain inet t from { type nat hook postrouting priority 100 ; } ; \
             add rule inet t from oifname s0 masquerade",
        );
        client.send_to(b"question", "10.0.2.2:53").unwrap();
        server.recv_from(&mut [0; 16]).unwrap();
        clients.push(client);
    }
    let outcome = taken(watch);
    let is_found = |flow: &Flow| {
        let expected = flow
            .source
            .port
            .map(|port| end(&format!("10.0.2.1:{port}")));
        flow.protocol == Protocol::UDP && translated(flow) == [expected, None]
    };
    let flows = outcome.flows.iter();
    let found = flows.filter(|flow| &*flow.interface.name == "v0" && is_found(flow));
    assert!(found.count() > 0, "{:?}", outcome.flows);
}

fn translation_outlives_its_entry() {
    let routed = Routed::new(&BOTH);
    let near = &routed.pair.near;
    near.set("netfilter/nf_conntrack_udp_timeout", "3");
    near.set("netfilter/nf_conntrack_udp_timeout_stream", "3");
    let mut watch = routed.watch(nat(Attach::Auto));
    routed.datagrams(4000, "10.0.9.1:53", "10.0.2.2:5353");
    let count = || {
        let path = "/proc/sys/net/netfilter/nf_conntrack_count";
        let count = near.run(|| std::fs::read_to_string(path).unwrap());
        count.trim().parse::<u32>().unwrap()
    };
    assert_eq!(count(), 1);
    watch.take_for(LOOK);
    // The kernel removes an expired entry when it comes across it.
    until_true("the entry to go", || {
        near.run(|| std::fs::read_to_string("/proc/thread-self/net/nf_conntrack").ok());
        count() == 0
    });
    let outcome = watch.finish();
    let flow = at(&outcome, "v0", Protocol::UDP);
    let expected = ["10.0.2.1:4000", "10.0.2.2:5353"].map(end).map(Some);
    assert_eq!(translated(flow), expected);
}

/// A tracked flow whose addresses stay, and one of a host that tracks nothing.
fn flow_without_a_translation_has_none() {
    for tracks in [true, false] {
        let routed = Routed::new(&BOTH[..1]);
        if !tracks {
            routed.pair.near.shell("nft delete table inet t");
        }
        let watch = routed.watch(nat(Attach::Auto));
        routed.datagrams(4000, "10.0.2.2:53", "10.0.2.2:53");
        let outcome = taken(watch);
        for interface in ["v0", "s0"] {
            assert_eq!(at(&outcome, interface, Protocol::UDP).nat, None);
        }
        assert_eq!(outcome.stats.lookups_missed, 0);
    }
}

fn translations_are_off_by_default() {
    let routed = Routed::new(&BOTH);
    let watch = routed.watch(on("v0"));
    routed.datagrams(4000, "10.0.9.1:53", "10.0.2.2:5353");
    let outcome = taken(watch);
    assert_eq!(at(&outcome, "v0", Protocol::UDP).nat, None);
}

/// Opens a passed source with translations, without `CAP_NET_ADMIN`.
pub(crate) fn passed_without_net_admin(pair: &Pair, instance: &str) -> Watch {
    let options = on("v0").nat(true).pinning(Pinning::instance(instance));
    let prepared = pair.near.run(|| within(LONGEST, options.clone().prepare()));
    let (handover, prepared) = prepared.expect("preparing hangs").unwrap();
    assert_eq!(prepared.degradations, []);
    let opened = pair.near.run(|| {
        let mut mine = capabilities(None).unwrap();
        mine.effective -= CapabilitySet::NET_ADMIN;
        mine.permitted -= CapabilitySet::NET_ADMIN;
        set_capabilities(None, mine).unwrap();
        within(LONGEST, options.open_passed(handover))
    });
    Watch::new(opened.expect("opening hangs").unwrap())
}

/// The source opens and captures, and the report says what it lacks.
fn translations_take_cap_net_admin() {
    let pair = Pair::new();
    let instance = instance_name();
    let watch = passed_without_net_admin(&pair, &instance);
    let rows = watch.source.report().degradations;
    let row = rows.iter().find(|row| row.feature == Feature::Nat);
    let row = row.unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!(&*row.cause, "CAP_NET_ADMIN is missing");
    Injector::new(&pair.far, "v1").send(&frame::numbered(1));
    assert_eq!(watch.finish().packets, 1);
    Pinning::instance(&instance).remove().unwrap();
}
