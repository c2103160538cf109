//! Visits the names and values of a record's attributes.

use std::net::IpAddr;

use super::{
    application, drops, interfaces,
    name::{Name, name},
    nat, process,
    render::Short,
    table::{FORWARD, REVERSE, UniflowAttributes},
    tcp_analysis, tcp_sockets,
    visitor::Visit,
};
use crate::flow::{Endpoint, Flow, Ipsec, Protocol, Tunnel, TunnelKind, Uniflow};

const fn network_type(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "ipv4",
        IpAddr::V6(_) => "ipv6",
    }
}

/// The groups in which an iterator collects attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Flow,
    Interface,
    Forward,
    Reverse,
    Protocol,
    TcpAnalysis,
    TcpSockets,
    Drops,
    Encapsulation,
    Joined,
    Nat,
    Process,
    Application,
    Added,
}

impl Part {
    pub(super) const ALL: [Self; 14] = [
        Self::Flow,
        Self::Interface,
        Self::Forward,
        Self::Reverse,
        Self::Protocol,
        Self::TcpAnalysis,
        Self::TcpSockets,
        Self::Drops,
        Self::Encapsulation,
        Self::Joined,
        Self::Nat,
        Self::Process,
        Self::Application,
        Self::Added,
    ];
}

/// Visits each known attribute of a flow.
pub(crate) fn visit_all<'a>(flow: &'a Flow, community_id_seed: u16, visit: &mut impl Visit<'a>) {
    for part in Part::ALL {
        visit_part(flow, community_id_seed, part, visit);
    }
}

/// Visits each known attribute of a part.
pub(super) fn visit_part<'a>(
    flow: &'a Flow,
    community_id_seed: u16,
    part: Part,
    visit: &mut impl Visit<'a>,
) {
    match part {
        Part::Flow => identity(flow, community_id_seed, visit),
        Part::Interface => interface(flow, visit),
        Part::Forward => uniflow(visit, &FORWARD, &flow.forward, flow.protocol),
        Part::Reverse => uniflow(visit, &REVERSE, &flow.reverse, flow.protocol),
        Part::Protocol => {
            if let Some(id) = flow.icmp_id {
                visit.number(name!("flow.icmp.id"), id.into());
            }
            if let Some(latency) = flow.tcp.and_then(|tcp| tcp.handshake_latency) {
                let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
                visit.number(name!("flow.tcp.handshake.latency"), nanos);
            }
        }
        Part::TcpAnalysis => {
            if let Some(analysis) = &flow.tcp_analysis {
                tcp_analysis::give(visit, analysis);
            }
        }
        Part::TcpSockets => {
            if let Some(sockets) = &flow.tcp_sockets {
                tcp_sockets::give(visit, sockets);
            }
        }
        Part::Drops => {
            if let Some(found) = &flow.drops {
                drops::give(visit, found);
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
        Part::Nat => {
            if let Some(found) = &flow.nat {
                nat::give(visit, found);
            }
        }
        Part::Process => process::give(visit, flow),
        Part::Application => application::give(visit, flow),
        Part::Added => {
            let lists = flow.added_attributes.iter();
            lists
                .flat_map(|list| list.iter())
                .for_each(|it| visit.added(it));
        }
    }
}

fn identity<'a>(flow: &'a Flow, community_id_seed: u16, visit: &mut impl Visit<'a>) {
    visit.id(name!("flow.id"), flow.id);
    visit.number(name!("flow.sequence"), flow.sequence);
    if let Some(resolution) = flow.time_resolution {
        visit.time(name!("flow.start"), flow.start);
        visit.time(name!("flow.end"), flow.end);
        let nanos = u64::try_from(resolution.as_nanos()).unwrap_or(u64::MAX);
        visit.number(name!("flow.time.resolution"), nanos);
    }
    visit.short(
        name!("flow.community_id"),
        flow.community_id_inline(community_id_seed).into(),
    );
    visit.word(name!("flow.end_reason"), flow.end_reason.as_str());
    if let Some(tcp) = &flow.tcp {
        visit.word(name!("flow.connection.state"), tcp.state.as_str());
    }
    endpoint(
        visit,
        [name!("source.address"), name!("source.port")],
        &flow.source,
    );
    endpoint(
        visit,
        [name!("destination.address"), name!("destination.port")],
        &flow.destination,
    );
    visit.word(name!("flow.direction"), flow.direction.as_str());
    if let Some(rule) = flow.direction_rule {
        visit.word(name!("flow.direction.rule"), rule.as_str());
    }
    protocol(visit, name!("network.transport"), flow.protocol);
    visit.word(name!("network.type"), network_type(flow.source.address));
    if let Some(interval) = flow.sampling_interval {
        visit.number(name!("flow.sampling.interval"), interval.get().into());
    }
}

fn interface<'a>(flow: &'a Flow, visit: &mut impl Visit<'a>) {
    let interface = &flow.interface;
    visit.number(name!("network.interface.index"), interface.index.into());
    visit.text(name!("network.interface.name"), &interface.name);
    if let Some(mac) = interface.source_mac {
        visit.mac(name!("network.interface.mac"), mac);
    }
    if let Some(mac) = interface.destination_mac {
        visit.mac(name!("destination.mac"), mac);
    }
    if !flow.vlans.is_empty() {
        visit.numbers(name!("network.vlan.ids"), flow.vlans.as_slice().into());
    }
    if flow.several.any() {
        visit.texts(name!("flow.several"), flow.several.into());
    }
}

fn endpoint<'a>(
    visit: &mut impl Visit<'a>,
    [address, port]: [&'static Name; 2],
    endpoint: &Endpoint,
) {
    visit.address(address, endpoint.address);
    if let Some(number) = endpoint.port {
        visit.number(port, number.into());
    }
}

fn protocol<'a>(visit: &mut impl Visit<'a>, name: &'static Name, protocol: Protocol) {
    match protocol.keyword() {
        Some(keyword) => visit.word(name, keyword),
        None => visit.short(name, Short::decimal(protocol.0.into())),
    }
}

fn uniflow<'a>(
    visit: &mut impl Visit<'a>,
    names: &'static UniflowAttributes,
    uniflow: &Uniflow,
    protocol: Protocol,
) {
    let counts = [uniflow.packets, uniflow.octets, uniflow.frame_octets];
    for ([delta, total], count) in names.counts.iter().zip(counts) {
        visit.number(delta, count.delta);
        visit.number(total, count.total);
    }
    if let Some(ip) = &uniflow.ip {
        visit.number(&names.dscp_id, ip.dscp.into());
        if let Some(name) = ip.dscp_name() {
            visit.word(&names.dscp_name, name);
        }
        visit.number(&names.ecn_id, ip.ecn.into());
        visit.word(&names.ecn_name, ip.ecn_name());
        visit.number(&names.ttl, ip.ttl.into());
        if let Some(label) = ip.flow_label {
            visit.number(&names.flow_label, label.into());
        }
    }
    if let Some(icmp) = uniflow.icmp {
        visit.number(&names.icmp_type_id, icmp.kind.into());
        if let Some(name) = icmp.kind_name(protocol) {
            visit.word(&names.icmp_type_name, name);
        }
        visit.number(&names.icmp_code_id, icmp.code.into());
        if let Some(name) = icmp.code_name(protocol) {
            visit.word(&names.icmp_code_name, name);
        }
    }
    if let Some(flags) = uniflow.tcp_flags {
        visit.number(&names.tcp_flag_bits, flags.0.into());
        visit.flags(&names.tcp_flag_tags, flags);
    }
}

fn encapsulation<'a>(visit: &mut impl Visit<'a>, tunnel: &Tunnel) {
    visit.word(name!("tunnel.type"), tunnel.kind.as_str());
    if let Some(id) = tunnel.id {
        visit.short(name!("tunnel.id"), Short::decimal(id.into()));
    }
    visit.word(
        name!("tunnel.network.type"),
        network_type(tunnel.source.address),
    );
    protocol(visit, name!("tunnel.network.transport"), tunnel.protocol);
    endpoint(
        visit,
        [name!("tunnel.source.address"), name!("tunnel.source.port")],
        &tunnel.source,
    );
    endpoint(
        visit,
        [
            name!("tunnel.destination.address"),
            name!("tunnel.destination.port"),
        ],
        &tunnel.destination,
    );
    if let Some(mac) = tunnel.sender_mac {
        visit.mac(name!("tunnel.network.interface.mac"), mac);
    }
    // WireGuard encrypts its content, so its overhead is unknown.
    if tunnel.kind == TunnelKind::WireGuard {
        return;
    }
    visit.number(name!("tunnel.bytes.delta"), tunnel.forward.delta);
    visit.number(name!("tunnel.bytes.total"), tunnel.forward.total);
    visit.number(name!("tunnel.reverse.bytes.delta"), tunnel.reverse.delta);
    visit.number(name!("tunnel.reverse.bytes.total"), tunnel.reverse.total);
}

fn associations<'a>(visit: &mut impl Visit<'a>, ipsec: &Ipsec) {
    for (name, index) in [
        (name!("flow.ipsec.ah.spi"), ipsec.ah_spi),
        (name!("flow.ipsec.esp.spi"), ipsec.esp_spi),
        (name!("flow.ipsec.sender_index"), ipsec.sender_index),
        (name!("flow.ipsec.receiver_index"), ipsec.receiver_index),
    ] {
        if let Some(index) = index {
            visit.number(name, index.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{
        Value,
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

    fn given(flow: &Flow) -> Vec<(&str, Kind)> {
        let mut given = Vec::new();
        flow.attributes()
            .for_each(|(name, value)| given.push((name, kind(&value))));
        // The iterator gives the same items.
        let one_by_one = flow.attributes().map(|(name, value)| (name, kind(&value)));
        assert!(one_by_one.eq(given.iter().copied()));
        given
    }

    #[test]
    fn flow_with_every_field_yields_every_attribute_in_order() {
        let documented: Vec<_> = ALL
            .iter()
            .map(|attribute| (attribute.name, attribute.kind))
            .collect();
        assert_eq!(given(&everything()), documented);
    }

    #[test]
    fn unknown_values_are_omitted() {
        let flow = bare();
        let names: Vec<_> = given(&flow).into_iter().map(|(name, _)| name).collect();
        let always: Vec<_> = ALL
            .iter()
            .filter(|attribute| attribute.presence == ALWAYS)
            .map(|attribute| attribute.name)
            .collect();
        assert_eq!(names, always);
    }
}
