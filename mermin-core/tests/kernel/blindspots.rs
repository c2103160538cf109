//! docs/BLINDSPOTS.md: packets that no program of traffic control sees, and packets that it sees and that do not arrive. Each
//! claim is tried if one host is enough for it.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddrV6, UdpSocket},
    time::Duration,
};

use mermin_core::report::Feature;

use crate::support::{
    frame,
    host::{FAR_MAC, NEAR_MAC, Pair},
    raw::{self, Deed},
    skip::skip,
    traffic::{Injector, address, bind_udp, udp_dialogue},
    wait::until_true,
    watch::{Watch, on},
};

const FRAMES: u64 = 40;

crate::cases! {
    case packets_that_bypass_the_qdisc_are_not_seen,
    case packets_that_xdp_takes_are_not_seen,
    case redirected_peer_misses_packets_at_the_near_end,
    case own_addresses_are_seen_at_loopback_alone,
    case packets_dropped_by_netfilter_are_seen_at_ingress_alone,
    case packets_dropped_by_the_qdisc_are_counted,
    case seen_at_the_parent_of_macvlans,
    case copies_of_own_groups_are_in_no_flow,
}

/// Waits until the report of a source says that packets pass and that it counts none, while that is so.
fn told_of_silence(watch: &Watch, direction: &str, mut meanwhile: impl FnMut()) {
    until_true("word of packets that do not come", || {
        meanwhile();
        std::thread::sleep(Duration::from_millis(20));
        let report = watch.handle.report();
        report.degradations.iter().any(|said| {
            said.feature == Feature::Traffic
                && said.cause.contains("none came to the program")
                && said.cause.ends_with(direction)
        })
    });
}

/// A datagram for the other side, from a port of this number.
fn to_far(number: u64) -> Vec<u8> {
    let mut frame = frame::numbered(number);
    frame[..6].copy_from_slice(&FAR_MAC);
    frame[6..12].copy_from_slice(&NEAR_MAC);
    frame
}

/// The sender's own interface does not show them, and the receiver's does.
fn packets_that_bypass_the_qdisc_are_not_seen() {
    let pair = Pair::new();
    let (near, far) = (
        Watch::open(&pair.near, on("v0")),
        Watch::open(&pair.far, on("v1")),
    );
    let injector = Injector::past_the_qdisc(&pair.near, "v0");
    let mut sent = 0;
    told_of_silence(&near, "egress", || {
        injector.send(&to_far(1));
        sent += 1;
    });
    assert_eq!(near.finish().packets, 0);
    assert_eq!(far.finish().packets, sent);
}

fn packets_that_xdp_takes_are_not_seen() {
    let pair = Pair::new();
    let index = pair.near.index("v0");
    let _program = pair.near.run(|| raw::drop_by_xdp(index)).unwrap();
    let watch = Watch::open(&pair.near, on("v0"));
    let injector = Injector::new(&pair.far, "v1");
    told_of_silence(&watch, "ingress", || injector.send(&frame::numbered(1)));
    assert_eq!(watch.finish().packets, 0);
}

/// Two links: what comes by the one is handed to the far end of the other, as some networks of Kubernetes do. The near end of
/// the other is passed over, and both its ends that packets do cross see them.
fn redirected_peer_misses_packets_at_the_near_end() {
    let pair = Pair::new();
    pair.join(1);
    let (from, over) = (pair.near.index("v0"), pair.near.index("v2"));
    let watch = Watch::open(&pair.near, on("v0").interfaces(["v0", "v2"]));
    let inside = Watch::open(&pair.far, on("v3"));
    let attached = pair.near.run(|| {
        let program = raw::load("other", Deed::ToPeerOf(over)).unwrap();
        raw::attach_tcx(&program, from)
    });
    let Ok(_link) = attached else {
        skip("the kernel has no TCX");
    };
    let injector = Injector::new(&pair.far, "v1");
    for _ in 0..FRAMES {
        injector.send(&frame::numbered(1));
    }
    let outcome = watch.finish();
    assert_eq!(outcome.only(|_| true).interface.name.as_ref(), "v0");
    assert_eq!((outcome.packets, inside.finish().packets), (FRAMES, FRAMES));
}

/// A host reaches its own addresses over loopback, whichever interface has them.
fn own_addresses_are_seen_at_loopback_alone() {
    let pair = Pair::new();
    pair.near.shell("ip link set lo up");
    let watch = Watch::open(&pair.near, on("v0").interfaces(["v0", "lo"]));
    pair.near.run(|| {
        let socket = UdpSocket::bind("10.0.0.1:0").unwrap();
        for _ in 0..FRAMES {
            socket.send_to(b"x", "10.0.0.1:9").unwrap();
        }
    });
    let outcome = watch.finish();
    let seen = outcome.flows.iter().map(|flow| &*flow.interface.name);
    assert!(
        seen.clone().count() > 0 && seen.clone().all(|name| name == "lo"),
        "{:?}",
        outcome.flows
    );
}

/// Packets dropped before the egress hook are not seen. Packets dropped behind the ingress hook are.
fn packets_dropped_by_netfilter_are_seen_at_ingress_alone() {
    let drop = |family: &str, chain: &str| {
        format!(
            "nft 'table {family} t {{ chain c {{ type filter {chain} priority 0; udp dport 53 drop; }}; }}'"
        )
    };
    for (side, rule, seen) in [
        ("near", drop("inet", "hook output"), false),
        ("near", drop("netdev", "hook egress device v0"), false),
        ("far", drop("inet", "hook input"), true),
        ("far", drop("netdev", "hook ingress device v1"), true),
    ] {
        let pair = Pair::new();
        let (host, interface) = if side == "near" {
            (&pair.near, "v0")
        } else {
            (&pair.far, "v1")
        };
        let done = host.run(|| {
            std::process::Command::new("sh")
                .args(["-c", &rule])
                .output()
        });
        if !done.as_ref().is_ok_and(|it| it.status.success()) {
            skip(format!("nftables cannot `{rule}`: {done:?}"));
        }
        let watch = Watch::open(host, on(interface));
        pair.near.run(|| {
            let socket = bind_udp(address("10.0.0.1:40000"));
            for _ in 0..FRAMES {
                // The sender gets an error from the rule at the output.
                let _ = socket.send_to(b"x", "10.0.0.2:53");
            }
        });
        assert_eq!(
            watch.finish().packets,
            if seen { FRAMES } else { 0 },
            "{rule}"
        );
    }
}

/// The queue is behind the hook: its drops were counted, and the interface knows the number of sent packets.
fn packets_dropped_by_the_qdisc_are_counted() {
    let pair = Pair::new();
    let slow = "tc qdisc add dev v0 root tbf rate 8bit burst 1540 limit 1540";
    let done = pair
        .near
        .run(|| std::process::Command::new("sh").args(["-c", slow]).output());
    if !done.is_ok_and(|it| it.status.success()) {
        skip("the kernel has no `tbf`");
    }
    let before = pair.near.sent("v0").packets;
    let watch = Watch::open(&pair.near, on("v0"));
    pair.near.run(|| {
        let socket = bind_udp(address("10.0.0.1:40000"));
        for _ in 0..FRAMES {
            let _ = socket.send_to(&[0; 100], "10.0.0.2:53");
        }
    });
    // Packets that arrive get an answer, because the port is closed.
    let outcome = watch.finish();
    let flow = outcome.only(|flow| flow.destination.port == Some(53));
    assert_eq!(flow.forward.packets.total, FRAMES);
    assert!(pair.near.sent("v0").packets - before < FRAMES);
}

/// Packets between two macvlan devices of one parent are received by the parent as well.
fn seen_at_the_parent_of_macvlans() {
    let pair = Pair::new();
    let far = pair.far.path();
    let made = pair.near.run(|| {
        let line = format!(
            "ip link add m0 link v0 type macvlan mode bridge && ip link add m1 link v0 netns {far} type macvlan mode bridge"
        );
        std::process::Command::new("sh").args(["-c", &line]).output()
    });
    if !made.is_ok_and(|it| it.status.success()) {
        skip("the kernel has no macvlan");
    }
    for (host, device, address) in [
        (&pair.near, "m0", "10.0.9.1"),
        (&pair.far, "m1", "10.0.9.2"),
    ] {
        host.shell(&format!("ip addr add {address}/24 dev {device}"));
        host.shell(&format!("ip link set {device} up"));
    }
    let watch = Watch::open(&pair.near, on("v0"));
    let ends = [address("10.0.9.1:40000"), address("10.0.9.2:53")];
    udp_dialogue(&pair, ends, 10, [10, 20]);
    let outcome = watch.finish();
    let flow = outcome.only(|flow| flow.destination.port == Some(53));
    assert_eq!(
        (flow.forward.packets.total, flow.reverse.packets.total),
        (10, 10)
    );
}

/// The host is a member of two groups, and its broadcast reaches itself. Its address looks like an EtherType where one would be in a frame:
/// 8.0 is that of IPv4.
fn copies_of_own_groups_are_in_no_flow() {
    const PORT: u16 = 5000;
    let (group, own) = (Ipv4Addr::new(239, 1, 2, 3), Ipv4Addr::new(8, 0, 0, 1));
    let group_v6: Ipv6Addr = "ff02::1234".parse().unwrap();
    let pair = Pair::new();
    pair.add_ipv6();
    pair.near.batch(
        "address add 8.0.0.1/24 brd + dev v0
         route add 239.0.0.0/8 dev v0 src 8.0.0.1",
    );
    let index = pair.near.index("v0");
    let watch = Watch::open(&pair.near, on("v0"));
    let received = pair.near.received("v0");
    pair.near.run(|| {
        let sender = UdpSocket::bind((own, 4000)).unwrap();
        sender.set_broadcast(true).unwrap();
        let sender_v6 = bind_udp(address("[fd00::1]:4000"));
        let in_v6 = SocketAddrV6::new(group_v6, PORT, 0, index);
        let send = |target: Ipv4Addr| {
            for _ in 0..FRAMES {
                sender.send_to(&[7; 100], (target, PORT)).unwrap();
            }
        };
        // Without a member there is no copy.
        send(group);
        let member = UdpSocket::bind((group, PORT)).unwrap();
        member.join_multicast_v4(&group, &own).unwrap();
        let member_v6 = UdpSocket::bind(in_v6).unwrap();
        member_v6.join_multicast_v6(&group_v6, index).unwrap();
        send(group);
        send(Ipv4Addr::new(8, 0, 0, 255));
        for _ in 0..FRAMES {
            sender_v6.send_to(&[7; 100], in_v6).unwrap();
        }
        // These do not leave the host, and the member gets them.
        sender.set_multicast_ttl_v4(0).unwrap();
        send(group);
        for (member, copies) in [(member, 2 * FRAMES), (member_v6, FRAMES)] {
            member
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            for _ in 0..copies {
                assert_eq!(member.recv(&mut [0; 200]).unwrap(), 100);
            }
        }
    });
    let arrived = pair.near.received("v0").packets - received.packets;
    let outcome = watch.finish();
    for (target, sent) in [
        ("239.1.2.3", 2 * FRAMES),
        ("8.0.0.255", FRAMES),
        ("ff02::1234", FRAMES),
    ] {
        let flow = outcome.only(|flow| {
            flow.destination.address == target.parse::<std::net::IpAddr>().unwrap()
                && flow.destination.port == Some(PORT)
        });
        let ways = [flow.forward.packets.total, flow.reverse.packets.total];
        assert_eq!(ways, [sent, 0], "{target}");
    }
    // No other flow is of this source.
    let made = outcome.flows.iter().filter(|flow| {
        ![flow.source.address, flow.destination.address]
            .iter()
            .any(|at| at.is_ipv6() || at.is_multicast() || *at == own)
    });
    assert_eq!(made.count(), 0, "{:#?}", outcome.flows);
    assert_eq!(outcome.ignored("looped_back"), 4 * FRAMES);
    assert_eq!(outcome.all_ignored(), 4 * FRAMES, "{:#?}", outcome.stats);
    assert!(arrived < FRAMES, "{arrived}");
}
