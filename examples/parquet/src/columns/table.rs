//! The list of columns: every attribute by its name, and additional columns for queries.

use mermin_core::flow::attributes::{self, ALL, Attribute};

use super::{
    application::of_application,
    fill::{Filler, addresses, attribute, signed},
    kind::{Column, Kind},
    points::of_points,
    process::{of_process, process},
    record::{forward, of_flow, reverse},
    tcp_analysis::of_tcp_analysis,
    tunnel::of_tunnel,
    way::Way,
};
use crate::Settings;

/// Returns every column of files with these settings, in order.
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
        let way = way(attribute.name, settings).unwrap_or_else(|| unknown(attribute, settings));
        columns.push(column(attribute.name, attribute.meaning, way));
        columns.extend(beside(attribute.name));
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

/// Returns the additional column after an attribute.
fn beside(name: &str) -> Option<Column> {
    let address = |always, fill: Filler| {
        let way = Way {
            always,
            ..Way::new(Kind::Address, fill)
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
            Way::new(
                Kind::Nanoseconds,
                signed(|flow| {
                    flow.time_resolution?;
                    u64::try_from(flow.duration().as_nanos()).ok()
                }),
            ),
        )),
        _ => None,
    }
}

fn way(name: &str, settings: &Settings) -> Option<Way> {
    if let Some(way) = of_tcp_analysis(name) {
        return Some(way);
    }
    match name.strip_prefix("flow.reverse.") {
        Some(rest) => reverse(rest).or_else(|| process(rest, |flow| &flow.destination_process)),
        None => name
            .strip_prefix("flow.")
            .and_then(forward)
            .or_else(|| of_flow(name, settings))
            .or_else(|| of_tunnel(name))
            .or_else(|| of_points(name))
            .or_else(|| of_process(name))
            .or_else(|| of_application(name)),
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
