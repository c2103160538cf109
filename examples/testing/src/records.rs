//! Identities and contents of records, for comparison with those that arrived.

use std::time::Duration;

use mermin_core::{
    Flow,
    sink::{JsonLines, testing::flows},
};
use serde_json::Value;

/// Identity of a record: its flow's id and its sequence number.
#[must_use]
pub fn id(flow: &Flow) -> String {
    format!("{}-{}", flow.id, flow.sequence)
}

/// Returns the identity of a record in JSON.
#[must_use]
pub fn id_of(record: &Value) -> String {
    let (id, sequence) = (&record["flow.id"], &record["flow.sequence"]);
    format!("{}-{sequence}", id.as_str().unwrap())
}

/// Returns the identities of records, in order.
#[must_use]
pub fn ids(flows: &[Flow]) -> Vec<String> {
    flows.iter().map(id).collect()
}

/// Returns the identities of records, sorted, for a receiver with an order of its own.
#[must_use]
pub fn sorted_ids(flows: &[Flow]) -> Vec<String> {
    let mut ids = ids(flows);
    ids.sort();
    ids
}

/// Returns the record as `JsonLines` writes it.
#[must_use]
pub fn json(flow: &Flow) -> Value {
    let mut lines = JsonLines::new(Vec::new());
    lines.write(flow).unwrap();
    serde_json::from_slice(&lines.into_inner()).unwrap()
}

/// Returns records with a clock that was set: flows that end before they begin, that began before 1970, and that end
/// in a hundred years.
#[must_use]
pub fn times_of_a_stepped_clock(count: u32) -> Vec<Flow> {
    let mut flows = flows(count);
    for (number, flow) in flows.iter_mut().enumerate() {
        let step = Duration::from_hours(24 * 365);
        match number % 3 {
            0 => flow.end = flow.start - step,
            1 => flow.start -= step * 60,
            _ => flow.end += step * 100,
        }
    }
    flows
}
