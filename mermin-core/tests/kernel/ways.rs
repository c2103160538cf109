//! Conversations whose directions take different paths: VLANs, VXLAN networks, segment lists.

use std::{net::SocketAddr, time::Duration};

use mermin_core::{Attach, Flow, FlowKey, flow::Several};

use crate::support::{
    frame::{self, SERVICE_VLAN, VLAN},
    host::Pair,
    traffic::{Injector, address},
    watch::{Outcome, Watch, on},
};

crate::cases! {
    each_mode paths_through_interfaces_are_one_flow_without_interface_key,
    each_mode paths_through_interfaces_are_flows_with_interface_key,
    each_mode ended_flow_leaves_no_index_entry,
}

/// Makes a frame of a packet that goes one way or back.
type Wrap = fn(&[u8], bool) -> Vec<u8>;

struct Way {
    port: u16,
    wrap: Wrap,
    /// `flow.several` of a flow of both ways.
    several: &'static str,
    /// Flows where ways are a part of the key.
    flows: usize,
}

fn outer(back: bool) -> [SocketAddr; 2] {
    let mut ends = ["10.9.0.1:50000", "10.9.0.2:50000"].map(address);
    if back {
        ends.reverse();
    }
    ends
}

fn datagram(port: u16, content: &[u8], back: bool) -> Vec<u8> {
    let [from, mut to] = outer(back);
    to.set_port(port);
    frame::tagged(&[], &frame::udp(from, to, content))
}

fn vxlan(id: u8, packet: &[u8], back: bool) -> Vec<u8> {
    let inner = frame::tagged(&[], packet);
    datagram(
        4789,
        &[&[8, 0, 0, 0, 0, 0, id, 0][..], &inner].concat(),
        back,
    )
}

/// IPv4 behind IPv6 to a segment of this number.
fn segment(number: u8, packet: &[u8], back: bool) -> Vec<u8> {
    let mut ends = ["fd00::1", "fd00::2"].map(|end| end.parse().unwrap());
    if back {
        ends.reverse();
    }
    let [from, _] = ends;
    let to = format!("fd00:1::{number:x}").parse().unwrap();
    frame::tagged(&[], &frame::ip(from, to, 4, packet))
}

fn gtpu(id: u8, packet: &[u8], back: bool) -> Vec<u8> {
    let length = u16::try_from(packet.len()).unwrap().to_be_bytes();
    let header = [&[0x30, 255][..], &length, &[0, 0, 0, id]].concat();
    datagram(2152, &[&header[..], packet].concat(), back)
}

fn ways() -> [Way; 10] {
    let way = |port, several, flows, wrap| Way {
        port,
        wrap,
        several,
        flows,
    };
    [
        way(1001, "", 1, |packet, _| {
            frame::tagged(&[(VLAN, 10)], packet)
        }),
        way(1002, "VLAN ids", 2, |packet, back| {
            frame::tagged(&[(VLAN, if back { 20 } else { 10 })], packet)
        }),
        way(1003, "VLAN ids", 2, |packet, back| {
            let tags = [(SERVICE_VLAN, 7), (VLAN, 8)];
            frame::tagged(if back { &[] } else { &tags }, packet)
        }),
        way(1004, "VLAN tags", 2, |packet, back| {
            let last = if back { 4 } else { 3 };
            frame::tagged(&[(SERVICE_VLAN, 1), (VLAN, 2), (VLAN, last)], packet)
        }),
        way(1005, "", 1, |packet, back| vxlan(42, packet, back)),
        way(1006, "tunnel ids", 2, |packet, back| {
            vxlan(if back { 43 } else { 42 }, packet, back)
        }),
        way(1007, "tunnels", 2, |packet, back| {
            segment(if back { 1 } else { 2 }, packet, back)
        }),
        way(1008, "tunnel ids", 1, |packet, back| {
            gtpu(if back { 43 } else { 42 }, packet, back)
        }),
        way(1009, "tunnels", 2, |packet, back| {
            if back {
                frame::tagged(&[], packet)
            } else {
                vxlan(42, packet, back)
            }
        }),
        way(1010, "VLAN ids, tunnel ids, tunnels", 2, |packet, back| {
            if back {
                vxlan(42, packet, back)
            } else {
                frame::tagged(&[(VLAN, 10)], packet)
            }
        }),
    ]
}

fn ends(port: u16) -> [SocketAddr; 2] {
    ["10.1.0.1", "10.1.0.2"].map(|end| address(&format!("{end}:{port}")))
}

struct Bench {
    _pair: Pair,
    watch: Watch,
    out: Injector,
    into: Injector,
}

impl Bench {
    fn new(mode: Attach, key: FlowKey) -> Self {
        let pair = Pair::new();
        let options = on("v0").attach(mode).flow_key(key);
        let options = options.udp_timeout(Duration::from_secs(2));
        Self {
            watch: Watch::open(&pair.near, options),
            out: Injector::new(&pair.near, "v0"),
            into: Injector::new(&pair.far, "v1"),
            _pair: pair,
        }
    }

    /// Three packets there and three back, of other lengths.
    fn send(&self, way: &Way) {
        let [low, high] = ends(way.port);
        for _ in 0..3 {
            let there = frame::udp(low, high, &[1; 60]);
            let back = frame::udp(high, low, &[2; 70]);
            self.out.send(&(way.wrap)(&there, false));
            self.into.send(&(way.wrap)(&back, true));
        }
    }
}

fn of<'a>(outcome: &'a Outcome, way: &Way) -> Vec<&'a Flow> {
    let port = Some(way.port);
    let flows = outcome.flows.iter();
    flows.filter(|flow| flow.source.port == port).collect()
}

fn counts(flow: &Flow) -> [(u64, u64); 2] {
    [&flow.forward, &flow.reverse].map(|half| (half.packets.total, half.octets.total))
}

fn paths_through_interfaces_are_one_flow_without_interface_key(mode: Attach) {
    let bench = Bench::new(mode, FlowKey::Endpoints);
    for way in &ways() {
        bench.send(way);
    }
    let outcome = bench.watch.finish();
    for way in &ways() {
        let flows = of(&outcome, way);
        let [flow] = flows[..] else {
            panic!("{}: {flows:#?}", way.port);
        };
        assert_eq!(counts(flow), [(3, 3 * 88), (3, 3 * 98)], "{}", way.port);
        assert_eq!(flow.several.to_string(), way.several, "{flow}");
    }
    // It shows the way of its first packet.
    let shown = |number: usize| of(&outcome, &ways()[number])[0];
    assert_eq!(&*shown(1).vlans, &[10]);
    assert_eq!(&*shown(3).vlans, &[1, 2]);
    assert_eq!(shown(5).tunnel.unwrap().id, Some(42));
}

fn paths_through_interfaces_are_flows_with_interface_key(mode: Attach) {
    let bench = Bench::new(mode, FlowKey::Full);
    for way in &ways() {
        bench.send(way);
    }
    let outcome = bench.watch.finish();
    for way in &ways() {
        let flows = of(&outcome, way);
        assert_eq!(flows.len(), way.flows, "{}: {flows:#?}", way.port);
        for flow in flows {
            // Facts that differ between flows do not within one.
            let mut within = Several::default();
            within.vlan_tags = way.port == 1004;
            within.tunnel_ids = way.port == 1008;
            assert_eq!(flow.several, within, "{flow}");
        }
    }
}

/// A flow that has ended leaves nothing in the index: its key is found there as it was put in.
fn ended_flow_leaves_no_index_entry(mode: Attach) {
    let mut bench = Bench::new(mode, FlowKey::Endpoints);
    let ways = ways();
    for round in 1..=2 {
        for way in &ways {
            bench.send(way);
        }
        bench.watch.take_until("flows to end", |flows| {
            let ours = flows.iter().filter(|flow| {
                let port = flow.source.port;
                ways.iter().any(|way| port == Some(way.port))
            });
            ours.count() == round * ways.len()
        });
    }
    let outcome = bench.watch.finish();
    for way in &ways {
        let found: Vec<_> = of(&outcome, way).into_iter().map(counts).collect();
        assert_eq!(found, [[(3, 3 * 88), (3, 3 * 98)]; 2], "{}", way.port);
    }
    assert_eq!(outcome.ignored("race"), 0);
}
