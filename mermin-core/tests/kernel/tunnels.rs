//! Packets in tunnels: every kind made by hand, and a VXLAN device with TCP through it.

use std::net::SocketAddr;

use mermin_core::{
    Attach, Flow, Tunnels,
    flow::{Tunnel, TunnelKind, Uniflow},
};

use crate::{
    Case, each_mode,
    support::{
        frame::{self, IPV4},
        host::Pair,
        ledger::wire,
        raw,
        traffic::{Injector, address, tcp_transfer, udp_socket},
        watch::{Outcome, Watch, on},
    },
};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(each_mode("every_tunnel", every_tunnel));
    cases.extend(each_mode("tunnels_behind_a_label", tunnels_behind_a_label));
    cases.extend(each_mode("tunnels_that_cannot_be", tunnels_that_cannot_be));
    cases.extend(each_mode("a_tunnel_in_fragments", a_tunnel_in_fragments));
    cases.extend(each_mode("a_wireguard_session", a_wireguard_session));
    cases.extend(each_mode("a_vxlan_device", a_vxlan_device));
    cases.extend(each_mode(
        "a_carrier_that_counts_itself",
        a_carrier_that_counts_itself,
    ));
    cases
}

fn outer_ends() -> [SocketAddr; 2] {
    [address("10.0.0.1:50000"), address("10.0.0.2:50000")]
}

fn inner_ends() -> [SocketAddr; 2] {
    [address("10.1.0.1:40000"), address("10.1.0.2:53")]
}

/// Both versions of IP around both: addresses of the carrier and of what it carries, with the length of their headers.
fn versions() -> [[([SocketAddr; 2], u64); 2]; 4] {
    let outer = [
        (outer_ends(), 20),
        (["[fd00::1]:50000", "[fd00::2]:50000"].map(address), 40),
    ];
    let inner = [
        (inner_ends(), 20),
        (["[fd01::1]:40000", "[fd01::2]:53"].map(address), 40),
    ];
    [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(around, inside)| [outer[around], inner[inside]])
}

/// Puts a tunnel's header in front of an inner frame, whose packet begins behind 14 octets.
type Wrap = fn(&[u8]) -> Vec<u8>;

struct Wrapping {
    kind: TunnelKind,
    id: Option<u32>,
    carrier: Carrier,
    /// Octets between outer IP header and inner one.
    between: u64,
    wrap: Wrap,
}

/// What carries the tunnel's header.
#[derive(Clone, Copy)]
enum Carrier {
    /// To this port.
    Udp(u16),
    /// IP with the number of GRE.
    Gre,
    /// IP with the number of the packet inside.
    Ip,
}

impl Carrier {
    fn protocol(self, carries_ipv4: bool) -> u8 {
        match self {
            Self::Udp(_) => frame::UDP,
            Self::Gre => 47,
            Self::Ip if carries_ipv4 => 4,
            Self::Ip => 41,
        }
    }

    fn port(self) -> Option<u16> {
        match self {
            Self::Udp(port) => Some(port),
            Self::Gre | Self::Ip => None,
        }
    }
}

fn kinds() -> [Wrapping; 6] {
    let kind = |kind, id, carrier, between, wrap| Wrapping {
        kind,
        id,
        carrier,
        between,
        wrap,
    };
    [
        kind(
            TunnelKind::Vxlan,
            Some(42),
            Carrier::Udp(4789),
            30,
            |inner| [&[8, 0, 0, 0, 0, 0, 42, 0][..], inner].concat(),
        ),
        kind(
            TunnelKind::Geneve,
            Some(43),
            Carrier::Udp(6081),
            38,
            |inner| {
                let header = [2, 0, 0x65, 0x58, 0, 0, 43, 0, 0, 1, 0, 1, 0, 0, 0, 0];
                [&header[..], inner].concat()
            },
        ),
        kind(TunnelKind::Gre, Some(44), Carrier::Gre, 22, |inner| {
            [&[0x20, 0, 0x65, 0x58, 0, 0, 0, 44][..], inner].concat()
        }),
        kind(TunnelKind::Gre, None, Carrier::Gre, 4, |inner| {
            [&[0, 0][..], &inner[12..]].concat()
        }),
        kind(TunnelKind::Ipip, None, Carrier::Ip, 0, |inner| {
            inner[14..].to_vec()
        }),
        kind(
            TunnelKind::Gtpu,
            Some(45),
            Carrier::Udp(2152),
            16,
            |inner| {
                let length = u16::try_from(inner.len() - 14).unwrap().to_be_bytes();
                [&[0x30, 255][..], &length, &[0, 0, 0, 45], &inner[14..]].concat()
            },
        ),
    ]
}

impl Wrapping {
    fn frame(&self, from: SocketAddr, to: SocketAddr, inner: &[u8]) -> Vec<u8> {
        frame::tagged(&[], &self.packet(from, to, inner))
    }

    fn packet(&self, from: SocketAddr, mut to: SocketAddr, inner: &[u8]) -> Vec<u8> {
        let content = (self.wrap)(inner);
        match self.carrier {
            Carrier::Udp(port) => {
                to.set_port(port);
                frame::udp(from, to, &content)
            }
            Carrier::Gre | Carrier::Ip => {
                let protocol = self.carrier.protocol(inner[14] >> 4 == 4);
                frame::ip(from.ip(), to.ip(), protocol, &content)
            }
        }
    }

    /// The flow in this tunnel that `low` started, where `near` carried it.
    fn only<'a>(&self, outcome: &'a Outcome, near: SocketAddr, low: SocketAddr) -> &'a Flow {
        outcome.only(|flow| {
            let found = tunnel(flow);
            (found.kind, found.id) == (self.kind, self.id)
                && found.source.address == near.ip()
                && flow.source.to_string() == low.to_string()
        })
    }
}

fn counts(half: &Uniflow) -> (u64, u64) {
    (half.packets.total, half.octets.total)
}

fn tunnel(flow: &Flow) -> &Tunnel {
    flow.tunnel.as_ref().unwrap()
}

/// A pair with a source on `v0`, and senders to both of its hooks.
fn bench(mode: Attach) -> (Pair, Watch, [Injector; 2]) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let senders = [
        Injector::new(&pair.near, "v0"),
        Injector::new(&pair.far, "v1"),
    ];
    (pair, watch, senders)
}

fn every_tunnel(mode: Attach) {
    let (_pair, watch, [out, into]) = bench(mode);
    for [([near, far], _), ([low, high], _)] in versions() {
        for kind in kinds() {
            for _ in 0..3 {
                let there = frame::tagged(&[], &frame::udp(low, high, &[1; 60]));
                let back = frame::tagged(&[], &frame::udp(high, low, &[2; 70]));
                out.send(&kind.frame(near, far, &there));
                into.send(&kind.frame(far, near, &back));
            }
        }
    }
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), versions().len() * kinds().len());
    for [(ends, outer_header), ([low, high], inner_header)] in versions() {
        let [near, far] = ends;
        for kind in kinds() {
            let flow = kind.only(&outcome, near, low);
            assert_eq!(flow.destination.to_string(), high.to_string());
            assert_eq!(counts(&flow.forward), (3, 3 * (inner_header + 68)));
            assert_eq!(counts(&flow.reverse), (3, 3 * (inner_header + 78)));
            let found = tunnel(flow);
            let protocol = kind.carrier.protocol(low.is_ipv4());
            assert_eq!(found.protocol.0, protocol);
            assert_eq!(found.destination.address, far.ip());
            let port = kind.carrier.port();
            assert_eq!(found.destination.port, port);
            assert_eq!(found.source.port, port.map(|_| near.port()));
            assert!(found.source_mac.is_some());
            for (half, added) in [
                (&flow.forward, found.forward),
                (&flow.reverse, found.reverse),
            ] {
                assert_eq!(added.total, 3 * (outer_header + kind.between), "{flow:#?}");
                let frames = half.octets.total + added.total + 3 * 14;
                assert_eq!(half.frame_octets.total, frames);
            }
        }
    }
    assert_eq!(outcome.all_uncounted(), 0);
}

/// A label of MPLS is nothing that the program at the hook knows: another finds what carries the tunnel.
fn tunnels_behind_a_label(mode: Attach) {
    const MPLS: u16 = 0x8847;
    const BOTTOM: [u8; 4] = [0, 1, 1, 64];
    let (_pair, watch, [out, into]) = bench(mode);
    for [([near, far], _), ([low, high], _)] in versions() {
        for kind in kinds() {
            let there = frame::tagged(&[], &frame::udp(low, high, &[1; 60]));
            let back = frame::tagged(&[], &frame::udp(high, low, &[2; 70]));
            for (sender, packet) in [
                (&out, kind.packet(near, far, &there)),
                (&into, kind.packet(far, near, &back)),
            ] {
                sender.send(&frame::ethernet(MPLS, &[&BOTTOM[..], &packet].concat()));
            }
        }
    }
    let outcome = watch.finish();
    assert_eq!(outcome.flows.len(), versions().len() * kinds().len());
    for [([near, far], outer_header), ([low, high], inner_header)] in versions() {
        for kind in kinds() {
            let flow = kind.only(&outcome, near, low);
            assert_eq!(flow.destination.to_string(), high.to_string());
            assert_eq!(tunnel(flow).destination.address, far.ip());
            assert_eq!(counts(&flow.forward), (1, inner_header + 68));
            assert_eq!(counts(&flow.reverse), (1, inner_header + 78));
            let added = outer_header + kind.between;
            assert_eq!(tunnel(flow).forward.total, added, "{flow:#?}");
            let frame = inner_header + 68 + added + 14 + 4;
            assert_eq!(flow.forward.frame_octets.total, frame);
        }
    }
    assert_eq!(outcome.all_uncounted(), 0);
}

fn tunnels_that_cannot_be(mode: Attach) {
    let (_pair, watch, [out, _into]) = bench(mode);
    let ([near, far], [low, high]) = (outer_ends(), inner_ends());
    let inner = frame::ethernet(IPV4, &frame::udp(low, high, &[1; 60]));
    let [vxlan, geneve, ..] = kinds();
    // The inner header claims an octet more than there is.
    out.send(&vxlan.frame(near, far, &inner[..inner.len() - 1]));
    // Six words of options where there are four octets.
    let mut to = far;
    to.set_port(6081);
    let options = frame::udp(near, to, &[6, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0]);
    out.send(&frame::ethernet(IPV4, &options));
    // Three levels.
    let mut nested = inner.clone();
    for _ in 0..2 {
        nested = geneve.frame(near, far, &nested);
    }
    out.send(&vxlan.frame(near, far, &nested));
    // ARP inside, and a datagram that is no VXLAN, are the carrier's.
    out.send(&vxlan.frame(near, far, &frame::ethernet(0x0806, &[0; 28])));
    to.set_port(4789);
    out.send(&frame::ethernet(IPV4, &frame::udp(near, to, &[0; 40])));
    let outcome = watch.finish();
    let flow = outcome.only(|_| true);
    assert_eq!(flow.destination.to_string(), to.to_string());
    assert_eq!((flow.forward.packets.total, flow.tunnel), (2, None));
    for reason in ["malformed_ipv4", "malformed_tunnel", "too_many_tunnels"] {
        assert_eq!(
            outcome.uncounted(reason),
            1,
            "{reason}: {:#?}",
            outcome.stats
        );
    }
    assert_eq!(outcome.all_uncounted(), 3);
}

/// Later fragments of a carrier bring the rest of the inner packet.
fn a_tunnel_in_fragments(mode: Attach) {
    let (_pair, watch, [out, into]) = bench(mode);
    let ([near, far], [low, high]) = (outer_ends(), inner_ends());
    let [vxlan, ..] = kinds();
    for (from, to, inner_from, inner_to, sender) in
        [(near, far, low, high, &out), (far, near, high, low, &into)]
    {
        let inner = frame::ethernet(IPV4, &frame::udp(inner_from, inner_to, &[1; 3000]));
        let packet = vxlan.packet(from, to, &inner);
        for (number, part) in packet[20..].chunks(1400).enumerate() {
            let mut cut = frame::ip(from.ip(), to.ip(), 17, part);
            let to_come = u16::from(part.len() == 1400) << 13;
            let field = to_come | u16::try_from(number * 1400 / 8).unwrap();
            cut[4..6].copy_from_slice(&[0, 9]);
            cut[6..8].copy_from_slice(&field.to_be_bytes());
            sender.send(&frame::ethernet(IPV4, &cut));
        }
    }
    let outcome = watch.finish();
    let flow = outcome.only(|_| true);
    assert_eq!(flow.source.to_string(), low.to_string());
    for half in [&flow.forward, &flow.reverse] {
        assert_eq!(counts(half), (3, 3028));
    }
    // What is not inner packet: 30 octets once, and an IP header for each fragment.
    assert_eq!(tunnel(flow).forward.total, 30 + 3 * 20);
    assert_eq!(outcome.all_uncounted(), 0);
}

fn a_wireguard_session(mode: Attach) {
    let (_pair, watch, [out, into]) = bench(mode);
    let [near, mut far] = outer_ends();
    far.set_port(51_820);
    let data = |receiver: u8| [&[4, 0, 0, 0, receiver, 0, 0, 0x80][..], &[7; 56]].concat();
    out.send(&frame::ethernet(IPV4, &frame::udp(near, far, &data(1))));
    for _ in 0..2 {
        into.send(&frame::ethernet(IPV4, &frame::udp(far, near, &data(2))));
    }
    let outcome = watch.finish();
    let flow = outcome.only(|_| true);
    assert_eq!([counts(&flow.forward).0, counts(&flow.reverse).0], [1, 2]);
    assert_eq!(flow.ipsec.unwrap().receiver_index, Some(0x8000_0001));
    assert_eq!(flow.ipsec.unwrap().sender_index, None);
    let found = tunnel(flow);
    assert_eq!(
        (found.kind, found.id, found.destination.to_string()),
        (TunnelKind::WireGuard, Some(0x8000_0001), far.to_string())
    );
}

/// TCP through a VXLAN device: what its own interface counts is what is counted inside of the tunnel.
fn a_vxlan_device(mode: Attach) {
    let pair = Pair::new();
    for (host, name, own, other) in [(&pair.near, "v0", 1, 2), (&pair.far, "v1", 2, 1)] {
        host.shell(&format!(
            "ip link add vx0 type vxlan id 42 local 10.0.0.{own} remote 10.0.0.{other} dev {name} dstport 4789"
        ));
        host.shell(&format!("ip addr add 10.9.0.{own}/24 dev vx0"));
        host.shell("ip link set vx0 up");
    }
    let carrier = Watch::open(&pair.near, on("v0").attach(mode));
    let outside = Watch::open(&pair.near, on("v0").attach(mode).tunnels(Tunnels::Outer));
    let inside = Watch::open(&pair.near, on("vx0").attach(mode));
    let own = tcp_transfer(&pair, address("10.9.0.2:5201"), 50 << 20);
    let [carrier, outside, inside] = [carrier, outside, inside].map(Watch::finish);
    let of_transfer = |outcome: &Outcome| -> [(u64, u64); 2] {
        let flow = outcome.only(|flow| flow.source.to_string() == own.to_string());
        [&flow.forward, &flow.reverse].map(counts)
    };
    assert_eq!(of_transfer(&carrier), of_transfer(&inside));
    let flow = carrier.only(|flow| flow.source.to_string() == own.to_string());
    let found = tunnel(flow);
    assert_eq!((found.kind, found.id), (TunnelKind::Vxlan, Some(42)));
    assert_eq!(found.destination.address, address("10.0.0.2:0").ip());
    // Outer IP, UDP and VXLAN header, inner Ethernet header.
    assert_eq!(found.forward.total, flow.forward.packets.total * 50);
    assert_eq!(found.reverse.total, flow.reverse.packets.total * 50);
    // Super-packets crossed the hook.
    assert!(
        carrier
            .hooks
            .iter()
            .any(|hook| hook.traffic.skbs < hook.traffic.packets)
    );
    // Without decapsulation the segments repeat all headers as well.
    for egress in [false, true] {
        assert_eq!(wire(&carrier, "v0", egress), wire(&outside, "v0", egress));
    }
    let octets: u64 = outside
        .flows
        .iter()
        .map(|flow| counts(&flow.forward).1 + counts(&flow.reverse).1)
        .sum();
    let [got, sent] = [false, true].map(|egress| wire(&outside, "v0", egress));
    let link = 14 * (got.packets + sent.packets);
    assert_eq!(octets, got.octets + sent.octets - link);
    assert!(outside.flows.iter().all(|flow| flow.tunnel.is_none()));
    for outcome in [carrier, outside] {
        assert_eq!(outcome.all_uncounted(), 0);
    }
}

/// Where the outermost packet counts, it does so whatever is inside: a super-packet is looked into for its headers alone.
fn a_carrier_that_counts_itself(mode: Attach) {
    let pair = Pair::new();
    let watch = Watch::open(&pair.near, on("v0").attach(mode).tunnels(Tunnels::Outer));
    // A VXLAN header, and a frame that says it is IPv4 and is not.
    let mut vxlan = vec![0; 2500];
    (vxlan[0], vxlan[20]) = (8, 8);
    // A GTP-U header that announces an extension, and one of no length.
    let mut gtpu = vec![0; 2500];
    gtpu[..12].copy_from_slice(&[0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85]);
    // IP in IP in IP in VXLAN: a level more than are taken off.
    let mut deep = vxlan.clone();
    for at in [22, 42, 62] {
        (deep[at], deep[at + 9]) = (0x45, 4);
    }
    let cases = [(4789, vxlan), (2152, gtpu), (4789, deep)];
    for (near_port, (port, content)) in (50_000..).zip(cases) {
        let near = SocketAddr::new(address("10.0.0.1:0").ip(), near_port);
        let far = SocketAddr::new(address("10.0.0.2:0").ip(), port);
        let socket = udp_socket(&pair.near, near, far);
        let receiver = udp_socket(&pair.far, far, near);
        raw::segment_udp(&socket, 1000).unwrap();
        assert_eq!(socket.send(&content).unwrap(), 2500);
        for expected in [1000, 1000, 500] {
            assert_eq!(receiver.recv(&mut [0; 2000]).unwrap(), expected);
        }
    }
    let outcome = watch.finish();
    for (near_port, port) in (50_000..).zip([4789, 2152, 4789]) {
        let flow = outcome.only(|flow| flow.source.port == Some(near_port));
        assert_eq!(flow.destination.port, Some(port));
        assert_eq!(counts(&flow.forward), (3, 2500 + 3 * 28));
    }
    assert_eq!(outcome.all_uncounted(), 0);
}
