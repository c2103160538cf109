//! Sums of a snapshot of the open flows, by pairs of ends, without any action.

use std::{collections::HashMap, ops::AddAssign};

use mermin_core::{
    Flow,
    flow::{Drops, FlowId, Protocol, TcpAnalysis},
};

use super::ends::{End, Ends};

/// Octets and packets of both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Amount {
    pub(super) octets: u64,
    pub(super) packets: u64,
}

/// Sums of open flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) flows: u64,
    /// Since the flows began.
    pub(super) total: Amount,
    /// Since the snapshot before. Zero in the first.
    pub(super) new: Amount,
    /// Flows whose TCP is analysed.
    pub(super) analysed: u64,
    /// TCP segments that were sent again, since the latest record of each flow.
    pub(super) retransmissions: u64,
    /// Packets that the kernel dropped, since the latest record of each flow.
    pub(super) dropped: u64,
}

impl AddAssign for Sums {
    fn add_assign(&mut self, more: Self) {
        self.flows += more.flows;
        self.total.octets += more.total.octets;
        self.total.packets += more.total.packets;
        self.new.octets += more.new.octets;
        self.new.packets += more.new.packets;
        self.analysed += more.analysed;
        self.retransmissions += more.retransmissions;
        self.dropped += more.dropped;
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

/// Amounts of flows in the snapshot before, which rates follow from.
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
            let total = Amount {
                octets: flow.forward.octets.total + flow.reverse.octets.total,
                packets: flow.forward.packets.total + flow.reverse.packets.total,
            };
            self.now.insert(flow.id, total);
            // A flow that was not in the snapshot before began after it.
            let new = self.before.as_ref().map_or_else(Amount::default, |before| {
                let before = before.get(&flow.id).copied().unwrap_or_default();
                Amount {
                    octets: total.octets.saturating_sub(before.octets),
                    packets: total.packets.saturating_sub(before.packets),
                }
            });
            let analysis = flow.tcp_analysis.as_deref();
            let sums = Sums {
                flows: 1,
                total,
                new,
                analysed: u64::from(analysis.is_some()),
                retransmissions: analysis.map_or(0, retransmissions),
                dropped: flow.drops.as_deref().map_or(0, dropped),
            };
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
    use std::time::SystemTime;

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
