//! The data of the view: flows and their sums, without a terminal and without a source.

pub(crate) mod groups;
pub(crate) mod history;
pub(crate) mod rank;
mod rows;
pub(crate) mod tally;

use std::time::Duration;

use mermin_core::{
    Flow,
    flow::{FlowId, Uniflow},
};
use mermin_program::stands_for;

pub(crate) use self::rows::Row;
use self::{groups::Groups, rows::Rows, tally::Tally};

/// Frames for which an ended flow stays.
const KEPT: u64 = 10;
/// Frames after which a flow missing from snapshots counts as ended. Its last record waits in the queue.
const LOST: u64 = 40;

/// All flows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    rows: Rows,
    /// Sums of all flows.
    pub(crate) total: Tally,
    pub(crate) groups: Groups,
    frame: u64,
    /// The source has ended, so the flows stay.
    pub(crate) is_over: bool,
}

impl Model {
    /// Adds open flows, in the order of the snapshot.
    pub(crate) fn open(&mut self, flows: &[Flow]) {
        for flow in flows {
            let row = self.rows.row_of_next(flow);
            row.seen = self.frame;
            see(row, flow, &mut self.total, &mut self.groups);
        }
    }

    /// Adds a record.
    pub(crate) fn record(&mut self, flow: &Flow) {
        let row = self.rows.row_of(flow);
        row.seen = self.frame;
        see(row, flow, &mut self.total, &mut self.groups);
        if !flow.end_reason.goes_on() {
            row.has_ended = true;
            self.groups.leave(&row.flow, &mut row.joined);
        }
    }

    /// Ends a frame of this duration. Rates cover it, and flows that ended some frames ago are removed.
    pub(crate) fn end_frame(&mut self, took: Duration) {
        self.total.end_frame(took);
        let (frame, is_over, groups) = (self.frame, self.is_over, &mut self.groups);
        self.rows.retain(|row| {
            row.tally.end_frame(took);
            let age = frame - row.seen;
            let stays = is_over || age < if row.has_ended { KEPT } else { LOST };
            if !stays {
                groups.leave(&row.flow, &mut row.joined);
            }
            stays
        });
        self.groups.end_frame(took, self.is_over);
        self.frame += 1;
    }

    /// Returns all flows, in no order.
    pub(crate) fn rows(&self) -> &[Row] {
        self.rows.as_slice()
    }

    /// Returns a flow, if it is in the list.
    pub(crate) fn row(&self, id: FlowId) -> Option<&Row> {
        self.rows.get(id)
    }
}

/// Adds a later state of a flow to its row, to the sums of all flows, and to those of its groups.
fn see(row: &mut Row, flow: &Flow, total: &mut Tally, groups: &mut Groups) {
    let sum = |of: fn(&Uniflow) -> u64| of(&flow.forward) + of(&flow.reverse);
    let totals = [
        sum(|half| half.octets.total),
        sum(|half| half.packets.total),
    ];
    // A record made before the snapshot has nothing new, except the last one. A comparison costs less than a copy, and
    // most flows are as they were.
    let is_later = totals[1] >= row.tally.packets || !flow.end_reason.goes_on();
    if is_later && *row.flow != *flow {
        if !groups::are_same(&row.flow, flow) {
            groups.leave(&row.flow, &mut row.joined);
        }
        (*row.flow).clone_from(flow);
    }
    let earlier = [row.tally.octets, row.tally.packets];
    let more = row.tally.raise(totals);
    // The row has the flow's own counts. Sums have those of the flows that it stands for.
    let interval = stands_for(&row.flow);
    let scaled = |counts: [u64; 2]| counts.map(|count| count.saturating_mul(interval));
    total.is_estimate |= interval > 1;
    total.add(scaled(more));
    groups.add(&row.flow, &mut row.joined, scaled(earlier), scaled(more));
    if !row.has_ended {
        groups.enter(&row.flow, &mut row.joined);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::SystemTime;

    use mermin_core::flow::{EndReason, Endpoint, Interface, Protocol};

    use super::*;

    /// Builds a flow with this number and this many packets of 100 octets.
    pub(crate) fn flow(number: u16, packets: u64) -> Flow {
        let mut flow = Flow::new(
            FlowId::from_u128(number.into()),
            Protocol::TCP,
            Endpoint::new([10, 0, 0, 1], number),
            Endpoint::new([10, 0, 0, 2], 443),
            Interface::new(2, "eth0"),
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        );
        flow.forward.packets.total = packets;
        flow.forward.octets.total = packets * 100;
        flow.end_reason = EndReason::ActiveTimeout;
        flow
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn rates_cover_the_latest_frame_and_sums_cover_all() {
        let mut model = Model::default();
        model.open(&[flow(1, 10), flow(2, 1)]);
        model.end_frame(SECOND);
        model.open(&[flow(1, 30), flow(2, 1)]);
        model.end_frame(2 * SECOND);
        let row = model.row(FlowId::from_u128(1)).unwrap();
        assert_eq!((row.tally.octets, row.tally.packets), (3000, 30));
        assert_eq!((row.tally.rate, row.tally.packet_rate), (1000.0, 10.0));
        assert_eq!((model.total.packets, model.total.packet_rate), (31, 10.0));
        let rates: Vec<f32> = row.tally.history.rates().skip(14).collect();
        assert_eq!(rates, [1000.0, 1000.0]);
    }

    #[test]
    fn sums_are_estimates_and_flows_are_exact_if_flows_are_sampled() {
        let sampled = |number, packets, interval| {
            let mut flow = flow(number, packets);
            flow.sampling_interval = std::num::NonZeroU32::new(interval);
            flow
        };
        let mut model = Model::default();
        model.open(&[sampled(1, 10, 1)]);
        model.end_frame(SECOND);
        assert!(!model.total.is_estimate);
        model.open(&[sampled(1, 10, 1), sampled(2, 3, 8)]);
        model.end_frame(SECOND);
        let row = model.row(FlowId::from_u128(2)).unwrap();
        assert_eq!((row.tally.packets, row.tally.packet_rate), (3, 3.0));
        let told = |model: &Model| {
            let all: Vec<_> = model.groups.interfaces().collect();
            let [group] = all[..] else { panic!() };
            let tallies = [&model.total, &group.tally];
            assert!(tallies.iter().all(|tally| tally.is_estimate));
            (
                group.flows,
                tallies.map(|tally| (tally.packets, tally.packet_rate)),
            )
        };
        assert_eq!(told(&model), (9, [(34, 24.0); 2]));
        let mut end = sampled(2, 5, 8);
        end.end_reason = EndReason::IdleTimeout;
        model.record(&end);
        model.end_frame(SECOND);
        assert_eq!(told(&model), (1, [(50, 16.0); 2]));
    }

    #[test]
    fn record_older_than_the_snapshot_is_ignored() {
        let mut model = Model::default();
        model.open(&[flow(1, 10)]);
        let mut old = flow(1, 8);
        old.sequence = 3;
        model.record(&old);
        let row = model.row(FlowId::from_u128(1)).unwrap();
        assert_eq!((row.tally.packets, row.flow.sequence), (10, 0));
        assert_eq!(model.total.packets, 10);
    }

    #[test]
    fn ended_flow_stays_for_a_while_and_its_sums_remain() {
        let mut model = Model::default();
        model.open(&[flow(1, 10), flow(2, 5), flow(3, 1)]);
        let mut end = flow(1, 12);
        end.end_reason = EndReason::IdleTimeout;
        model.record(&end);
        for _ in 0..KEPT {
            model.open(&[flow(2, 5), flow(3, 1)]);
            model.end_frame(SECOND);
            assert!(model.row(FlowId::from_u128(1)).unwrap().has_ended);
        }
        model.end_frame(SECOND);
        assert!(model.row(FlowId::from_u128(1)).is_none());
        for number in [2, 3] {
            let row = model.row(FlowId::from_u128(number)).unwrap();
            assert_eq!(row.flow.id, FlowId::from_u128(number));
        }
        assert_eq!(model.total.packets, 18);
        // A flow whose record never arrives is removed, too.
        for _ in 0..=LOST {
            model.end_frame(SECOND);
        }
        assert!(model.rows().is_empty());
    }
}
