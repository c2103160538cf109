//! Devices whose packets go through a tunnel. The packet at their hooks is the inner one, even if the kernel has prepended a
//! header to it.

use std::net::SocketAddr;

use mermin_core::{
    Attach, Flow,
    flow::{TunnelKind, Uniflow},
};

use crate::support::{
    host::Pair,
    skip::skip_for_device,
    traffic::{address, tcp_transfer, udp_dialogue, udp_socket},
    watch::{Outcome, Watch, on},
};

crate::cases! {
    each_mode tunnel_devices_show_inner_and_outer_flows,
    each_mode ip6gre_device_without_a_remote_counts_received_packets,
    each_mode devices_that_carry_frames_have_their_tunnel,
}

/// A device, with `OWN` and `OTHER` for the last octet of each end.
struct Device {
    /// Behind `ip link add g0 type`.
    options: &'static str,
    /// Its content.
    carries: &'static [&'static str],
    /// Octets that it puts before a packet as a link header, to whom a neighbour entry names; 0 where it does below the hooks.
    header: u64,
}

const V4: &str = "10.7.0.";
const V6: &str = "fd07::";

const DEVICES: [Device; 5] = [
    Device {
        options: "gre local 10.0.0.OWN remote 10.0.0.OTHER",
        carries: &[V4, V6],
        header: 0,
    },
    Device {
        options: "gre local 10.0.0.OWN remote 10.0.0.OTHER key 9 csum",
        carries: &[V4],
        header: 0,
    },
    Device {
        options: "ip6gre local fd00::OWN remote fd00::OTHER",
        carries: &[V4, V6],
        header: 0,
    },
    Device {
        options: "gre local 10.0.0.OWN",
        carries: &[V4, V6],
        header: 24,
    },
    Device {
        options: "gre local 10.0.0.OWN key 9 csum",
        carries: &[V4],
        header: 32,
    },
];

/// One such device at each host, `g0` and `g1`.
fn join(pair: &Pair, device: &Device) {
    for (host, name, own, other) in [(&pair.near, "g0", "1", "2"), (&pair.far, "g1", "2", "1")] {
        let options = device.options.replace("OWN", own).replace("OTHER", other);
        let kind = options.split(' ').next().unwrap_or_default();
        if !host.adds(&format!("{name} type {options}")) {
            skip_for_device(format!("this kernel has no `{kind}` devices"));
        }
        host.set(&format!("ipv6/conf/{name}/disable_ipv6"), "0");
        host.shell(&format!("ip link set {name} up"));
        if device.header != 0 {
            // Without router solicitations and group reports, which the kernel sends unasked.
            host.set(&format!("ipv6/conf/{name}/addr_gen_mode"), "1");
        }
        for (net, length) in [(V4, 24), (V6, 64)] {
            if device.carries.contains(&net) {
                host.shell(&format!(
                    "ip addr add {net}{own}/{length} dev {name} {}",
                    if net == V6 { "nodad" } else { "" }
                ));
                if device.header != 0 {
                    host.shell(&format!(
                        "ip neigh add {net}{other} lladdr 10.0.0.{other} dev {name}"
                    ));
                }
            }
        }
    }
}

fn ends(net: &str, ports: [u16; 2]) -> [SocketAddr; 2] {
    let [near, far] = [1, 2].map(|own| {
        if net.contains(':') {
            format!("[{net}{own}]")
        } else {
            format!("{net}{own}")
        }
    });
    [
        address(&format!("{near}:{}", ports[0])),
        address(&format!("{far}:{}", ports[1])),
    ]
}

fn counts(half: &Uniflow) -> [u64; 2] {
    [half.packets.total, half.octets.total]
}

fn flow_of(outcome: &Outcome, source: SocketAddr) -> &Flow {
    outcome.only(|flow| flow.source.to_string() == source.to_string())
}

fn tunnel_devices_show_inner_and_outer_flows(mode: Attach) {
    for device in &DEVICES {
        println!("{}", device.options);
        let pair = Pair::new();
        pair.add_ipv6();
        join(&pair, device);
        let near = Watch::open(&pair.near, on("g0").attach(mode));
        let far = Watch::open(&pair.far, on("g1").attach(mode));
        let mut transfers = Vec::new();
        for net in device.carries {
            udp_dialogue(&pair, ends(net, [40_000, 53]), 20, [100, 300]);
            let [_, server] = ends(net, [0, 5201]);
            transfers.push(tcp_transfer(&pair, server, 1 << 20));
        }
        let [near, far] = [near, far].map(Watch::finish);
        for net in device.carries {
            let [client, server] = ends(net, [40_000, 53]);
            let header = if *net == V4 { 28 } else { 48 };
            let octets = [20 * (100 + header), 20 * (300 + header)];
            for outcome in [&near, &far] {
                let flow = flow_of(outcome, client);
                assert_eq!(flow.destination.to_string(), server.to_string());
                assert_eq!(flow.tunnel, None);
                for (half, octets) in [&flow.forward, &flow.reverse].into_iter().zip(octets) {
                    assert_eq!(counts(half), [20, octets], "{}", device.options);
                    let frames = octets + 20 * device.header;
                    assert_eq!(half.frame_octets.total, frames, "{}", device.options);
                }
            }
        }
        // Super-packets too: both ends have counted the same segments.
        for own in transfers {
            let [sent, got] = [&near, &far].map(|outcome| {
                let flow = flow_of(outcome, own);
                [&flow.forward, &flow.reverse].map(|half| {
                    let [packets, octets] = counts(half);
                    let frames = octets + packets * device.header;
                    assert_eq!(half.frame_octets.total, frames, "{}", device.options);
                    [packets, octets]
                })
            });
            assert_eq!(sent, got, "{}", device.options);
        }
        for outcome in [&near, &far] {
            assert_eq!(outcome.all_ignored(), 0, "{}", device.options);
        }
    }
}

/// Linux drops all that such a device is to send (`ip6_tnl_xmit_ctl` in `net/ipv6/ip6_tunnel.c`), behind the hook; what comes to it
/// begins with its own IP header.
fn ip6gre_device_without_a_remote_counts_received_packets(mode: Attach) {
    let pair = Pair::new();
    pair.add_ipv6();
    let fixed = Device {
        options: "ip6gre local fd00::OWN remote fd00::OTHER",
        carries: &[V4],
        header: 0,
    };
    join(&pair, &fixed);
    let far = &pair.far;
    far.shell("ip link del g1");
    far.shell("ip link add g1 type ip6gre local fd00::2");
    far.shell("ip link set g1 up");
    far.shell("ip addr add 10.7.0.2/24 dev g1");
    far.shell(
        "ip neigh add 10.7.0.1 lladdr fd:00:00:00:00:00:00:00:00:00:00:00:00:00:00:01 dev g1",
    );
    let watch = Watch::open(far, on("g1").attach(mode));
    let [client, server] = ends(V4, [40_000, 53]);
    let [sender, receiver] = [
        udp_socket(&pair.near, client, server),
        udp_socket(far, server, client),
    ];
    let mut room = [0; 2000];
    for _ in 0..20 {
        sender.send(&[1; 100]).unwrap();
        assert_eq!(receiver.recv(&mut room).unwrap(), 100);
        receiver.send(&[1; 300]).unwrap();
    }
    let outcome = watch.finish();
    let flow = flow_of(&outcome, client);
    assert_eq!(
        [&flow.forward, &flow.reverse].map(counts),
        [[20, 20 * 128], [20, 20 * 328]]
    );
    let frames = [&flow.forward, &flow.reverse].map(|half| half.frame_octets.total);
    assert_eq!(frames, [20 * 128, 20 * (328 + 44)]);
    assert_eq!((flow.tunnel, outcome.all_ignored()), (None, 0));
}

/// Linux's own packets of each kind, seen below the device: the inner flow, in the tunnel of the device's options.
fn devices_that_carry_frames_have_their_tunnel(mode: Attach) {
    let kinds = [
        (
            "gretap local 10.0.0.OWN remote 10.0.0.OTHER key 9",
            TunnelKind::Gre,
            Some(9),
        ),
        (
            "ip6gretap local fd00::OWN remote fd00::OTHER",
            TunnelKind::Gre,
            None,
        ),
        (
            "erspan local 10.0.0.OWN remote 10.0.0.OTHER erspan_ver 0",
            TunnelKind::Erspan,
            None,
        ),
        (
            "erspan local 10.0.0.OWN remote 10.0.0.OTHER seq key 9 erspan_ver 1 erspan 7",
            TunnelKind::Erspan,
            Some(9),
        ),
        (
            "erspan local 10.0.0.OWN remote 10.0.0.OTHER seq key 9 erspan_ver 2 erspan_dir egress erspan_hwid 7",
            TunnelKind::Erspan,
            Some(9),
        ),
        (
            "ip6erspan local fd00::OWN remote fd00::OTHER seq key 9 erspan_ver 1 erspan 7",
            TunnelKind::Erspan,
            Some(9),
        ),
    ];
    for (options, kind, id) in kinds {
        println!("{options}");
        let pair = Pair::new();
        pair.add_ipv6();
        join(
            &pair,
            &Device {
                options,
                carries: &[V4],
                header: 0,
            },
        );
        let below = Watch::open(&pair.near, on("v0").attach(mode));
        udp_dialogue(&pair, ends(V4, [40_000, 53]), 20, [100, 300]);
        let own = tcp_transfer(&pair, ends(V4, [0, 5201])[1], 1 << 20);
        let outcome = below.finish();
        let [client, _] = ends(V4, [40_000, 53]);
        let flow = flow_of(&outcome, client);
        assert_eq!(
            [&flow.forward, &flow.reverse].map(counts),
            [[20, 20 * 128], [20, 20 * 328]]
        );
        for flow in [flow, flow_of(&outcome, own)] {
            let tunnel = flow.tunnel.unwrap();
            assert_eq!((tunnel.kind, tunnel.id), (kind, id), "{options}");
        }
    }
}
