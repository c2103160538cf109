//! Keys of terms: those of a configuration's filters, names of attributes, and words of pcap-filter(7).

use std::fmt::Write as _;

use mermin_config::{Config, Error};

use super::Node;

/// Blocks of a configuration's filters, and the keys of each.
const KEYS: [(&str, &str); 17] = [
    ("source", "address"),
    ("source", "port"),
    ("destination", "address"),
    ("destination", "port"),
    ("network", "transport"),
    ("network", "type"),
    ("network", "interface_name"),
    ("network", "interface_index"),
    ("network", "interface_mac"),
    ("flow", "connection_state"),
    ("flow", "tcp_flags_tags"),
    ("flow", "ip_dscp_name"),
    ("flow", "ip_ecn_name"),
    ("flow", "ip_ttl"),
    ("flow", "ip_flow_label"),
    ("flow", "icmp_type_name"),
    ("flow", "icmp_code_name"),
];

/// Words of pcap-filter(7), and the key that each stands for.
const ALIASES: [(&str, &str); 4] = [
    ("host", "address"),
    ("net", "address"),
    ("portrange", "port"),
    ("proto", "transport"),
];

/// Words of pcap-filter(7) for an end of a flow, and the block of each.
const ENDS: [(&str, &str); 2] = [("src", "source"), ("dst", "destination")];

fn replaced(table: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    let found = table.iter().find(|(from, _)| *from == word);
    found.map(|(_, to)| *to)
}

/// The end of a flow that `src` or `dst` means.
pub(super) fn end(word: &str) -> Option<&'static str> {
    replaced(&ENDS, word)
}

/// The fields that a key means; more than one where it means either end.
#[derive(Clone, Debug)]
pub(super) struct Fields(Vec<(&'static str, &'static str)>);

impl Fields {
    /// The fields of a key, of one end if that is named. None if there is no such key.
    pub(super) fn of(end: Option<&str>, written: &str) -> Option<Self> {
        let key = replaced(&ALIASES, written).unwrap_or(written);
        // Names of attributes have dots where the configuration's keys have underscores.
        let key = key.replace('.', "_");
        let fits = |&&(block, name): &&(&str, &str)| {
            let in_block = |rest: &str| rest.strip_prefix('_') == Some(name);
            match end {
                Some(end) => block == end && key == name,
                None => key == name || key.strip_prefix(block).is_some_and(in_block),
            }
        };
        let fields: Vec<_> = KEYS.iter().filter(fits).copied().collect();
        (!fields.is_empty()).then_some(Self(fields))
    }

    /// The term that one of these items is in one of the fields.
    ///
    /// # Errors
    /// An item that is none, in one line with what would be valid.
    pub(super) fn term(&self, items: &[&str]) -> Result<Node, String> {
        let filters = self.0.iter().map(|field| filter(*field, items));
        let mut nodes = filters.collect::<Result<Vec<_>, _>>()?;
        Ok(match nodes.pop() {
            Some(node) if nodes.is_empty() => node,
            last => Node::Any(nodes.into_iter().chain(last).collect()),
        })
    }
}

/// A filter of one key, by the reader of configuration files: items mean the same in both.
fn filter((block, key): (&str, &str), items: &[&str]) -> Result<Node, String> {
    let mut list = String::new();
    for item in items {
        if item.chars().any(char::is_control) {
            return Err("cannot use control characters: no item has them".to_owned());
        }
        let item = item.replace('\\', "\\\\").replace('"', "\\\"");
        let item = item.replace("${", "$${").replace("%{", "%%{");
        let _ = write!(list, "\"{item}\",");
    }
    let text = format!("filter \"{block}\" {{\n{key} = {{ match = [{list}] }}\n}}\n");
    match Config::load("filter", text.as_bytes(), &|_| None) {
        Ok(loaded) => Ok(Node::Filter(Box::new(loaded.config.filter().to_core()))),
        Err(error) => Err(fault(&error)),
    }
}

/// The text of an error, without a place, because there is no file.
fn fault(error: &Error) -> String {
    let words = error.to_string();
    let first = words.lines().next().unwrap_or_default();
    let place = first
        .match_indices(": ")
        .next()
        .map_or(0, |(at, sign)| at + sign.len());
    let valid = words
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("= valid: "));
    match valid {
        Some(valid) => format!("{}; {valid}", &first[place..]),
        None => first[place..].to_owned(),
    }
}

/// The term of a word that stands by itself: `tcp`, `ip6`. None if it is no protocol.
pub(super) fn protocol(word: &str) -> Option<Node> {
    let (key, item) = match word {
        "ip" => ("type", "ipv4"),
        "ip6" => ("type", "ipv6"),
        _ if word.starts_with(|first: char| first.is_ascii_digit()) => return None,
        _ => ("transport", word),
    };
    Fields::of(None, key)?.term(&[item]).ok()
}

/// Keys that begin as this one does, or the ones that are used most.
pub(super) fn known(written: &str) -> String {
    let like: Vec<String> = KEYS
        .iter()
        .map(|(block, key)| (key, format!("{block}.{key}")))
        .filter(|(key, name)| {
            !written.is_empty() && (name.starts_with(written) || key.starts_with(written))
        })
        .map(|(_, name)| name)
        .collect();
    if like.is_empty() {
        "address, port, transport, interface_name, connection_state, ..".to_owned()
    } else {
        like.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_one_of_the_configuration() {
        for (block, name) in KEYS {
            let text = format!("filter \"{block}\" {{\n{name} = {{ match = [] }}\n}}\n");
            let loaded = Config::load("filter", text.as_bytes(), &|_| None);
            assert!(loaded.unwrap().warnings.is_empty(), "{block}.{name}");
        }
    }

    #[test]
    fn a_key_has_its_fields() {
        for (end, written, count) in [
            (None, "port", 2),
            (None, "source.port", 1),
            (Some("source"), "port", 1),
            (Some("source"), "net", 1),
            (Some("source"), "transport", 0),
            (None, "flow.ip_ttl", 1),
            (None, "flow.connection.state", 1),
            (None, "network.interface.name", 1),
            (None, "type", 1),
            (None, "source.transport", 0),
            (None, "source", 0),
        ] {
            let found = Fields::of(end, written).map_or(0, |fields| fields.0.len());
            assert_eq!(found, count, "{end:?} {written}");
        }
    }
}
