//! State of a flow's export, per slot, in user space.

use mermin_bpf::abi::slot::DIRECTIONS;
use zerocopy::FromZeros;

use super::{
    coarse_time::CoarseTime, drops::DropSums, expiry_state::ExpiryState, snapshot::FlowSnapshot,
    tcp_analysis::TcpCounters,
};

/// Counters of one direction in the previous record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
pub(crate) struct Exported {
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    pub(crate) extra: u64,
}

/// State of the flow's previous record. All zero before the first record, so only flows with a second record touch this
/// memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromZeros)]
pub(crate) struct ExportState {
    pub(crate) exported: [Exported; DIRECTIONS],
    /// Records so far.
    pub(crate) sequence: u32,
    /// Start of the interval of the next record, if it is not the flow's start.
    pub(crate) interval_start: CoarseTime,
}

/// Counters of the latest record of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watermark {
    pub(crate) state: ExportState,
    /// The analysis of TCP, where there is one.
    pub(crate) tcp: Option<TcpCounters>,
    /// Packets that the kernel dropped, where they are counted.
    pub(crate) drops: Option<DropSums>,
}

impl ExportState {
    /// Start of the current interval, monotonic ns.
    pub(crate) fn current_interval_start(&self, flow: &ExpiryState) -> u64 {
        self.interval_start.nanoseconds().max(flow.first_seen)
    }

    /// Notes a record of `flow` made at `now` (monotonic ns).
    pub(crate) fn mark_exported(&mut self, flow: &FlowSnapshot, now: u64) {
        for (exported, side) in self.exported.iter_mut().zip(&flow.sides) {
            *exported = Exported {
                packets: side.packets,
                octets: side.octets,
                extra: side.extra,
            };
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.interval_start = CoarseTime::at(now);
    }

    /// Packets that no record has.
    pub(crate) fn unexported(&self, flow: &FlowSnapshot) -> u64 {
        let exported: u64 = self.exported.iter().map(|side| side.packets).sum();
        flow.packets().wrapping_sub(exported)
    }
}

const _: () = assert!(size_of::<ExportState>() == 56);
