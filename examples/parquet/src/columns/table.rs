//! Which columns there are: every attribute under its name, and what queries want beside.

use std::io::Write as _;

use mermin_core::{
    Flow,
    flow::{
        Endpoint, Protocol, Tunnel, TunnelKind,
        attributes::{self, ALL, Attribute},
    },
};

use super::{
    fill::{Fill, addresses, narrow, number_lists, texts, time, wide, word_lists, words},
    kind::{Column, Kind, Layout},
};
use crate::Settings;

/// How an attribute is written.
struct Way {
    kind: Kind,
    layout: Layout,
    always: bool,
    fill: Fill,
}

/// Every column that files made by these settings have, in their order.
///
/// ```
/// use mermin_parquet::{Settings, columns};
///
/// let columns = columns(&Settings::default().without(["flow.community_id"]));
/// assert_eq!(columns[0].name(), "flow.id");
/// assert!(columns.iter().all(|column| column.name() != "flow.community_id"));
/// ```
#[must_use]
pub fn columns(settings: &Settings) -> Vec<Column> {
    let mut columns = Vec::new();
    for attribute in ALL {
        let way = way(attribute.name, settings).unwrap_or_else(|| unknown(attribute));
        columns.push(column(attribute.name, attribute.meaning, way));
        columns.extend(beside(attribute.name));
    }
    columns.retain(|column| !settings.without.contains(&column.name));
    columns
}

/// Every attribute as if nothing here read it by itself.
#[cfg(test)]
pub(crate) fn by_name() -> Vec<Column> {
    ALL.iter()
        .map(|attribute| column(attribute.name, attribute.meaning, unknown(attribute)))
        .collect()
}

fn column(name: &str, meaning: &str, way: Way) -> Column {
    Column {
        name: name.to_owned(),
        meaning: meaning.to_owned(),
        kind: way.kind,
        always: way.always,
        layout: way.layout,
        fill: way.fill,
    }
}

/// An attribute that came after this was written.
fn unknown(attribute: &Attribute) -> Way {
    let (kind, layout) = match attribute.kind {
        attributes::Kind::Number => (Kind::Unsigned(64), Layout::Dictionary),
        attributes::Kind::Numbers => (Kind::Numbers, Layout::Dictionary),
        attributes::Kind::Texts => (Kind::Texts, Layout::Dictionary),
        attributes::Kind::Time => (Kind::Time, Layout::Delta),
        _ => (Kind::Text, Layout::Dictionary),
    };
    Way {
        kind,
        layout,
        always: false,
        fill: Fill::Attribute,
    }
}

/// The column behind an attribute, which is no attribute.
fn beside(name: &str) -> Option<Column> {
    let address = |always, fill| {
        let way = Way {
            kind: Kind::Address,
            layout: Layout::Dictionary,
            always,
            fill,
        };
        let name = format!("{name}.octets");
        Some(column(
            &name,
            "The same in 16 octets, to compare, join and look for in a range; an IPv4 address is `::ffff:a.b.c.d`",
            way,
        ))
    };
    match name {
        "source.address" => address(true, addresses(|flow| Some(flow.source.address))),
        "destination.address" => address(true, addresses(|flow| Some(flow.destination.address))),
        "tunnel.source.address" => {
            address(false, addresses(|flow| Some(flow.tunnel?.source.address)))
        }
        "tunnel.destination.address" => address(
            false,
            addresses(|flow| Some(flow.tunnel?.destination.address)),
        ),
        "flow.end" => Some(column(
            "flow.duration",
            "Nanoseconds from start to end, as exact as the end is",
            Way {
                kind: Kind::Nanoseconds,
                ..counted(|flow| {
                    flow.time_resolution?;
                    u64::try_from(flow.duration().as_nanos()).ok()
                })
            },
        )),
        _ => None,
    }
}

fn way(name: &str, settings: &Settings) -> Option<Way> {
    match name.strip_prefix("flow.reverse.") {
        Some(rest) => reverse(rest),
        None => name
            .strip_prefix("flow.")
            .and_then(forward)
            .or_else(|| of_flow(name, settings))
            .or_else(|| of_tunnel(name)),
    }
}

impl Way {
    fn always(mut self) -> Self {
        self.always = true;
        self
    }

    fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }
}

fn small<T: Into<u32>>(bits: u8, get: impl Fn(&Flow) -> Option<T> + Send + 'static) -> Way {
    Way {
        kind: Kind::Unsigned(bits),
        layout: Layout::Dictionary,
        always: false,
        fill: narrow(get),
    }
}

fn counted(get: impl Fn(&Flow) -> Option<u64> + Send + 'static) -> Way {
    Way {
        kind: Kind::Unsigned(64),
        layout: Layout::Dictionary,
        always: false,
        fill: wide(get),
    }
}

fn named(get: impl Fn(&Flow) -> Option<&'static str> + Send + 'static) -> Way {
    Way {
        kind: Kind::Text,
        layout: Layout::Dictionary,
        always: false,
        fill: words(get),
    }
}

fn written(write: impl Fn(&Flow, &mut Vec<u8>) -> bool + Send + 'static) -> Way {
    Way {
        kind: Kind::Text,
        layout: Layout::Dictionary,
        always: false,
        fill: texts(write),
    }
}

/// Columns of each direction, by the end of their names.
macro_rules! one_way {
    ($name:ident, $way:ident) => {
        fn $name(name: &str) -> Option<Way> {
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
                "tcp.flags.tags" => Way {
                    kind: Kind::Texts,
                    layout: Layout::Dictionary,
                    always: false,
                    fill: word_lists(|flow| Some(flow.$way.tcp_flags?.tags())),
                },
                _ => return None,
            })
        }
    };
}

one_way!(forward, forward);
one_way!(reverse, reverse);

fn of_flow(name: &str, settings: &Settings) -> Option<Way> {
    let seed = settings.community_id_seed;
    Some(match name {
        "flow.id" => written(|flow, text| {
            // The id's digits: a formatter costs several times what it writes.
            const DIGITS: [u8; 16] = *b"0123456789abcdef";
            let digits = flow
                .id
                .to_u128()
                .to_be_bytes()
                .map(|octet| [octet >> 4, octet & 15].map(|digit| DIGITS[usize::from(digit)]));
            text.extend_from_slice(digits.as_flattened());
            true
        })
        .always()
        .layout(Layout::Prefix),
        "flow.sequence" => counted(|flow| Some(flow.sequence)).always(),
        "flow.start" => Way {
            kind: Kind::Time,
            fill: time(|flow| flow.time_resolution.map(|_| flow.start)),
            ..counted(|_| None).layout(Layout::Delta)
        },
        "flow.end" => Way {
            kind: Kind::Time,
            fill: time(|flow| flow.time_resolution.map(|_| flow.end)),
            ..counted(|_| None).layout(Layout::Delta)
        },
        "flow.time.resolution" => {
            counted(|flow| u64::try_from(flow.time_resolution?.as_nanos()).ok())
        }
        "flow.community_id" => written(move |flow, text| {
            text.extend_from_slice(flow.community_id(seed).as_bytes());
            true
        })
        .always()
        .layout(Layout::Plain),
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
        "network.interface.index" => small(32, |flow| Some(flow.interface.index)).always(),
        "network.interface.name" => written(|flow, text| {
            text.extend_from_slice(flow.interface.name.as_bytes());
            true
        })
        .always(),
        "network.interface.mac" => written(|flow, text| {
            flow.interface
                .mac
                .is_some_and(|mac| write!(text, "{mac}").is_ok())
        }),
        "network.vlan.ids" => Way {
            kind: Kind::Numbers,
            layout: Layout::Dictionary,
            always: false,
            fill: number_lists(|flow| (!flow.vlans.is_empty()).then_some(flow.vlans.as_slice())),
        },
        "flow.several" => Way {
            kind: Kind::Texts,
            layout: Layout::Dictionary,
            always: false,
            fill: word_lists(|flow| flow.several.any().then(|| flow.several.names())),
        },
        "flow.icmp.id" => small(16, |flow| flow.icmp_id),
        "flow.tcp.handshake.latency" => {
            counted(|flow| u64::try_from(flow.tcp?.handshake_latency?.as_nanos()).ok())
        }
        "flow.ipsec.ah.spi" => small(32, |flow| flow.ipsec?.ah_spi),
        "flow.ipsec.esp.spi" => small(32, |flow| flow.ipsec?.esp_spi),
        "flow.ipsec.sender_index" => small(32, |flow| flow.ipsec?.sender_index),
        "flow.ipsec.receiver_index" => small(32, |flow| flow.ipsec?.receiver_index),
        _ => return None,
    })
}

fn of_tunnel(name: &str) -> Option<Way> {
    Some(match name {
        "tunnel.type" => named(|flow| Some(flow.tunnel?.kind.as_str())),
        "tunnel.id" => written(|flow, text| {
            let id = flow.tunnel.and_then(|tunnel| tunnel.id);
            id.is_some_and(|id| write!(text, "{id}").is_ok())
        }),
        "tunnel.network.type" => named(|flow| Some(version(&flow.tunnel?.source))),
        "tunnel.network.transport" => transport(|flow| Some(flow.tunnel?.protocol)),
        "tunnel.source.address" => address(|flow| Some(&flow.tunnel.as_ref()?.source)),
        "tunnel.source.port" => small(16, |flow| flow.tunnel?.source.port),
        "tunnel.destination.address" => address(|flow| Some(&flow.tunnel.as_ref()?.destination)),
        "tunnel.destination.port" => small(16, |flow| flow.tunnel?.destination.port),
        "tunnel.network.interface.mac" => written(|flow, text| {
            let mac = flow.tunnel.and_then(|tunnel| tunnel.source_mac);
            mac.is_some_and(|mac| write!(text, "{mac}").is_ok())
        }),
        "tunnel.bytes.delta" => added(|tunnel| tunnel.forward.delta),
        "tunnel.bytes.total" => added(|tunnel| tunnel.forward.total),
        "tunnel.reverse.bytes.delta" => added(|tunnel| tunnel.reverse.delta),
        "tunnel.reverse.bytes.total" => added(|tunnel| tunnel.reverse.total),
        _ => return None,
    })
}

/// Octets that a tunnel added. Nothing tells them of `WireGuard`.
fn added(get: fn(&Tunnel) -> u64) -> Way {
    counted(move |flow| {
        let tunnel = flow.tunnel.as_ref()?;
        (tunnel.kind != TunnelKind::WireGuard).then(|| get(tunnel))
    })
}

fn address(get: impl Fn(&Flow) -> Option<&Endpoint> + Send + 'static) -> Way {
    written(move |flow, text| {
        get(flow).is_some_and(|side| write!(text, "{}", side.address).is_ok())
    })
}

fn transport(get: impl Fn(&Flow) -> Option<Protocol> + Send + 'static) -> Way {
    written(move |flow, text| {
        let Some(protocol) = get(flow) else {
            return false;
        };
        match protocol.keyword() {
            Some(keyword) => text.extend_from_slice(keyword.as_bytes()),
            None => return write!(text, "{protocol}").is_ok(),
        }
        true
    })
}

const fn version(side: &Endpoint) -> &'static str {
    if side.address.is_ipv4() {
        "ipv4"
    } else {
        "ipv6"
    }
}
