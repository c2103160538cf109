//! Devices whose packets go through a tunnel: what begins at their hooks is the packet that goes in or comes out, whatever the
//! kernel has put before it.

use std::net::SocketAddr;

use mermin_core::{
    Attach, Flow,
    flow::{TunnelKind, Uniflow},
};

use crate::support::{
    host::Pair,
    skip::skip_for_device,
    traffic::{address, tcp_transfer, udp_dialogue},
    watch::{Outcome, Watch, on},
};

crate::cases! {
    each_mode tunnel_devices,
    each_mode devices_that_carry_frames,
}

/// A device, with `OWN` and `OTHER` for the last octet of each end.
struct Device {
    /// Behind `ip link add g0 type`.
    options: &'static str,
    /// Its content.
    carries: &'static [&'static str],
}

const V4: &str = "10.7.0.";
const V6: &str = "fd07::";

const DEVICES: [Device; 3] = [
    Device {
        options: "gre local 10.0.0.OWN remote 10.0.0.OTHER",
        carries: &[V4, V6],
    },
    Device {
        options: "gre local 10.0.0.OWN remote 10.0.0.OTHER key 9 csum",
        carries: &[V4],
    },
    Device {
        options: "ip6gre local fd00::OWN remote fd00::OTHER",
        carries: &[V4, V6],
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
        for (net, length) in [(V4, 24), (V6, 64)] {
            if device.carries.contains(&net) {
                host.shell(&format!(
                    "ip addr add {net}{own}/{length} dev {name} {}",
                    if net == V6 { "nodad" } else { "" }
                ));
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

fn tunnel_devices(mode: Attach) {
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
                    assert_eq!(half.frame_octets.total, octets, "{}", device.options);
                }
            }
        }
        // Super-packets too: both ends have counted the same segments.
        for own in transfers {
            let [sent, got] = [&near, &far].map(|outcome| {
                let flow = flow_of(outcome, own);
                [&flow.forward, &flow.reverse].map(counts)
            });
            assert_eq!(sent, got, "{}", device.options);
        }
        for outcome in [&near, &far] {
            assert_eq!(outcome.all_uncounted(), 0, "{}", device.options);
        }
    }
}

/// Linux's packets of each kind, seen below the device: the inner flow, in the tunnel that the device was told to be.
fn devices_that_carry_frames(mode: Attach) {
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
