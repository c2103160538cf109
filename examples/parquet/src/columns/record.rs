//! Columns of a record itself and of its two directions.

use mermin_core::flow::Ipsec;

use super::{
    fill::{ids, number_lists, plain, time, word_lists},
    kind::Kind,
    part::Part,
    way::{Way, address, counted, mac, named, small, text, timed, transport, version},
};
use crate::Settings;

pub(super) fn of_flow(name: &str, settings: &Settings) -> Option<Way> {
    let seed = settings.community_id_seed;
    Some(match name {
        "flow.id" => Way::new(Kind::Text, ids()).always(),
        "flow.sequence" => counted(|flow| Some(flow.sequence)).always(),
        "flow.start" => Way::new(
            Kind::Time,
            time(|flow| flow.time_resolution.map(|_| flow.start)),
        ),
        "flow.end" => Way::new(
            Kind::Time,
            time(|flow| flow.time_resolution.map(|_| flow.end)),
        ),
        "flow.time.resolution" => timed(|flow| flow.time_resolution),
        "flow.community_id" => {
            let fill = plain(move |flow, text| {
                text.extend_from_slice(flow.community_id(seed).as_bytes());
            });
            Way::new(Kind::Text, fill).always()
        }
        "flow.end_reason" => named(|flow| Some(flow.end_reason.as_str())).always(),
        "flow.connection.state" => named(|flow| Some(flow.tcp?.state.as_str())),
        "source.address" => address(|flow| Some(&flow.source)).always(),
        "source.port" => small(16, |flow| flow.source.port),
        "destination.address" => address(|flow| Some(&flow.destination)).always(),
        "destination.port" => small(16, |flow| flow.destination.port),
        "flow.direction" => named(|flow| Some(flow.direction.as_str())).always(),
        "flow.direction.rule" => named(|flow| Some(flow.direction_rule?.as_str())),
        "network.transport" => transport(|flow| Some(flow.protocol)).always(),
        "network.type" => named(|flow| Some(version(&flow.source))).always(),
        "flow.sampling.interval" => small(32, |flow| flow.sampling_interval.map(u32::from)),
        "network.interface.index" => small(32, |flow| Some(flow.interface.index)).always(),
        "network.interface.name" => text(|flow| Some(&*flow.interface.name)).always(),
        "network.interface.mac" => mac(|flow| flow.interface.source_mac),
        "destination.mac" => mac(|flow| flow.interface.destination_mac),
        "network.vlan.ids" => Way::new(
            Kind::Numbers,
            number_lists(|flow| {
                let ids = flow.vlans;
                (!ids.is_empty()).then(|| {
                    (0..ids.len()).filter_map(move |at| ids.get(at).copied().map(u64::from))
                })
            }),
        ),
        "flow.several" => Way::new(
            Kind::Texts,
            word_lists(|flow| flow.several.any().then(|| flow.several.names())),
        ),
        "flow.icmp.id" => small(16, |flow| flow.icmp_id).part(Part::Icmp),
        "flow.tcp.handshake.latency" => timed(|flow| flow.tcp?.handshake_latency),
        "flow.ipsec.ah.spi" => ipsec(|it| it.ah_spi),
        "flow.ipsec.esp.spi" => ipsec(|it| it.esp_spi),
        "flow.ipsec.sender_index" => ipsec(|it| it.sender_index),
        "flow.ipsec.receiver_index" => ipsec(|it| it.receiver_index),
        _ => return None,
    })
}

fn ipsec(get: fn(&Ipsec) -> Option<u32>) -> Way {
    small(32, move |flow| get(flow.ipsec.as_ref()?)).part(Part::Ipsec)
}

/// Columns of each direction, by the suffix of their names.
macro_rules! one_way {
    ($name:ident, $way:ident) => {
        pub(super) fn $name(name: &str) -> Option<Way> {
            Some(match name {
                "packets.delta" => counted(|flow| Some(flow.$way.packets.delta)).always(),
                "packets.total" => counted(|flow| Some(flow.$way.packets.total)).always(),
                "bytes.delta" => counted(|flow| Some(flow.$way.octets.delta)).always(),
                "bytes.total" => counted(|flow| Some(flow.$way.octets.total)).always(),
                "frame_bytes.delta" => counted(|flow| Some(flow.$way.frame_octets.delta)).always(),
                "frame_bytes.total" => counted(|flow| Some(flow.$way.frame_octets.total)).always(),
                "ip.dscp.id" => small(8, |flow| Some(flow.$way.ip?.dscp)),
                "ip.dscp.name" => named(|flow| flow.$way.ip?.dscp_name()),
                "ip.ecn.id" => small(8, |flow| Some(flow.$way.ip?.ecn)),
                "ip.ecn.name" => named(|flow| Some(flow.$way.ip?.ecn_name())),
                "ip.ttl" => small(8, |flow| Some(flow.$way.ip?.ttl)),
                "ip.flow_label" => small(32, |flow| flow.$way.ip?.flow_label),
                "icmp.type.id" => small(8, |flow| Some(flow.$way.icmp?.kind)),
                "icmp.type.name" => named(|flow| flow.$way.icmp?.kind_name(flow.protocol)),
                "icmp.code.id" => small(8, |flow| Some(flow.$way.icmp?.code)),
                "icmp.code.name" => named(|flow| flow.$way.icmp?.code_name(flow.protocol)),
                "tcp.flags.bits" => small(8, |flow| Some(flow.$way.tcp_flags?.0)),
                "tcp.flags.tags" => Way::new(
                    Kind::Texts,
                    word_lists(|flow| Some(flow.$way.tcp_flags?.tags())),
                ),
                _ => return None,
            })
        }
    };
}

one_way!(forward, forward);
one_way!(reverse, reverse);
