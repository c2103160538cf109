//! Sums of the records, per flow and direction, and checks that they agree with each other.

use std::collections::HashMap;

use mermin_core::{Flow, flow::FlowId};

use crate::injectors::{Counts, FIRST_PORT, SERVER_PORT};

/// All records of a run.
#[derive(Default)]
pub(crate) struct Account {
    /// Summed deltas.
    pub(crate) counts: Counts,
    pub(crate) records: u64,
    pub(crate) ended: u64,
    /// Ids that go on, with the sequence number and the totals that their next record follows.
    open: HashMap<FlowId, (u64, [u64; 2])>,
    /// Things that cannot be.
    pub(crate) absurd: Vec<String>,
}

impl Account {
    pub(crate) fn new(flows: u16) -> Self {
        Self {
            counts: vec![[[0; 2]; 2]; usize::from(flows)],
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, record: &Flow) {
        self.records += 1;
        let Some((flow, from_server)) = whose(record, self.counts.len()) else {
            self.absurd.push(format!("a record of nobody: {record:?}"));
            return;
        };
        for (half, way) in [
            (record.forward, from_server),
            (record.reverse, !from_server),
        ] {
            let sum = &mut self.counts[flow][usize::from(way)];
            sum[0] = sum[0].wrapping_add(half.packets.delta);
            sum[1] = sum[1].wrapping_add(half.octets.delta);
        }
        let deltas = [record.forward, record.reverse].map(|half| half.packets.delta);
        let totals = [record.forward, record.reverse].map(|half| half.packets.total);
        let (sequence, before) = self.open.remove(&record.id).unwrap_or_default();
        if record.sequence != sequence || totals != [before[0] + deltas[0], before[1] + deltas[1]] {
            self.absurd
                .push(format!("follows nothing (expected {sequence}): {record:?}"));
        }
        if deltas == [0, 0] && record.sequence == 0 {
            self.absurd.push(format!("counted nothing: {record:?}"));
        }
        if record.end_reason.goes_on() {
            self.open.insert(record.id, (sequence + 1, totals));
        } else {
            self.ended += 1;
        }
    }

    /// After the end of the stream: flows that never ended.
    pub(crate) fn unfinished(&self) -> usize {
        self.open.len()
    }
}

/// The flow's number, and whether its source is the server.
fn whose(record: &Flow, flows: usize) -> Option<(usize, bool)> {
    let ports = [record.source.port?, record.destination.port?];
    let (client, from_server) = match ports {
        [SERVER_PORT, client] => (client, true),
        [client, SERVER_PORT] => (client, false),
        _ => return None,
    };
    let flow = usize::from(client.checked_sub(FIRST_PORT)?);
    (flow < flows).then_some((flow, from_server))
}
