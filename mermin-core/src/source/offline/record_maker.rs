//! Records of flows of a capture.

use std::{collections::VecDeque, time::Duration};

use mermin_bpf::abi::ledger::Reason;

use super::{ledgers::name_of, listening::ListeningPorts, shared::Counts, slot::Slot};
use crate::{
    filter::{FilterDecision, Filters},
    flow::{Direction, EndReason, Flow, FlowId},
    table::record::{RecordClock, date, record, unexported},
};

/// Makes or suppresses records.
pub(super) struct RecordMaker<'a> {
    pub(super) filters: &'a Filters,
    pub(super) listening: Option<&'a ListeningPorts>,
    pub(super) epoch: u64,
    pub(super) now: u64,
}

impl RecordMaker<'_> {
    /// Makes a flow's record, with the timestamps of the capture.
    #[inline]
    pub(super) fn record(
        &self,
        slot: &Slot,
        number: u32,
        reason: EndReason,
        counts: &Counts,
    ) -> Flow {
        let name = name_of(counts, (slot.flow.tail().ifindex as usize).wrapping_sub(1));
        let clock = RecordClock {
            epoch: self.epoch,
            monotonic: self.now,
            wall: 0,
            tick: 0,
        };
        let listening = self
            .listening
            .map_or(Direction::Unknown, |ports| ports.direction(&slot.flow));
        let mut flow = record(
            number,
            &slot.flow,
            &slot.entry,
            reason,
            &name,
            &clock,
            listening,
        );
        // A slot may be reused within one timestamp, so the id contains the flow's serial number instead of the slot's
        // number.
        flow.id = FlowId::from_u128(u128::from(self.epoch) << 64 | u128::from(slot.serial));
        let [start, end] = slot.span.map_or([0; 2], |span| [span.start, span.end]);
        flow.start = date(start);
        flow.end = date(end);
        flow.time_resolution = slot.span.map(|span| Duration::from_nanos(span.resolution));
        flow.tcp_analysis = slot.analysis();
        let payloads = slot.payloads.as_ref();
        flow.application = payloads.and_then(|it| it.found.application().cloned());
        flow
    }

    /// Makes the record at the end of `out` if the filter admits it; its place, because a record is large. Otherwise its
    /// counts go to the ledger.
    #[inline]
    pub(super) fn record_or_suppress<'o>(
        &self,
        slot: &Slot,
        number: u32,
        reason: EndReason,
        counts: &mut Counts,
        out: &'o mut VecDeque<Flow>,
    ) -> Option<&'o mut Flow> {
        let place = (slot.flow.tail().ifindex as usize).wrapping_sub(1);
        if slot.decision != FilterDecision::UNWANTED {
            out.push_back(self.record(slot, number, reason, counts));
            let decision = slot.decision;
            let admits = |flow: &Flow| self.filters.admit(decision, decision.is_exported(), flow);
            if out.back().is_some_and(admits) {
                return out.back_mut();
            }
            out.pop_back();
        }
        counts.filtered += 1;
        if let Some(Some(hook)) = counts.hooks.get_mut(place) {
            for (side, exported) in slot.flow.sides.iter().zip(&slot.entry.exported) {
                hook.ignored(
                    Reason::Filtered,
                    unexported(side, exported, slot.flow.link_length),
                );
            }
        }
        None
    }
}
