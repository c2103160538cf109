//! The list of columns: every attribute by its name, and additional columns for queries.

use mermin_core::flow::{
    AddedAttribute,
    attributes::{self, ALL, Attribute},
};

use super::{
    application::of_application,
    drops::of_drops,
    fill::{addresses, attribute, signed},
    kind::{Column, Kind},
    nat::{of, of_nat},
    part::Part,
    points::of_points,
    process::{of_process, process},
    record::{forward, of_flow, reverse},
    tcp_analysis::of_tcp_analysis,
    tcp_sockets::of_tcp_sockets,
    tunnel::of_tunnel,
    way::{Way, nanoseconds, written},
};
use crate::Settings;

/// Returns every column of files with these settings, in order.
///
/// ```
/// use mermin_parquet::{Settings, columns};
///
/// let of_all = columns(&Settings::default().with(["flow.community_id"]));
/// let columns = columns(&Settings::default());
/// assert_eq!(columns[0].name(), "flow.id");
/// assert_eq!(of_all.len(), columns.len() + 1);
/// ```
#[must_use]
pub fn columns(settings: &Settings) -> Vec<Column> {
    let mut columns = Vec::new();
    for attribute in ALL {
        let way = way(attribute.name, settings).unwrap_or_else(|| unknown(attribute, settings));
        columns.push(column(attribute.name, attribute.meaning, way));
        columns.extend(beside(attribute.name));
    }
    for name in &settings.added {
        if columns.iter().all(|known| known.name != *name) {
            columns.push(column(name, "Attribute that the program adds", added(name)));
        }
    }
    columns.retain(|column| !settings.without.contains(&column.name));
    columns
}

/// Returns every attribute as if it had no getter here.
#[cfg(test)]
pub(crate) fn by_name() -> Vec<Column> {
    ALL.iter()
        .map(|attribute| {
            let way = unknown(attribute, &Settings::default());
            column(attribute.name, attribute.meaning, way)
        })
        .collect()
}

fn column(name: &str, meaning: &str, way: Way) -> Column {
    Column {
        name: name.to_owned(),
        meaning: meaning.to_owned(),
        kind: way.kind,
        always: way.always,
        part: way.part,
        fill: way.fill,
    }
}

/// Returns the column of an attribute that is unknown here.
fn unknown(known: &Attribute, settings: &Settings) -> Way {
    let kind = match known.kind {
        attributes::Kind::Number => Kind::Unsigned(64),
        attributes::Kind::Numbers => Kind::Numbers,
        attributes::Kind::Texts => Kind::Texts,
        attributes::Kind::Time => Kind::Time,
        _ => Kind::Text,
    };
    let fill = attribute(known.name, kind, settings.community_id_seed);
    Way::new(kind, fill)
}

/// Returns the column of an attribute that the application adds.
fn added(name: &str) -> Way {
    let name = name.to_owned();
    written(move |flow, text| {
        let found = flow.added_attribute(&name).map(AddedAttribute::text);
        text.extend_from_slice(found.as_deref().unwrap_or_default().as_bytes());
        found.is_some()
    })
    .part(Part::Added)
}

/// Returns the additional column after an attribute.
fn beside(name: &str) -> Option<Column> {
    let address = |way| {
        let name = format!("{name}.octets");
        Some(column(
            &name,
            "The same in 16 octets, to compare, join and look for in a range; an IPv4 address is `::ffff:a.b.c.d`",
            way,
        ))
    };
    let of_flow = |fill| address(Way::new(Kind::Address, fill).always());
    let of_tunnel = |fill| address(Way::new(Kind::Address, fill).part(Part::Tunnel));
    let of_nat = |fill| address(Way::new(Kind::Address, fill).part(Part::Nat));
    match name {
        "source.address" => of_flow(addresses(|flow| Some(flow.source.address))),
        "destination.address" => of_flow(addresses(|flow| Some(flow.destination.address))),
        "tunnel.source.address" => of_tunnel(addresses(|flow| Some(flow.tunnel?.source.address))),
        "tunnel.destination.address" => {
            of_tunnel(addresses(|flow| Some(flow.tunnel?.destination.address)))
        }
        "source.nat.address" => of_nat(addresses(|flow| {
            Some(of(flow, |nat| nat.source.as_ref())?.address)
        })),
        "destination.nat.address" => of_nat(addresses(|flow| {
            Some(of(flow, |nat| nat.destination.as_ref())?.address)
        })),
        "flow.end" => Some(column(
            "flow.duration",
            "Nanoseconds from start to end, as exact as the end is",
            Way::new(
                Kind::Nanoseconds,
                signed(|flow| {
                    flow.time_resolution?;
                    nanoseconds(flow.duration())
                }),
            ),
        )),
        _ => None,
    }
}

fn way(name: &str, settings: &Settings) -> Option<Way> {
    let of_part = |way: Option<Way>, part| way.map(|way| way.part(part));
    let one_way = |name: &str, way: fn(&str) -> Option<Way>| {
        let is_icmp = name.starts_with("icmp.");
        of_part(way(name), if is_icmp { Part::Icmp } else { Part::Whole })
    };
    let process = |name: &str, which| of_part(process(name, which), Part::Processes);
    if let Some(way) = of_part(of_drops(name), Part::Drops)
        .or_else(|| of_part(of_tcp_analysis(name), Part::TcpAnalysis))
        .or_else(|| of_part(of_tcp_sockets(name), Part::TcpSockets))
        .or_else(|| of_part(of_nat(name), Part::Nat))
    {
        return Some(way);
    }
    match name.strip_prefix("flow.reverse.") {
        Some(rest) => {
            one_way(rest, reverse).or_else(|| process(rest, |flow| &flow.destination_process))
        }
        None => name
            .strip_prefix("flow.")
            .and_then(|rest| one_way(rest, forward))
            .or_else(|| of_flow(name, settings))
            .or_else(|| of_part(of_tunnel(name), Part::Tunnel))
            .or_else(|| of_part(of_points(name), Part::Points))
            .or_else(|| of_part(of_process(name), Part::Processes))
            .or_else(|| of_part(of_application(name), Part::Application)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reading through all attributes of a record takes as long as all other columns together.
    #[test]
    fn each_attribute_has_one_encoder() {
        for attribute in ALL {
            assert!(
                way(attribute.name, &Settings::default()).is_some(),
                "{}",
                attribute.name
            );
        }
    }
}
