//! The flows with the most octets.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use mermin_core::{Flow, flow::FlowId};

/// The last records of so many flows. Memory is that of these, and of the flows that had a record and are still open.
#[derive(Debug)]
pub(crate) struct Largest {
    most: usize,
    open: HashMap<FlowId, Flow>,
    /// By octets and order of arrival, so that each key is one flow's.
    ended: BTreeMap<(u64, Reverse<u64>), Flow>,
    arrived: u64,
}

impl Largest {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            open: HashMap::new(),
            ended: BTreeMap::new(),
            arrived: 0,
        }
    }

    /// Takes a record.
    pub(crate) fn add(&mut self, flow: Flow) {
        if flow.end_reason.goes_on() {
            self.open.insert(flow.id, flow);
            return;
        }
        self.open.remove(&flow.id);
        self.end(flow);
    }

    /// Counts an open flow as ended whose last record is in no sum. It stays with its record so far.
    pub(crate) fn ended(&mut self, id: FlowId) {
        if let Some(flow) = self.open.remove(&id) {
            self.end(flow);
        }
    }

    fn end(&mut self, flow: Flow) {
        self.arrived += 1;
        let total = flow.forward.octets.total + flow.reverse.octets.total;
        self.ended.insert((total, Reverse(self.arrived)), flow);
        if self.ended.len() > self.most {
            self.ended.pop_first();
        }
    }

    /// The flows, the largest first.
    pub(crate) fn into_flows(mut self) -> impl Iterator<Item = Flow> {
        let mut open: Vec<Flow> = std::mem::take(&mut self.open).into_values().collect();
        open.sort_by_key(|flow| (flow.start, flow.id.to_u128()));
        for flow in open {
            self.end(flow);
        }
        self.ended.into_values().rev()
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::flow::EndReason;

    use super::*;
    use crate::sums::groups::tests::flow;

    fn record(number: u8, octets: u64, end_reason: EndReason) -> Flow {
        let mut flow = flow(number, octets);
        flow.end_reason = end_reason;
        flow
    }

    #[test]
    fn largest_come_first_each_by_its_last_record() {
        let mut largest = Largest::new(3);
        for (number, octets, end_reason) in [
            (1, 10, EndReason::IdleTimeout),
            (2, 5, EndReason::ActiveTimeout),
            (3, 30, EndReason::EndOfFlow),
            (4, 1, EndReason::IdleTimeout),
            (2, 20, EndReason::ActiveTimeout),
            (5, 30, EndReason::EndOfFlow),
        ] {
            largest.add(record(number, octets, end_reason));
        }
        assert_eq!(largest.ended.len(), 3);
        let found: Vec<_> = largest.into_flows().map(|flow| flow.id.to_u128()).collect();
        assert_eq!(found, [3, 5, 2]);
    }

    #[test]
    fn flow_with_a_rejected_last_record_is_no_longer_open() {
        let mut largest = Largest::new(3);
        for number in 1..=9 {
            largest.add(record(number, number.into(), EndReason::ActiveTimeout));
            largest.ended(FlowId::from_u128(number.into()));
        }
        assert!(largest.open.is_empty());
        let found: Vec<_> = largest.into_flows().map(|flow| flow.id.to_u128()).collect();
        assert_eq!(found, [9, 8, 7]);
    }
}
