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

/// Words of pcap-filter(7), and the equivalent keys.
const ALIASES: [(&str, &str); 4] = [
    ("host", "address"),
    ("net", "address"),
    ("portrange", "port"),
    ("proto", "transport"),
];

/// Words of pcap-filter(7) for a side of a flow, and the block of each.
const ENDS: [(&str, &str); 2] = [("src", "source"), ("dst", "destination")];

fn replaced(table: &[(&str, &'static str)], word: &str) -> Option<&'static str> {
    let found = table.iter().find(|(from, _)| *from == word);
    found.map(|(_, to)| *to)
}

/// Returns the block of `src` or `dst`.
pub(super) fn end(word: &str) -> Option<&'static str> {
    replaced(&ENDS, word)
}

/// The fields of a key; several if it applies to both sides.
#[derive(Clone, Debug)]
pub(super) struct Fields(Vec<(&'static str, &'static str)>);

impl Fields {
    /// Returns the fields of a key, of one side if that is given. `None` if there is no such key.
    pub(super) fn of(end: Option<&str>, written: &str) -> Option<Self> {
        let key = replaced(&ALIASES, written).unwrap_or(written);
        // Names of attributes have dots where keys of a configuration have underscores.
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

    /// Returns the term that one of the fields matches one of these items.
    ///
    /// # Errors
    /// An invalid item, in one line with valid alternatives.
    pub(super) fn term(&self, items: &[&str]) -> Result<Node, String> {
        let filters = self.0.iter().map(|field| filter(*field, items));
        Ok(Node::one_or(filters.collect::<Result<_, _>>()?, Node::Any))
    }
}

/// Builds a filter of one key with the reader of configuration files, so items have the same meaning in both.
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
        Ok(loaded) => Ok(Node::Filter(Box::new(loaded.config.filter().clone()))),
        Err(error) => Err(fault(&error)),
    }
}

/// Formats an error without a position, because there is no file.
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

/// Returns the term of a single word: `tcp`, `ip6`. `None` if it is no protocol.
pub(super) fn protocol(word: &str) -> Option<Node> {
    let (key, item) = match word {
        "ip" => ("type", "ipv4"),
        "ip6" => ("type", "ipv6"),
        _ if word.starts_with(|first: char| first.is_ascii_digit()) => return None,
        _ => ("transport", word),
    };
    Fields::of(None, key)?.term(&[item]).ok()
}

/// Returns the keys that begin with this text, or else the most common ones.
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
    fn key_has_its_fields() {
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
