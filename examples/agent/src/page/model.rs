//! Sums of a snapshot of the open flows, by pairs of endpoints; pure.

use std::{collections::HashMap, ops::AddAssign};

use mermin_core::{
    Flow,
    flow::{Drops, FlowId, Protocol, TcpAnalysis},
};
use mermin_program::stands_for;

use super::ends::{End, Ends};

/// Octets and packets of both directions. They saturate instead of wrapping, as all scaled sums here: estimates may be large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Amount {
    pub(super) octets: u64,
    pub(super) packets: u64,
}

/// Sums of open flows. A sampled flow stands for as many flows as its sampling interval says, so each of its counts is multiplied by that:
/// the sum is an unbiased estimate (Horvitz and Thompson). Without sampling, sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) flows: u64,
    /// Since the flows began.
    pub(super) total: Amount,
    /// Since the snapshot before. Zero in the first.
    pub(super) new: Amount,
    /// Flows whose TCP is analysed. They are not scaled.
    pub(super) analysed: u64,
    /// TCP segments that were sent again, since the latest record of each flow.
    pub(super) retransmissions: u64,
    /// Packets that the kernel dropped, since the latest record of each flow.
    pub(super) dropped: u64,
    /// One of the flows stands for more than itself.
    pub(super) is_estimate: bool,
}

impl Amount {
    /// Returns the amount since the flow began.
    fn of(flow: &Flow) -> Self {
        let (forward, reverse) = (&flow.forward, &flow.reverse);
        Self {
            octets: forward.octets.total.saturating_add(reverse.octets.total),
            packets: forward.packets.total.saturating_add(reverse.packets.total),
        }
    }

    fn plus(self, more: Self) -> Self {
        Self {
            octets: self.octets.saturating_add(more.octets),
            packets: self.packets.saturating_add(more.packets),
        }
    }

    /// Returns the difference from an earlier amount.
    fn since(self, before: Self) -> Self {
        Self {
            octets: self.octets.saturating_sub(before.octets),
            packets: self.packets.saturating_sub(before.packets),
        }
    }

    fn times(self, count: u64) -> Self {
        Self {
            octets: self.octets.saturating_mul(count),
            packets: self.packets.saturating_mul(count),
        }
    }
}

impl Sums {
    /// Returns the sums of one flow, taken as many times as there are flows that it stands for.
    fn of(flow: &Flow, total: Amount, new: Amount) -> Self {
        let interval = stands_for(flow);
        let analysis = flow.tcp_analysis.as_deref();
        let retransmissions = analysis.map_or(0, retransmissions);
        let dropped = flow.drops.as_deref().map_or(0, dropped);
        Self {
            flows: interval,
            total: total.times(interval),
            new: new.times(interval),
            analysed: u64::from(analysis.is_some()),
            retransmissions: retransmissions.saturating_mul(interval),
            dropped: dropped.saturating_mul(interval),
            is_estimate: interval > 1,
        }
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, more: Self) {
        self.flows = self.flows.saturating_add(more.flows);
        self.total = self.total.plus(more.total);
        self.new = self.new.plus(more.new);
        self.analysed += more.analysed;
        self.retransmissions = self.retransmissions.saturating_add(more.retransmissions);
        self.dropped = self.dropped.saturating_add(more.dropped);
        self.is_estimate |= more.is_estimate;
    }
}

/// Flows of the same ends to the same port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub(super) source: End,
    pub(super) destination: End,
    pub(super) protocol: Protocol,
    /// Port of the destination.
    pub(super) port: Option<u16>,
}

/// The sums of one snapshot.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) ends: Ends,
    pub(super) pairs: HashMap<Pair, Sums>,
    pub(super) total: Sums,
}

/// The snapshot in progress, and the amounts of the former one, from which rates follow.
#[derive(Debug, Default)]
pub(super) struct Model {
    before: Option<HashMap<FlowId, Amount>>,
    now: HashMap<FlowId, Amount>,
    snapshot: Snapshot,
}

impl Model {
    /// Adds flows of the present snapshot.
    pub(super) fn add(&mut self, flows: &[Flow]) {
        for flow in flows {
            let [source, destination] = self.snapshot.ends.both(flow);
            let pair = Pair {
                source,
                destination,
                protocol: flow.protocol,
                port: flow.destination.port,
            };
            let total = Amount::of(flow);
            self.now.insert(flow.id, total);
            // A flow that was not in the snapshot before began after it.
            let new = self.before.as_ref().map_or_else(Amount::default, |before| {
                total.since(before.get(&flow.id).copied().unwrap_or_default())
            });
            let sums = Sums::of(flow, total, new);
            *self.snapshot.pairs.entry(pair).or_default() += sums;
            self.snapshot.total += sums;
        }
    }

    /// Ends the present snapshot, and returns its sums. The second value is true if there was one before, so that rates are known.
    pub(super) fn end(&mut self) -> (Snapshot, bool) {
        let has_rates = self.before.is_some();
        // The next snapshot has about as many flows.
        let next = HashMap::with_capacity(self.now.len());
        self.before = Some(std::mem::replace(&mut self.now, next));
        (std::mem::take(&mut self.snapshot), has_rates)
    }
}

fn retransmissions(analysis: &TcpAnalysis) -> u64 {
    analysis.forward.retransmissions + analysis.reverse.retransmissions
}

fn dropped(drops: &Drops) -> u64 {
    let both = drops.forward.iter().chain(&drops.reverse);
    both.map(|it| it.packets).sum()
}

#[cfg(test)]
pub(super) mod tests {
    use std::{num::NonZeroU32, time::SystemTime};

    use mermin_core::flow::{Dropped, Endpoint, Interface};

    use super::*;

    /// Returns a flow from a port of this number, with this many packets of 100 octets.
    pub(in crate::page) fn flow(number: u16, packets: u64) -> Flow {
        let mut flow = Flow::new(
            FlowId::from_u128(number.into()),
            Protocol::TCP,
            Endpoint::new([10, 0, 0, 1], number),
            Endpoint::new([10, 0, 0, 2], 443),
            Interface::new(2, "eth0"),
            SystemTime::UNIX_EPOCH,
        );
        flow.forward.packets.total = packets;
        flow.forward.octets.total = packets * 100;
        flow
    }

    #[test]
    fn rates_are_of_all_packets_since_the_snapshot_before() {
        let mut model = Model::default();
        model.add(&[flow(1, 10), flow(2, 5)]);
        let (first, has_rates) = model.end();
        assert!(!has_rates);
        assert_eq!((first.total.flows, first.pairs.len()), (2, 1));
        assert_eq!(
            (first.total.total.packets, first.total.new.packets),
            (15, 0)
        );
        // One goes on, one has ended, one is new.
        model.add(&[flow(1, 30)]);
        model.add(&[flow(3, 4)]);
        let (second, has_rates) = model.end();
        assert!(has_rates);
        let new = Amount {
            octets: 2_400,
            packets: 24,
        };
        assert_eq!((second.total.new, second.total.total.packets), (new, 34));
        model.add(&[flow(3, 4)]);
        assert_eq!(model.end().0.total.new, Amount::default());
    }

    #[test]
    fn sampled_flow_counts_as_many_times_as_its_interval_says() {
        let sampled = |number, packets, interval| {
            let mut flow = flow(number, packets);
            flow.sampling_interval = NonZeroU32::new(interval);
            let mut analysis = TcpAnalysis::default();
            analysis.forward.retransmissions = 2;
            flow.tcp_analysis = Some(Box::new(analysis));
            flow.drops = Some(Box::default());
            flow.drops.as_mut().unwrap().reverse = [Dropped::new("OTHER", 3)].into();
            flow
        };
        let mut model = Model::default();
        model.add(&[sampled(1, 10, 8), sampled(2, 5, 1)]);
        let (first, _) = model.end();
        assert_eq!(first.total.flows, 8 + 1);
        // The first stays at its interval when the rate falls, and new flows have a greater one.
        model.add(&[sampled(1, 13, 8), sampled(2, 6, 1), sampled(3, 7, 16)]);
        let total = model.end().0.total;
        let packets = |packets| Amount {
            octets: packets * 100,
            packets,
        };
        let expected = Sums {
            flows: 8 + 1 + 16,
            total: packets(13 * 8 + 6 + 7 * 16),
            new: packets(3 * 8 + 1 + 7 * 16),
            analysed: 3,
            retransmissions: 2 * 25,
            dropped: 3 * 25,
            is_estimate: true,
        };
        assert_eq!(total, expected);
        model.add(&[sampled(2, 6, 1)]);
        assert!(!model.end().0.total.is_estimate);
    }

    #[test]
    fn estimates_saturate() {
        let mut huge = flow(1, u64::MAX / 100);
        huge.sampling_interval = NonZeroU32::new(1_000);
        let mut model = Model::default();
        model.add(&[huge.clone(), huge]);
        assert_eq!(model.end().0.total.total.octets, u64::MAX);
    }

    #[test]
    fn losses_of_both_directions_count() {
        let mut lossy = flow(1, 10);
        lossy.drops = Some(Box::default());
        let drops = lossy.drops.as_mut().unwrap();
        drops.forward = [Dropped::new("NO_SOCKET", 2), Dropped::new("OTHER", 1)].into();
        drops.reverse = [Dropped::new("NO_SOCKET", 4)].into();
        let mut analysis = TcpAnalysis::default();
        (
            analysis.forward.retransmissions,
            analysis.reverse.retransmissions,
        ) = (3, 5);
        lossy.tcp_analysis = Some(Box::new(analysis));
        let mut model = Model::default();
        model.add(&[lossy, flow(2, 1)]);
        let total = model.end().0.total;
        assert_eq!(
            (total.analysed, total.retransmissions, total.dropped),
            (1, 8, 7)
        );
    }
}
