//! Sums of flows by the values of attributes.

use std::{cmp::Reverse, collections::HashMap};

use mermin_core::{
    Flow,
    flow::{EndReason, FlowId},
};
use mermin_program::stands_for;

use super::{octets, packets};
use crate::value;

/// Groups that are counted each by itself; some 200 octets of memory each. The rest is summed up.
const MOST_GROUPS: usize = 1_000_000;

/// Sums of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    /// Flows with a record in the group.
    pub(crate) flows: u64,
    /// Packets on the wire of both directions.
    pub(crate) packets: u64,
    /// Octets of IP of both directions.
    pub(crate) octets: u64,
    /// A sampled flow is in it.
    pub(crate) is_estimate: bool,
}

/// True for the last record of a flow that goes on as another one, which is sampled at another interval and counted there.
fn goes_on_elsewhere(flow: &Flow) -> bool {
    flow.sampling_interval.is_some() && flow.end_reason == EndReason::LackOfResources
}

/// A group: the value of each key, empty where a flow has none, and its sums.
pub(crate) type Group = (Box<[String]>, Sum);

/// Sums by the values of attributes.
#[derive(Debug)]
pub(crate) struct Groups {
    keys: Vec<&'static str>,
    /// Places in `sums`.
    places: HashMap<Box<[String]>, u32>,
    sums: Vec<Sum>,
    /// Groups in which flows were counted that go on: none of these counts them again.
    counted: HashMap<FlowId, Vec<u32>>,
    most: usize,
    /// Records of groups beyond the limit, in no group above. Its flows are records' flows, which may be there twice.
    beyond: Sum,
}

impl Groups {
    /// Creates groups by the values of these attributes.
    pub(crate) fn new(keys: Vec<&'static str>) -> Self {
        Self::with_room(keys, MOST_GROUPS)
    }

    fn with_room(keys: Vec<&'static str>, most: usize) -> Self {
        Self {
            keys,
            places: HashMap::new(),
            sums: Vec::new(),
            counted: HashMap::new(),
            most,
            beyond: Sum::default(),
        }
    }

    pub(crate) fn keys(&self) -> &[&'static str] {
        &self.keys
    }

    /// Counts a record.
    pub(crate) fn add(&mut self, flow: &Flow) {
        let place = self.place(flow);
        let (is_new, goes_on) = (self.is_new(flow, place), goes_on_elsewhere(flow));
        // A sampled flow stands for others, which are in no record.
        let interval = stands_for(flow);
        let sum = match place {
            Some(place) => &mut self.sums[place as usize],
            None => &mut self.beyond,
        };
        sum.is_estimate |= interval > 1;
        match (is_new, goes_on) {
            (true, false) => sum.flows += interval,
            // Counted before, and to be counted again under its next id.
            (false, true) => sum.flows = sum.flows.saturating_sub(interval),
            _ => {}
        }
        sum.packets = (sum.packets).saturating_add(packets(flow).saturating_mul(interval));
        sum.octets = (sum.octets).saturating_add(octets(flow).saturating_mul(interval));
    }

    /// Forgets in which groups a flow was counted: its last record is in no sum.
    pub(crate) fn ended(&mut self, id: FlowId) {
        self.counted.remove(&id);
    }

    fn place(&mut self, flow: &Flow) -> Option<u32> {
        let mut values = vec![String::new(); self.keys.len()].into_boxed_slice();
        flow.attributes().for_each(|(name, found)| {
            if let Some(place) = self.keys.iter().position(|key| *key == name) {
                values[place] = value::text(&found);
            }
        });
        if let Some(place) = self.places.get(&values) {
            return Some(*place);
        }
        if self.sums.len() >= self.most {
            return None;
        }
        let place = u32::try_from(self.sums.len()).ok()?;
        self.sums.push(Sum::default());
        self.places.insert(values, place);
        Some(place)
    }

    /// True for the first record of a flow in a group.
    fn is_new(&mut self, flow: &Flow, place: Option<u32>) -> bool {
        let beyond = u32::MAX;
        let place = place.unwrap_or(beyond);
        if !flow.end_reason.goes_on() {
            let counted = self.counted.remove(&flow.id).unwrap_or_default();
            return !counted.contains(&place);
        }
        let counted = self.counted.entry(flow.id).or_default();
        let is_new = !counted.contains(&place);
        if is_new {
            counted.push(place);
        }
        is_new
    }

    /// The groups with the most octets, and the sum of all others.
    pub(crate) fn into_ranked(self, top: Option<usize>) -> (Vec<Group>, Option<Sum>) {
        let sums = self.sums;
        let mut groups: Vec<Group> = self
            .places
            .into_iter()
            .map(|(values, place)| (values, sums[place as usize]))
            .collect();
        // By name where sums are equal, so that the order is always the same.
        groups.sort_by(|(one, a), (other, b)| {
            (Reverse(a.octets), Reverse(a.packets), one).cmp(&(
                Reverse(b.octets),
                Reverse(b.packets),
                other,
            ))
        });
        let rest = groups.split_off(top.unwrap_or(usize::MAX).min(groups.len()));
        let others = rest.into_iter().map(|(_, sum)| sum).chain([self.beyond]);
        let others = others.fold(Sum::default(), |all, sum| Sum {
            flows: all.flows + sum.flows,
            packets: all.packets.saturating_add(sum.packets),
            octets: all.octets.saturating_add(sum.octets),
            is_estimate: all.is_estimate || sum.is_estimate,
        });
        (groups, (others != Sum::default()).then_some(others))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::SystemTime;

    use mermin_core::flow::{Endpoint, Interface, Protocol};

    use super::*;

    /// A flow of 10.0.0.`number` with so many octets in one packet.
    pub(in crate::sums) fn flow(number: u8, octets: u64) -> Flow {
        let mut flow = Flow::new(
            FlowId::from_u128(number.into()),
            Protocol::TCP,
            Endpoint::new([10, 0, 0, number], 4000),
            Endpoint::new([10, 0, 0, 200], 443),
            Interface::new(2, "eth0"),
            SystemTime::UNIX_EPOCH,
        );
        (flow.forward.octets.delta, flow.forward.octets.total) = (octets, octets);
        (flow.forward.packets.delta, flow.forward.packets.total) = (1, 1);
        flow.end_reason = EndReason::IdleTimeout;
        flow
    }

    fn sum(flows: u64, packets: u64, octets: u64) -> Sum {
        Sum {
            flows,
            packets,
            octets,
            is_estimate: false,
        }
    }

    fn group(values: &[&str], sum: Sum) -> Group {
        (values.iter().map(|it| (*it).to_owned()).collect(), sum)
    }

    #[test]
    fn sums_are_of_each_value_and_nothing_is_left_out() {
        let mut groups = Groups::new(vec!["source.address", "tunnel.type"]);
        for (number, octets) in [(1, 10), (2, 100), (1, 1), (3, 7)] {
            groups.add(&flow(number, octets));
        }
        let (ranked, others) = groups.into_ranked(Some(2));
        assert_eq!(
            ranked,
            [
                group(&["10.0.0.2", ""], sum(1, 1, 100)),
                group(&["10.0.0.1", ""], sum(2, 2, 11)),
            ]
        );
        assert_eq!(others, Some(sum(1, 1, 7)));
    }

    #[test]
    fn flow_with_several_records_is_one() {
        let mut groups = Groups::new(vec!["network.transport"]);
        let mut record = flow(1, 10);
        record.end_reason = EndReason::ActiveTimeout;
        groups.add(&record);
        groups.add(&record);
        groups.add(&flow(1, 5));
        assert!(groups.counted.is_empty());
        let (ranked, others) = groups.into_ranked(None);
        assert_eq!(ranked, [group(&["tcp"], sum(1, 3, 25))]);
        assert_eq!(others, None);
    }

    #[test]
    fn flow_with_a_rejected_last_record_is_no_longer_open() {
        let mut groups = Groups::new(vec!["network.transport"]);
        let mut record = flow(1, 10);
        record.end_reason = EndReason::ActiveTimeout;
        groups.add(&record);
        groups.ended(record.id);
        assert!(groups.counted.is_empty());
        assert_eq!(groups.into_ranked(None).0, [group(&["tcp"], sum(1, 1, 10))]);
    }

    #[test]
    fn sampled_flow_counts_as_those_that_it_stands_for() {
        let mut groups = Groups::new(vec!["network.transport"]);
        let mut sampled = flow(1, 100);
        sampled.sampling_interval = std::num::NonZeroU32::new(8);
        groups.add(&sampled);
        let expected = |sum| Sum {
            is_estimate: true,
            ..sum
        };
        let found = |groups: Groups| groups.into_ranked(None).0[0].1;
        // Others go on as flows with a smaller interval. Each counts as a flow once, also if it has an earlier record.
        sampled.id = FlowId::from_u128(2);
        sampled.end_reason = EndReason::LackOfResources;
        groups.add(&sampled);
        sampled.id = FlowId::from_u128(4);
        sampled.end_reason = EndReason::ActiveTimeout;
        groups.add(&sampled);
        sampled.end_reason = EndReason::LackOfResources;
        groups.add(&sampled);
        let mut rest = flow(3, 10);
        rest.sampling_interval = std::num::NonZeroU32::new(2);
        groups.add(&rest);
        assert_eq!(found(groups), expected(sum(10, 34, 3_220)));
    }

    #[test]
    fn groups_beyond_the_limit_are_summed_up() {
        let mut groups = Groups::with_room(vec!["source.address"], 1);
        for number in 1..=3 {
            groups.add(&flow(number, 10));
        }
        let (ranked, others) = groups.into_ranked(None);
        assert_eq!(ranked.len(), 1);
        assert_eq!(others, Some(sum(2, 2, 20)));
    }
}
