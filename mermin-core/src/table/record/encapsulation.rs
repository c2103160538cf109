//! Makes a record's tunnel of a flow's outer header.

use std::net::{IpAddr, Ipv4Addr};

use mermin_bpf::{
    abi::tunnel::{OuterHeader, flag, kind},
    wire::pseudo_ports::spi,
};

use super::address_v6;
use crate::{
    flow::{Count, Endpoint, Flow, Ipsec, MacAddress, Protocol, Tunnel, TunnelKind, Uniflow},
    table::snapshot::FlowSnapshot,
};

/// Adds the flow's tunnel to the record.
pub(super) fn add(record: &mut Flow, flow: &FlowSnapshot, outer: &OuterHeader) {
    let Some(kind) = tunnel_kind(outer.flags) else {
        return;
    };
    let id = (outer.flags & flag::HAS_ID != 0).then_some(outer.ends.id);
    let [source, destination] = ends(outer, flow.higher_started);
    let mut tunnel = Tunnel::new(kind, protocol(outer), source, destination);
    tunnel.id = id;
    if outer.mac != [0; 6] {
        tunnel.sender_mac = Some(MacAddress(outer.mac));
    }
    if kind == TunnelKind::WireGuard {
        // The flow is that of the outer packet itself.
        tunnel.source = record.source;
        tunnel.destination = record.destination;
        record.ipsec = Some(Ipsec {
            sender_index: (outer.flags & flag::HAS_SENDER != 0).then(|| spi(outer.ends.ports)),
            receiver_index: id,
            ..Ipsec::default()
        });
    } else {
        tunnel.forward = added(&record.forward, outer.link_length);
        tunnel.reverse = added(&record.reverse, outer.link_length);
    }
    record.tunnel = Some(tunnel);
}

const fn tunnel_kind(flags: u8) -> Option<TunnelKind> {
    Some(match flags & kind::MASK {
        kind::VXLAN => TunnelKind::Vxlan,
        kind::GENEVE => TunnelKind::Geneve,
        kind::GRE => TunnelKind::Gre,
        kind::IPIP => TunnelKind::Ipip,
        kind::GTPU => TunnelKind::Gtpu,
        kind::WIREGUARD => TunnelKind::WireGuard,
        kind::ERSPAN => TunnelKind::Erspan,
        kind::PPTP => TunnelKind::Pptp,
        kind::ETHERIP => TunnelKind::EtherIp,
        kind::EOIP => TunnelKind::Eoip,
        kind::VXLAN_GPE => TunnelKind::VxlanGpe,
        kind::L2TP => TunnelKind::L2tp,
        kind::TEREDO => TunnelKind::Teredo,
        _ => return None,
    })
}

fn protocol(outer: &OuterHeader) -> Protocol {
    match outer.flags & kind::MASK {
        kind::GRE | kind::ERSPAN | kind::PPTP | kind::EOIP => Protocol::GRE,
        kind::ETHERIP => Protocol::ETHERIP,
        kind::IPIP if outer.flags & flag::CARRIES_IPV6 != 0 => Protocol::IPV6,
        kind::IPIP => Protocol::IPV4,
        kind::L2TP if outer.ends.ports == [0, 0] => Protocol::L2TP,
        _ => Protocol::UDP,
    }
}

/// The outer endpoint of the source, then that of the destination.
fn ends(outer: &OuterHeader, higher_started: bool) -> [Endpoint; 2] {
    let has_ports = protocol(outer) == Protocol::UDP;
    let end = |side: usize| Endpoint {
        address: if outer.flags & flag::OUTER_IPV6 == 0 {
            let [a, b, c, d, ..] = outer.ends.addresses[side][0].to_ne_bytes();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        } else {
            address_v6(outer.ends.addresses[side])
        },
        port: has_ports.then_some(outer.ends.ports[side]),
    };
    let starter = usize::from(higher_started);
    [end(starter), end(1 - starter)]
}

/// Frame octets that are neither in the flow's packets nor in the outer link header: outer IP and transport headers,
/// tunnel header, inner link header.
fn added(half: &Uniflow, link_length: u8) -> Count {
    let octets = |frames: u64, inner: u64, packets: u64| {
        frames
            .wrapping_sub(inner)
            .wrapping_sub(packets.wrapping_mul(link_length.into()))
    };
    let (frames, inner, packets) = (half.frame_octets, half.octets, half.packets);
    Count {
        delta: octets(frames.delta, inner.delta, packets.delta),
        total: octets(frames.total, inner.total, packets.total),
    }
}
