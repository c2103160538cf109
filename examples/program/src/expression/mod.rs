//! Expressions that select flows: `port 443 and not net 10.0.0.0/8`.
//!
//! A term is a key of a configuration's filters (docs/CONFIG.md) or the name of the attribute, then `=`, `!=` or a
//! space, and items separated by commas: `destination.port=443,8000-8999`. The block of a key may be omitted if the
//! key is unique without it (`transport=tcp`); `address` and `port` without a block mean either side. `and`, `or`,
//! `not` and parentheses combine terms. Two terms without an operator must both hold. Words of pcap-filter(7) are
//! `host`, `net`, `portrange`, `proto`, `src`, `dst`, `ip`, `ip6` and the names of protocols.

mod items;
mod keys;
mod parser;
mod tokens;

use std::str::FromStr;

use mermin_core::{Filter, Flow};

pub use items::items;

/// A parsed expression. An empty one admits every flow.
///
/// ```
/// use mermin_program::Expression;
///
/// let expression: Expression = "port 443 and not net 10.0.0.0/8".parse()?;
/// assert!(!expression.is_empty());
/// assert_eq!("prt 443".parse::<Expression>().is_err(), true);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Node);

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    /// All of these hold.
    All(Vec<Node>),
    /// At least one of these holds.
    Any(Vec<Node>),
    Not(Box<Node>),
    Filter(Box<Filter>),
}

impl Expression {
    /// Returns true if it has no term.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns true if it holds for a record.
    #[must_use]
    pub fn admits(&self, flow: &Flow) -> bool {
        self.0.admits(flow)
    }
}

impl Default for Expression {
    fn default() -> Self {
        Self(Node::All(Vec::new()))
    }
}

impl FromStr for Expression {
    type Err = String;

    /// # Errors
    /// The first error, in one line with valid alternatives.
    fn from_str(text: &str) -> Result<Self, String> {
        parser::parse(text).map(Self)
    }
}

impl Node {
    /// Returns a single node as it is, or `many` of several.
    fn one_or(mut nodes: Vec<Self>, many: fn(Vec<Self>) -> Self) -> Self {
        match nodes.pop() {
            Some(node) if nodes.is_empty() => node,
            last => many(nodes.into_iter().chain(last).collect()),
        }
    }

    fn admits(&self, flow: &Flow) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.admits(flow)),
            Self::Any(nodes) => nodes.iter().any(|node| node.admits(flow)),
            Self::Not(node) => !node.admits(flow),
            Self::Filter(filter) => filter.admits(flow),
        }
    }
}

#[cfg(test)]
mod tests;
