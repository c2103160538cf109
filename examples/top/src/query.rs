//! The filter of the view: terms in the words of a configuration's filters.
//!
//! A term is a key of [docs/CONFIG.md](../../../docs/CONFIG.md), `=` or `!=`, and items with commas between them:
//! `destination.port=443,8000-8999 network.transport!=udp`. A key may go without its block where that leaves no doubt
//! (`transport=tcp`); `address` and `port` then mean either end. All terms must hold.

use std::fmt::Write as _;

use mermin_config::{Config, Error};
use mermin_core::{Filter, Flow};

/// The blocks of filters and their keys.
const BLOCKS: [(&str, &[&str]); 4] = [
    ("source", &["address", "port"]),
    ("destination", &["address", "port"]),
    (
        "network",
        &[
            "transport",
            "type",
            "interface_name",
            "interface_index",
            "interface_mac",
        ],
    ),
    (
        "flow",
        &[
            "connection_state",
            "tcp_flags_tags",
            "ip_dscp_name",
            "ip_ecn_name",
            "ip_ttl",
            "ip_flow_label",
            "icmp_type_name",
            "icmp_code_name",
        ],
    ),
];

/// Terms that were understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query(Vec<Term>);

/// A term: it holds where one of its filters does, or none where it is a denial.
#[derive(Clone, Debug, PartialEq)]
struct Term {
    filters: Vec<Filter>,
    is_denial: bool,
}

impl Query {
    /// Reads terms.
    ///
    /// # Errors
    /// The first fault, in one line, with what would be valid.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        text.split_whitespace()
            .map(term)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn admits(&self, flow: &Flow) -> bool {
        self.0
            .iter()
            .all(|term| term.filters.iter().any(|filter| filter.admits(flow)) != term.is_denial)
    }
}

fn term(text: &str) -> Result<Term, String> {
    let (key, items, is_denial) = if let Some((key, items)) = text.split_once("!=") {
        (key, items, true)
    } else if let Some((key, items)) = text.split_once('=') {
        (key, items, false)
    } else {
        return Err(format!(
            "cannot use `{text}`: write KEY=ITEM, such as `port=443`"
        ));
    };
    let blocks = blocks(key);
    if blocks.is_empty() {
        return Err(format!("cannot use the key `{key}`: {}", known(key)));
    }
    let filters = blocks.iter().map(|(block, key)| filter(block, key, items));
    Ok(Term {
        filters: filters.collect::<Result<_, _>>()?,
        is_denial,
    })
}

/// The blocks that a key is of.
fn blocks(written: &str) -> Vec<(&'static str, &'static str)> {
    let all = BLOCKS
        .iter()
        .flat_map(|(block, keys)| keys.iter().map(move |key| (*block, *key)));
    all.filter(|(block, key)| match written.split_once('.') {
        Some((wanted, rest)) => wanted == *block && rest == *key,
        None => written == *key,
    })
    .collect()
}

/// Keys that begin as this one does, or all blocks.
fn known(written: &str) -> String {
    let all = BLOCKS
        .iter()
        .flat_map(|(block, keys)| keys.iter().map(move |key| format!("{block}.{key}")));
    let like: Vec<_> = all
        .filter(|name| {
            let key = name.split_once('.').map_or(&**name, |(_, key)| key);
            !written.is_empty() && (name.starts_with(written) || key.starts_with(written))
        })
        .collect();
    if like.is_empty() {
        "address, port, transport, interface_name, connection_state, ..".to_owned()
    } else {
        like.join(", ")
    }
}

/// A filter of one key, by the reader of configuration files.
fn filter(block: &str, key: &str, items: &str) -> Result<Filter, String> {
    let mut list = String::new();
    let mut depth = 0_u32;
    let is_comma = |character: char| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    };
    for item in items.split(is_comma).filter(|item| !item.is_empty()) {
        // A quote or a backslash would end the text; neither is part of any item.
        if item.contains(['"', '\\', '$', '%']) || item.chars().any(char::is_control) {
            return Err(format!("cannot use `{item}`: no item has such characters"));
        }
        let _ = write!(list, "\"{item}\",");
    }
    if list.is_empty() {
        return Err(format!("write an item behind `{key}=`"));
    }
    let text = format!("filter \"{block}\" {{\n{key} = {{ match = [{list}] }}\n}}\n");
    match Config::load("filter", text.as_bytes(), &|_| None) {
        Ok(loaded) => Ok(loaded.config.filter().to_core()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::flow;

    fn admits(text: &str) -> bool {
        Query::parse(text).unwrap().admits(&flow(4000, 1))
    }

    #[test]
    fn filter_terms_match_configuration_keys_and_are_conjunctive() {
        for (text, expected) in [
            ("", true),
            ("destination.port=443", true),
            ("source.port=443", false),
            ("port=443", true),
            ("port=80,443", true),
            ("port!=443", false),
            ("port!=80", true),
            ("port=4000-4999 transport=tcp", true),
            ("port=443 transport=udp", false),
            ("address=10.0.0.0/24", true),
            ("source.address=10.0.0.2", false),
            ("address!=192.168.*", true),
            ("transport={tcp,udp}", true),
            ("network.interface_name=eth*", true),
            ("type=ipv6", false),
            ("flow.connection_state=established", false),
        ] {
            assert_eq!(admits(text), expected, "{text}");
        }
    }

    #[test]
    fn every_filter_key_is_a_configuration_key() {
        for (block, keys) in BLOCKS {
            for key in keys {
                let text = format!("filter \"{block}\" {{\n{key} = {{ match = [] }}\n}}\n");
                let loaded = Config::load("filter", text.as_bytes(), &|_| None);
                assert!(loaded.unwrap().warnings.is_empty(), "{block}.{key}");
            }
        }
    }

    #[test]
    fn filter_error_is_one_line_with_valid_values() {
        for (text, part) in [
            ("443", "write KEY=ITEM"),
            ("prt=443", "address, port, transport"),
            ("conn=x", "flow.connection_state"),
            ("port=", "write an item behind `port=`"),
            ("port=http", "0 to 65535"),
            ("address=host", "address"),
            ("port=\"", "no item has such characters"),
        ] {
            let fault = Query::parse(text).unwrap_err();
            assert!(fault.contains(part), "{text}: {fault}");
            assert_eq!(fault.lines().count(), 1, "{fault}");
            assert!(!fault.contains("filter:"), "{fault}");
        }
    }
}
