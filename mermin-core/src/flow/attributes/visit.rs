//! From a record to names and values.

use std::net::IpAddr;

use super::{
    interfaces, process,
    table::{FORWARD, Names, REVERSE},
    value::{Text, Value},
};
use crate::flow::{Endpoint, Flow, Ipsec, Protocol, Tunnel, TunnelKind, Uniflow};

const fn network_type(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "ipv4",
        IpAddr::V6(_) => "ipv6",
    }
}

/// Parts that attributes come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Flow,
    Interface,
    Forward,
    Reverse,
    Protocol,
    Encapsulation,
    Joined,
    Process,
}

impl Part {
    pub(super) const ALL: [Self; 8] = [
        Self::Flow,
        Self::Interface,
        Self::Forward,
        Self::Reverse,
        Self::Protocol,
        Self::Encapsulation,
        Self::Joined,
        Self::Process,
    ];
}

/// Calls `visit` with each known name of a part, and its value.
pub(super) fn visit_part<'a>(
    flow: &'a Flow,
    community_id_seed: u16,
    part: Part,
    visit: &mut impl FnMut(&'static str, Value<'a>),
) {
    match part {
        Part::Flow => identity(flow, community_id_seed, visit),
        Part::Interface => interface(flow, visit),
        Part::Forward => uniflow(visit, &FORWARD, &flow.forward, flow.protocol),
        Part::Reverse => uniflow(visit, &REVERSE, &flow.reverse, flow.protocol),
        Part::Protocol => {
            if let Some(id) = flow.icmp_id {
                visit("flow.icmp.id", Value::Number(id.into()));
            }
            if let Some(latency) = flow.tcp.and_then(|tcp| tcp.handshake_latency) {
                let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
                visit("flow.tcp.handshake.latency", Value::Number(nanos));
            }
        }
        Part::Encapsulation => {
            if let Some(tunnel) = &flow.tunnel {
                encapsulation(visit, tunnel);
            }
            if let Some(ipsec) = &flow.ipsec {
                associations(visit, ipsec);
            }
        }
        Part::Joined => interfaces::give(visit, &flow.observation_points),
        Part::Process => process::give(visit, flow),
    }
}

fn identity<'a>(
    flow: &'a Flow,
    community_id_seed: u16,
    visit: &mut impl FnMut(&'static str, Value<'a>),
) {
    let community_id = Text::from(flow.community_id_inline(community_id_seed));
    visit("flow.id", Value::Text(Text::id(flow.id)));
    visit("flow.sequence", Value::Number(flow.sequence));
    if let Some(resolution) = flow.time_resolution {
        visit("flow.start", Value::Time(flow.start));
        visit("flow.end", Value::Time(flow.end));
        let nanos = u64::try_from(resolution.as_nanos()).unwrap_or(u64::MAX);
        visit("flow.time.resolution", Value::Number(nanos));
    }
    visit("flow.community_id", Value::Text(community_id));
    visit(
        "flow.end_reason",
        Value::Text(flow.end_reason.as_str().into()),
    );
    if let Some(tcp) = &flow.tcp {
        visit(
            "flow.connection.state",
            Value::Text(tcp.state.as_str().into()),
        );
    }
    endpoint(visit, ["source.address", "source.port"], &flow.source);
    endpoint(
        visit,
        ["destination.address", "destination.port"],
        &flow.destination,
    );
    visit(
        "flow.direction",
        Value::Text(flow.direction.as_str().into()),
    );
    if let Some(rule) = flow.direction_rule {
        visit("flow.direction.rule", Value::Text(rule.as_str().into()));
    }
    protocol(visit, "network.transport", flow.protocol);
    visit(
        "network.type",
        Value::Text(network_type(flow.source.address).into()),
    );
}

fn interface<'a>(flow: &'a Flow, visit: &mut impl FnMut(&'static str, Value<'a>)) {
    let interface = &flow.interface;
    visit(
        "network.interface.index",
        Value::Number(interface.index.into()),
    );
    visit(
        "network.interface.name",
        Value::Text((&*interface.name).into()),
    );
    if let Some(mac) = interface.mac {
        visit("network.interface.mac", Value::Text(Text::mac(mac)));
    }
    if !flow.vlans.is_empty() {
        visit(
            "network.vlan.ids",
            Value::Numbers(flow.vlans.as_slice().into()),
        );
    }
    if flow.several.any() {
        visit("flow.several", Value::Texts(flow.several.into()));
    }
}

fn endpoint<'a>(
    visit: &mut impl FnMut(&'static str, Value<'a>),
    [address, port]: [&'static str; 2],
    endpoint: &Endpoint,
) {
    visit(address, Value::Text(Text::address(endpoint.address)));
    if let Some(number) = endpoint.port {
        visit(port, Value::Number(number.into()));
    }
}

fn protocol<'a>(
    visit: &mut impl FnMut(&'static str, Value<'a>),
    name: &'static str,
    protocol: Protocol,
) {
    match protocol.keyword() {
        Some(keyword) => visit(name, Value::Text(keyword.into())),
        None => visit(name, Value::Text(Text::written(protocol))),
    }
}

fn uniflow<'a>(
    visit: &mut impl FnMut(&'static str, Value<'a>),
    names: &Names,
    uniflow: &Uniflow,
    protocol: Protocol,
) {
    let counts = [uniflow.packets, uniflow.octets, uniflow.frame_octets];
    for ([delta, total], count) in names.counts.into_iter().zip(counts) {
        visit(delta, Value::Number(count.delta));
        visit(total, Value::Number(count.total));
    }
    if let Some(ip) = &uniflow.ip {
        visit(names.dscp_id, Value::Number(ip.dscp.into()));
        if let Some(name) = ip.dscp_name() {
            visit(names.dscp_name, Value::Text(name.into()));
        }
        visit(names.ecn_id, Value::Number(ip.ecn.into()));
        visit(names.ecn_name, Value::Text(ip.ecn_name().into()));
        visit(names.ttl, Value::Number(ip.ttl.into()));
        if let Some(label) = ip.flow_label {
            visit(names.flow_label, Value::Number(label.into()));
        }
    }
    if let Some(icmp) = uniflow.icmp {
        visit(names.icmp_type_id, Value::Number(icmp.kind.into()));
        if let Some(name) = icmp.kind_name(protocol) {
            visit(names.icmp_type_name, Value::Text(name.into()));
        }
        visit(names.icmp_code_id, Value::Number(icmp.code.into()));
        if let Some(name) = icmp.code_name(protocol) {
            visit(names.icmp_code_name, Value::Text(name.into()));
        }
    }
    if let Some(flags) = uniflow.tcp_flags {
        visit(names.tcp_flag_bits, Value::Number(flags.0.into()));
        visit(names.tcp_flag_tags, Value::Texts(flags.into()));
    }
}

fn encapsulation<'a>(visit: &mut impl FnMut(&'static str, Value<'a>), tunnel: &Tunnel) {
    visit("tunnel.type", Value::Text(tunnel.kind.as_str().into()));
    if let Some(id) = tunnel.id {
        visit("tunnel.id", Value::Text(Text::written(id)));
    }
    visit(
        "tunnel.network.type",
        Value::Text(network_type(tunnel.source.address).into()),
    );
    protocol(visit, "tunnel.network.transport", tunnel.protocol);
    endpoint(
        visit,
        ["tunnel.source.address", "tunnel.source.port"],
        &tunnel.source,
    );
    endpoint(
        visit,
        ["tunnel.destination.address", "tunnel.destination.port"],
        &tunnel.destination,
    );
    if let Some(mac) = tunnel.source_mac {
        visit("tunnel.network.interface.mac", Value::Text(Text::mac(mac)));
    }
    // The octets that it added cannot be told from its content.
    if tunnel.kind == TunnelKind::WireGuard {
        return;
    }
    visit("tunnel.bytes.delta", Value::Number(tunnel.forward.delta));
    visit("tunnel.bytes.total", Value::Number(tunnel.forward.total));
    visit(
        "tunnel.reverse.bytes.delta",
        Value::Number(tunnel.reverse.delta),
    );
    visit(
        "tunnel.reverse.bytes.total",
        Value::Number(tunnel.reverse.total),
    );
}

fn associations<'a>(visit: &mut impl FnMut(&'static str, Value<'a>), ipsec: &Ipsec) {
    for (name, index) in [
        ("flow.ipsec.ah.spi", ipsec.ah_spi),
        ("flow.ipsec.esp.spi", ipsec.esp_spi),
        ("flow.ipsec.sender_index", ipsec.sender_index),
        ("flow.ipsec.receiver_index", ipsec.receiver_index),
    ] {
        if let Some(index) = index {
            visit(name, Value::Number(index.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{
        attributes::{ALL, ALWAYS, Kind},
        example::{bare, everything},
    };

    const fn kind(value: &Value<'_>) -> Kind {
        match value {
            Value::Text(_) => Kind::Text,
            Value::Texts(_) => Kind::Texts,
            Value::Number(_) => Kind::Number,
            Value::Numbers(_) => Kind::Numbers,
            Value::Time(_) => Kind::Time,
        }
    }

    fn given(flow: &Flow) -> Vec<(&'static str, Kind)> {
        let mut given = Vec::new();
        flow.attributes()
            .for_each(|(name, value)| given.push((name, kind(&value))));
        // One by one it is the same.
        let one_by_one = flow.attributes().map(|(name, value)| (name, kind(&value)));
        assert!(one_by_one.eq(given.iter().copied()));
        given
    }

    #[test]
    fn a_flow_with_every_fact_gives_every_name_in_order() {
        let documented: Vec<_> = ALL
            .iter()
            .map(|attribute| (attribute.name, attribute.kind))
            .collect();
        assert_eq!(given(&everything()), documented);
    }

    #[test]
    fn what_is_not_known_is_not_given() {
        let names: Vec<_> = given(&bare()).into_iter().map(|(name, _)| name).collect();
        let always: Vec<_> = ALL
            .iter()
            .filter(|attribute| attribute.presence == ALWAYS)
            .map(|attribute| attribute.name)
            .collect();
        assert_eq!(names, always);
    }
}
