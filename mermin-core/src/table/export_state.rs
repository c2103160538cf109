//! User space's memory of a slot between two records.

use mermin_bpf::abi::slot::DIRECTIONS;
use zerocopy::FromZeros;

use super::{coarse_time::CoarseTime, expiry_state::ExpiryState, snapshot::FlowSnapshot};

/// Counters of one direction as the previous record gave them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
pub(crate) struct Exported {
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    pub(crate) extra: u64,
}

/// Content of the flow's previous record. All zero before the first, so that memory is touched by flows that live long
/// enough for a second one, and by no others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
pub(crate) struct ExportState {
    pub(crate) exported: [Exported; DIRECTIONS],
    /// Records so far.
    pub(crate) sequence: u32,
    /// When the interval began that the next record covers, if not with the flow.
    pub(crate) since: CoarseTime,
}

impl ExportState {
    /// When the current interval began, monotonic ns.
    pub(crate) fn interval_start(&self, flow: &ExpiryState) -> u64 {
        self.since.nanoseconds().max(flow.first_seen)
    }

    /// Takes note of a record of `flow` made at `now` (monotonic ns).
    pub(crate) fn mark_exported(&mut self, flow: &FlowSnapshot, now: u64) {
        for (exported, side) in self.exported.iter_mut().zip(&flow.sides) {
            *exported = Exported {
                packets: side.packets,
                octets: side.octets,
                extra: side.extra,
            };
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.since = CoarseTime::at(now);
    }

    /// Packets that no record has told yet.
    pub(crate) fn unexported(&self, flow: &FlowSnapshot) -> u64 {
        let exported: u64 = self.exported.iter().map(|side| side.packets).sum();
        flow.packets().wrapping_sub(exported)
    }
}

const _: () = assert!(size_of::<ExportState>() == 56);
