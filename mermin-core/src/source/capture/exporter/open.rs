//! Open flows in the form of their next records.

use super::{
    Exporter,
    record::{Beside, RecordContext},
};
use crate::{
    flow::{EndReason, Flow},
    source::capture::slots::SlotTable,
};

impl Exporter {
    /// Returns the flow in a slot as of now. `None` if the slot has no flow, if its last record was made, or if the
    /// flow is suppressed.
    pub(in crate::source::capture) fn open_flow(
        &mut self,
        slots: &mut SlotTable,
        records: &RecordContext<'_>,
        slot: u32,
    ) -> Option<Flow> {
        let unacked = self.unacked.as_ref();
        if slots.is_free(slot)
            || unacked.is_some_and(|unacked| unacked.is_finished(slot))
            || !self.enrol_if_admitted(slots, records, slot)
        {
            return None;
        }
        let flow = records.snapshot(slots, slot);
        let known = self.looked_up(slot, &flow);
        let reason = EndReason::ActiveTimeout;
        let beside = Beside::read(slots, slot, &flow);
        let mut record = records.record(slots, slot, &flow, &beside, reason, known.listening);
        known.add_to(&mut record);
        record.drops = self.dropped(slots, slot, &flow, &beside);
        record.application = self.application(slot, flow.first_seen);
        Some(record)
    }
}
