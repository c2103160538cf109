//! Flows that are open, as their next records would be.

use super::{Exporter, record::RecordContext};
use crate::{
    flow::{EndReason, Flow},
    source::capture::slots::SlotTable,
};

impl Exporter {
    /// The flow in a slot as of now. None where there is no flow, where its last record was made, and where it is suppressed.
    pub(in crate::source::capture) fn open_flow(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
    ) -> Option<Flow> {
        let unacked = self.unacked.as_ref();
        if slots.is_free(slot)
            || unacked.is_some_and(|unacked| unacked.is_finished(slot))
            || self.is_suppressed(slots, records, slot)
        {
            return None;
        }
        let flow = records.snapshot(slots, slot);
        let known = self.looked_up(slot, &flow);
        let reason = EndReason::ActiveTimeout;
        let record = records.record(slots, slot, &flow, reason, known.listening);
        Some(known.name(record))
    }
}
