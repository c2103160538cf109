//! Names and contents of records, to compare with those that arrived.

use mermin_core::{Flow, sink::JsonLines};
use serde_json::Value;

/// The name of a record: its flow's id and its number.
#[must_use]
pub fn id(flow: &Flow) -> String {
    format!("{}-{}", flow.id, flow.sequence)
}

/// The names of records, in their order.
#[must_use]
pub fn ids(flows: &[Flow]) -> Vec<String> {
    flows.iter().map(id).collect()
}

/// The names of records, sorted: for a receiver that has an order of its own.
#[must_use]
pub fn sorted_ids(flows: &[Flow]) -> Vec<String> {
    let mut ids = ids(flows);
    ids.sort();
    ids
}

/// The record as `JsonLines` writes it.
#[must_use]
pub fn json(flow: &Flow) -> Value {
    let mut lines = JsonLines::new(Vec::new());
    lines.write(flow).unwrap();
    serde_json::from_slice(&lines.into_inner()).unwrap()
}
