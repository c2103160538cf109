//! Crafted frames: tags, fragments, other protocols than IP, truncated headers, and headers outside linear memory.

use std::net::SocketAddr;

use mermin_core::Attach;

use crate::support::{
    frame::{self, IPV4, IPV6, QINQ1, QINQ2, SERVICE_VLAN, TCP, UDP, VLAN},
    host::Pair,
    ledger::{Egress, Ingress, buffers, wire},
    traffic::{Injector, address, udp_socket},
    watch::{Outcome, Watch, on},
};

crate::cases! {
    each_mode vlan_tags_are_read,
    each_mode labels_sessions_and_services_are_skipped,
    each_mode extension_chains_are_followed,
    each_mode every_protocol_is_counted,
    each_mode later_fragments_are_in_their_flow,
    each_mode fragments_without_their_first_have_a_reason,
    each_mode fragments_in_any_order_are_in_their_flow,
    each_mode fragments_of_both_versions_are_separate,
    each_mode non_ip_frames_have_a_reason,
    each_mode truncated_headers_have_a_reason,
    each_mode headers_in_paged_memory_are_read,
}

/// A pair with a source on `v0`, and a way to put frames on either end.
pub(crate) struct Bench {
    pair: Pair,
    watch: Watch,
    /// Its frames leave through the egress hook.
    pub(crate) out: Injector,
    /// Its frames arrive at the ingress hook.
    pub(crate) into: Injector,
}

impl Bench {
    pub(crate) fn new(mode: Attach) -> Self {
        let pair = Pair::new();
        for (host, name) in [(&pair.near, "v0"), (&pair.far, "v1")] {
            host.shell(&format!("ip link set {name} mtu 9000"));
        }
        Self {
            watch: Watch::open(&pair.near, on("v0").attach(mode)),
            out: Injector::new(&pair.near, "v0"),
            into: Injector::new(&pair.far, "v1"),
            pair,
        }
    }

    pub(crate) fn finish(self) -> (Outcome, Pair) {
        (self.watch.finish(), self.pair)
    }

    fn both_ways(&self, frame: &[u8]) {
        self.out.send(frame);
        self.into.send(frame);
    }
}

pub(crate) fn near() -> SocketAddr {
    address("10.0.0.1:40000")
}

pub(crate) fn far() -> SocketAddr {
    address("10.0.0.2:53")
}

/// A tag is in the frame when it leaves, and taken out of it when it arrives: both directions are one flow.
fn vlan_tags_are_read(mode: Attach) {
    let bench = Bench::new(mode);
    let stacks: [&[(u16, u16)]; 9] = [
        &[],
        &[(VLAN, 7)],
        &[(SERVICE_VLAN, 8)],
        &[(SERVICE_VLAN, 7), (VLAN, 9)],
        &[(VLAN, 9), (VLAN, 7)],
        &[(SERVICE_VLAN, 0xfff), (VLAN, 1), (VLAN, 2)],
        // No hardware takes these off.
        &[(QINQ1, 10)],
        &[(QINQ2, 11), (VLAN, 12)],
        &[(QINQ2, 13), (QINQ1, 14), (SERVICE_VLAN, 15), (VLAN, 16)],
    ];
    let ends = [
        [near(), far()],
        [address("[fd00::1]:40000"), address("[fd00::2]:53")],
    ];
    for tags in stacks {
        for [near, far] in ends {
            let there = frame::tagged(tags, &frame::udp(near, far, &[1; 60]));
            let back = frame::tagged(tags, &frame::udp(far, near, &[2; 70]));
            for _ in 0..3 {
                bench.out.send(&there);
                bench.into.send(&back);
            }
        }
    }
    let outcome = bench.watch.finish();
    assert_eq!(outcome.flows.len(), 2 * stacks.len());
    for tags in stacks {
        for ([near, _], ip_header) in ends.into_iter().zip([20, 40]) {
            // A record names two tags; deeper ones distinguish flows.
            let ids: Vec<u16> = tags.iter().take(2).map(|&(_, id)| id).collect();
            let flow = outcome.only(|flow| flow.source.address == near.ip() && *flow.vlans == ids);
            let ([sent, got], tag) = ([&flow.forward, &flow.reverse], 4 * tags.len() as u64);
            assert_eq!(
                (sent.packets.total, sent.octets.total),
                (3, 3 * (ip_header + 68))
            );
            assert_eq!(
                (got.packets.total, got.octets.total),
                (3, 3 * (ip_header + 78))
            );
            assert_eq!(sent.frame_octets.total, sent.octets.total + 3 * (14 + tag));
            // The outermost tag is out of the buffer when the hook sees it, and was on the wire.
            assert_eq!(got.frame_octets.total, got.octets.total + 3 * (14 + tag));
        }
    }
    assert_eq!(outcome.all_ignored(), 0);
    assert_eq!(buffers(&outcome, "v0", Egress), bench.pair.near.sent("v0"));
    assert_eq!(
        wire(&outcome, "v0", Ingress),
        bench.pair.near.received("v0")
    );
}

/// Label stacks, PPP sessions and network service headers are link headers: which they are makes no difference to the flow.
fn labels_sessions_and_services_are_skipped(mode: Attach) {
    let bench = Bench::new(mode);
    let ends = [
        [near(), far()],
        [address("[fd00::1]:40000"), address("[fd00::2]:53")],
    ];
    for ([near, far], ppp) in ends.into_iter().zip([0x0021_u16, 0x0057]) {
        for (from, to, sender) in [(near, far, &bench.out), (far, near, &bench.into)] {
            let packet = frame::udp(from, to, &[1; 60]);
            let labels = [&[0, 1, 0, 64, 0, 2, 1, 64][..], &packet].concat();
            sender.send(&frame::ethernet(0x8847, &labels));
            let length = u16::try_from(packet.len() + 2).unwrap();
            let header = [0x1100_u16, 7, length, ppp].map(u16::to_be_bytes);
            let session = [&header.concat()[..], &packet].concat();
            sender.send(&frame::ethernet(0x8864, &session));
            let version = if ppp == 0x0021 { 1 } else { 2 };
            let services = |next: u8, content: &[u8]| {
                let header = [0x0f, 0xc2, 2, next, 0, 0, 33, 255];
                frame::ethernet(0x894f, &[&header[..], content].concat())
            };
            sender.send(&services(version, &packet));
            sender.send(&services(3, &frame::tagged(&[], &packet)));
        }
    }
    let outcome = bench.watch.finish();
    assert_eq!(outcome.flows.len(), 2);
    for ([near, _], header) in ends.into_iter().zip([28, 48]) {
        let flow = outcome.only(|flow| flow.source.address == near.ip());
        for half in [&flow.forward, &flow.reverse] {
            let counted = (half.packets.total, half.octets.total);
            assert_eq!(counted, (4, 4 * (60 + header)));
            let links = 4 * (14 + 8) + 14;
            assert_eq!(half.frame_octets.total, half.octets.total + links);
        }
    }
    assert_eq!(outcome.all_ignored(), 0);
}

/// However many extension headers there are, it is the same flow, in linear memory or not.
fn extension_chains_are_followed(mode: Attach) {
    const OPTIONS: u8 = 60;
    let bench = Bench::new(mode);
    let [near, far] = [address("[fd00::1]:40000"), address("[fd00::2]:53")];
    let chained = |from: SocketAddr, to: SocketAddr, headers: &[usize], payload: &[u8]| {
        let datagram = frame::udp(from, to, payload).split_off(40);
        let (mut next, mut content) = (UDP, datagram);
        for &words in headers {
            let mut header = vec![0; 8 + 8 * words];
            header[..2].copy_from_slice(&[next, u8::try_from(words).unwrap()]);
            (next, content) = (OPTIONS, [header, content].concat());
        }
        frame::ethernet(IPV6, &frame::ip(from.ip(), to.ip(), next, &content))
    };
    let mut octets = 0;
    for headers in [&[][..], &[0], &[3], &[1, 0], &[0, 2, 1]] {
        let options: usize = headers.iter().map(|words| 8 + 8 * words).sum();
        for payload in [60, 5000] {
            let payload = vec![1; payload];
            bench.out.send(&chained(near, far, headers, &payload));
            bench.into.send(&chained(far, near, headers, &payload));
            octets += (40 + options + 8 + payload.len()) as u64;
        }
    }
    let outcome = bench.watch.finish();
    let flow = outcome.only(|_| true);
    for half in [&flow.forward, &flow.reverse] {
        let counted = (half.packets.total, half.octets.total);
        assert_eq!(counted, (10, octets));
        assert_eq!(half.frame_octets.total, octets + 10 * 14);
    }
    assert_eq!(outcome.all_ignored(), 0);
}

fn every_protocol_is_counted(mode: Attach) {
    let bench = Bench::new(mode);
    let mut ports = [0; 12];
    ports[..4].copy_from_slice(&[0x9c, 0x40, 0, 53]);
    let mut dccp = ports;
    dccp[4] = 3;
    let index = [0x12, 0x34, 0x56, 0x78];
    let protocols: [(u8, &[u8]); 7] = [
        (132, &[&ports[..], &[0, 3, 0, 16]].concat()),
        (33, &dccp),
        (136, &ports[..8]),
        (2, &[0; 8]),
        (50, &[&index[..], &[0; 4]].concat()),
        (51, &[&[6, 1, 0, 0][..], &index, &[0; 4]].concat()),
        (89, &[]),
    ];
    for (number, payload) in protocols {
        let packet = frame::ip(near().ip(), far().ip(), number, payload);
        bench.out.send(&frame::ethernet(IPV4, &packet));
    }
    let outcome = bench.watch.finish();
    assert_eq!(outcome.flows.len(), protocols.len());
    for (number, payload) in protocols {
        let flow = outcome.only(|flow| flow.protocol.0 == number);
        let has_ports = matches!(number, 132 | 33 | 136);
        assert_eq!(flow.source.port, has_ports.then_some(40_000), "{number}");
        assert_eq!(flow.destination.port, has_ports.then_some(53), "{number}");
        assert_eq!(flow.forward.octets.total, 20 + payload.len() as u64);
        let ipsec = flow.ipsec.unwrap_or_default();
        let spi = |of| (number == of).then_some(0x1234_5678);
        assert_eq!([ipsec.esp_spi, ipsec.ah_spi], [spi(50), spi(51)]);
    }
    assert_eq!(outcome.all_ignored(), 0);
}

/// Only a packet's first fragment has ports; the others find their flow by it.
fn later_fragments_are_in_their_flow(mode: Attach) {
    let pair = Pair::new();
    pair.add_ipv6();
    let watch = Watch::open(&pair.near, on("v0").attach(mode));
    let ends = [
        [near(), far()],
        [address("[fd00::1]:40000"), address("[fd00::2]:53")],
    ];
    for [near, far] in ends {
        let client = udp_socket(&pair.near, near, far);
        let server = udp_socket(&pair.far, far, near);
        for _ in 0..10 {
            assert_eq!(client.send(&[3; 4000]).unwrap(), 4000);
            assert_eq!(server.recv(&mut [0; 5000]).unwrap(), 4000);
            assert_eq!(server.send(&[3; 2000]).unwrap(), 2000);
            assert_eq!(client.recv(&mut [0; 5000]).unwrap(), 2000);
        }
    }
    let outcome = watch.finish();
    for ([near, far], header) in ends.into_iter().zip([20, 40 + 8]) {
        let flow = outcome.only(|flow| flow.source.to_string() == near.to_string());
        assert_eq!(flow.destination.port, Some(far.port()));
        for (half, fragments, payload) in [(&flow.forward, 3, 4008), (&flow.reverse, 2, 2008)] {
            let counted = (half.packets.total, half.octets.total);
            let expected = (10 * fragments, 10 * (payload + fragments * header));
            assert_eq!(counted, expected, "{flow:#?}");
        }
    }
    assert_eq!(outcome.all_ignored(), 0);
}

/// A fragment's flow is known by its first one alone: not by the number of another packet, interface or VLAN.
fn fragments_without_their_first_have_a_reason(mode: Attach) {
    let bench = Bench::new(mode);
    let fragment = |identification: u16, field: u16| {
        let mut packet = frame::udp(near(), far(), &[5; 1000]);
        packet[4..6].copy_from_slice(&identification.to_be_bytes());
        packet[6..8].copy_from_slice(&field.to_be_bytes());
        packet
    };
    bench.both_ways(&frame::ethernet(IPV4, &fragment(1, 100)));
    bench.out.send(&frame::ethernet(IPV4, &fragment(2, 0x2000)));
    for (identification, tags) in [(3, &[][..]), (2, &[(VLAN, 7)])] {
        let later = fragment(identification, 126);
        bench.out.send(&frame::tagged(tags, &later));
    }
    // Which way a packet goes is part of its name, so this one's is not known either.
    let back = frame::udp(far(), near(), &[5; 1000]);
    let mut back = frame::ethernet(IPV4, &back);
    back[18..22].copy_from_slice(&[0, 2, 0, 126]);
    bench.out.send(&back);
    bench.out.send(&frame::ethernet(IPV4, &fragment(2, 126)));
    let outcome = bench.watch.finish();
    let flow = outcome.only(|_| true);
    assert_eq!(flow.forward.packets.total, 2);
    assert_eq!(outcome.ignored("fragment"), 5);
    assert_eq!(outcome.all_ignored(), 5);
}

/// Parts of a datagram's packet, the first one first, each with so many octets of payload but for the last.
fn parts(from: SocketAddr, to: SocketAddr, number: u8, payload: usize) -> Vec<Vec<u8>> {
    const IPV6_FRAGMENT: u8 = 44;
    let whole = frame::udp(from, to, &[5; 1000]);
    let header = if from.is_ipv4() { 20 } else { 40 };
    let count = (whole.len() - header).div_ceil(payload);
    let part = |(at, content): (usize, &[u8])| {
        let more = u16::from(at + 1 < count);
        let offset = u16::try_from(at * payload).unwrap();
        if from.is_ipv4() {
            let mut packet = frame::ip(from.ip(), to.ip(), UDP, content);
            packet[4..6].copy_from_slice(&[0, number]);
            packet[6..8].copy_from_slice(&((more << 13) | (offset / 8)).to_be_bytes());
            frame::ethernet(IPV4, &packet)
        } else {
            let field = (offset | more).to_be_bytes();
            let header = [&[UDP, 0][..], &field, &[0, 0, 0, number]].concat();
            let content = [&header, content].concat();
            frame::ethernet(
                IPV6,
                &frame::ip(from.ip(), to.ip(), IPV6_FRAGMENT, &content),
            )
        }
    };
    whole[header..]
        .chunks(payload)
        .enumerate()
        .map(part)
        .collect()
}

/// Those that come before the first one are counted in its flow once that has come, and until then under the reason.
fn fragments_in_any_order_are_in_their_flow(mode: Attach) {
    let bench = Bench::new(mode);
    let ends = [
        [near(), far()],
        [address("[fd00::1]:40000"), address("[fd00::2]:53")],
    ];
    let orders = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]];
    for [near, far] in ends {
        for (number, order) in (1..).zip(orders) {
            let there = parts(near, far, number, 400);
            let back = parts(far, near, number, 400);
            for place in order {
                bench.out.send(&there[place]);
                bench.into.send(&back[place]);
            }
        }
        // The first of a packet of the other hook, and one whose first never comes here.
        let mut other = near;
        other.set_port(7);
        let parts = parts(other, far, 99, 400);
        bench.out.send(&parts[1]);
        bench.into.send(&parts[0]);
    }
    let outcome = bench.watch.finish();
    for ([near, _], header) in ends.into_iter().zip([20, 40 + 8]) {
        let flow = outcome.only(|flow| flow.source.to_string() == near.to_string());
        // Three parts of each of four packets.
        let expected = (12, 4 * (1008 + 3 * header));
        let counted =
            [&flow.forward, &flow.reverse].map(|half| (half.packets.total, half.octets.total));
        assert_eq!(counted, [expected; 2]);
        let mut other = near;
        other.set_port(7);
        let alone = outcome.only(|flow| flow.source.to_string() == other.to_string());
        assert_eq!(alone.forward.packets.total, 1);
        for half in [&flow.forward, &flow.reverse] {
            let frames = half.octets.total + 14 * half.packets.total;
            assert_eq!(half.frame_octets.total, frames);
        }
    }
    assert_eq!(outcome.flows.len(), 4);
    assert_eq!(outcome.ignored("fragment"), 2);
    assert_eq!(outcome.all_ignored(), 2);
}

/// A number of IPv4 in the same octets of the addresses is another packet's than that of IPv6.
fn fragments_of_both_versions_are_separate(mode: Attach) {
    const IPV6_FRAGMENT: u8 = 44;
    let bench = Bench::new(mode);
    let v6 = ["[a00:1::]:1000", "[a00:2::]:53"].map(address);
    let v4 = ["10.0.0.1:0", "10.0.0.2:0"].map(address);
    let parts = parts(v6[0], v6[1], 9, 800);
    let mut alien = frame::ip(v4[0].ip(), v4[1].ip(), IPV6_FRAGMENT, &[5; 100]);
    alien[4..8].copy_from_slice(&[0, 9, 0, 100]);
    let alien = frame::ethernet(IPV4, &alien);
    let mut same_octets = parts[0].clone();
    for (place, octets) in [(22, [10, 0, 0, 1]), (38, [10, 0, 0, 2])] {
        same_octets[place..place + 16].fill(0);
        same_octets[place..place + 4].copy_from_slice(&octets);
    }
    bench.out.send(&alien);
    bench.out.send(&same_octets);
    bench.out.send(&alien);
    let outcome = bench.watch.finish();
    let flow = outcome.only(|_| true);
    assert_eq!(flow.forward.packets.total, 1);
    assert_eq!(outcome.ignored("fragment"), 2);
    assert_eq!(outcome.all_ignored(), 2);
}

fn non_ip_frames_have_a_reason(mode: Attach) {
    let bench = Bench::new(mode);
    for (kind, times) in [
        (0x0806, 3),
        (0x8035, 1),
        (0x88cc, 4),
        (0x0026, 5),
        (0x8863, 1),
    ] {
        for _ in 0..times {
            bench.both_ways(&frame::ethernet(kind, &[0; 46]));
        }
    }
    let outcome = bench.watch.finish();
    assert_eq!(outcome.flows, []);
    for (reason, packets) in [("arp", 4), ("other_ethertype", 5), ("llc", 5)] {
        assert_eq!(outcome.ignored(reason), 2 * packets, "{reason}");
    }
    assert_eq!(outcome.packets, outcome.all_ignored());
    assert_eq!(outcome.frame_octets, 28 * 60);
    assert_eq!(
        buffers(&outcome, "v0", Ingress),
        bench.pair.near.received("v0")
    );
}

/// A frame that ends within a header, or claims what cannot be, is counted under the layer that failed.
///
/// None ends within the Ethernet header: neither packet sockets nor tap devices let such a frame in.
fn truncated_headers_have_a_reason(mode: Attach) {
    let bench = Bench::new(mode);
    let [v4, v6] = [
        [near().ip(), far().ip()],
        [address("[fd00::1]:0").ip(), address("[fd00::2]:0").ip()],
    ];
    let mut frames: Vec<(&str, Vec<u8>)> = Vec::new();
    for ([source, destination], kind, icmp) in [(v4, IPV4, 1), (v6, IPV6, 58)] {
        let (whole, malformed_ip) = (
            frame::ip(source, destination, 99, &[0; 8]),
            if kind == IPV4 {
                "malformed_ipv4"
            } else {
                "malformed_ipv6"
            },
        );
        let mut of_another_version = whole.clone();
        of_another_version[0] = 0x50;
        frames.push((malformed_ip, frame::ethernet(kind, &of_another_version)));
        // Shorter than its header, and shorter than it claims.
        frames.push((malformed_ip, frame::ethernet(kind, &whole[..12])));
        frames.push((
            malformed_ip,
            frame::ethernet(kind, &whole[..whole.len() - 1]),
        ));
        for (protocol, length, reason) in [
            (TCP, 19, "malformed_tcp"),
            (UDP, 7, "malformed_udp"),
            (icmp, 7, "malformed_icmp"),
        ] {
            let packet = frame::ip(source, destination, protocol, &[0; 19][..length]);
            frames.push((reason, frame::ethernet(kind, &packet)));
        }
        // A header of four words is none of TCP's.
        let mut offset = [0; 20];
        offset[12] = 0x40;
        let packet = frame::ip(source, destination, TCP, &offset);
        frames.push(("malformed_tcp", frame::ethernet(kind, &packet)));
    }
    // Destination options that say they are longer than the packet.
    let options = frame::ip(v6[0], v6[1], 60, &[17, 9, 0, 0, 0, 0, 0, 0]);
    frames.push(("malformed_extension", frame::ethernet(IPV6, &options)));
    for (_, frame) in &frames {
        bench.both_ways(frame);
    }
    // Receivers remove the outermost tag before the hook, and drop frames that end within it.
    bench.out.send(&frame::ethernet(VLAN, &[0, 1, 8]));
    let inner = [&[0, 1][..], &VLAN.to_be_bytes(), &[0, 2, 8]].concat();
    bench.both_ways(&frame::ethernet(SERVICE_VLAN, &inner));
    let outcome = bench.watch.finish();
    assert_eq!(outcome.flows, []);
    for reason in [
        "malformed_ipv4",
        "malformed_ipv6",
        "malformed_extension",
        "malformed_tcp",
        "malformed_udp",
        "malformed_icmp",
    ] {
        let expected = frames.iter().filter(|(name, _)| *name == reason).count() as u64;
        assert_eq!(
            outcome.ignored(reason),
            2 * expected,
            "{reason}: {:#?}",
            outcome.stats
        );
    }
    assert_eq!(outcome.ignored("malformed_vlan"), 3);
    assert_eq!(outcome.packets, outcome.all_ignored());
    assert_eq!(buffers(&outcome, "v0", Egress), bench.pair.near.sent("v0"));
}

/// A packet socket puts of a frame longer than a page little more than the Ethernet header into linear memory.
fn headers_in_paged_memory_are_read(mode: Attach) {
    let bench = Bench::new(mode);
    let payload = [4; 8000];
    let ends = [
        [near(), far()],
        [address("[fd00::1]:40000"), address("[fd00::2]:53")],
    ];
    for [near, far] in ends {
        for tags in [&[][..], &[(VLAN, 5)], &[(SERVICE_VLAN, 6), (VLAN, 5)]] {
            for _ in 0..5 {
                bench
                    .out
                    .send(&frame::tagged(tags, &frame::udp(near, far, &payload)));
                bench
                    .into
                    .send(&frame::tagged(tags, &frame::udp(far, near, &payload)));
            }
        }
    }
    let outcome: Outcome = bench.watch.finish();
    assert_eq!(outcome.flows.len(), 6);
    for flow in &outcome.flows {
        let header = if flow.source.address.is_ipv4() {
            28
        } else {
            48
        };
        assert_eq!(flow.source.port, Some(40_000));
        for half in [&flow.forward, &flow.reverse] {
            let counted = (half.packets.total, half.octets.total);
            assert_eq!(counted, (5, 5 * (8000 + header)), "{flow:#?}");
        }
    }
    assert_eq!(outcome.all_ignored(), 0);
}
