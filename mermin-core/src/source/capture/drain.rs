//! Ending every flow there is, once nothing is attached any more.

use super::{
    closer::{Closer, Ending},
    exporter::{Exporter, record::RecordContext},
    slots::SlotTable,
};
use crate::{error::Error, flow::EndReason};

/// Progress of ending all flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drained {
    /// Until the queue was full.
    Full,
    /// All but flows whose records were not acknowledged.
    Unacked,
    /// No flow is left.
    Everything,
}

/// The slots that are still to be emptied.
#[derive(Debug, Default)]
pub(super) struct Drain {
    /// Slots below this are emptied, or wait for an acknowledgement.
    next: u32,
    /// Some of them do.
    unacked: bool,
}

impl Drain {
    /// Ends flows as long as there is room for their records. No program runs any more, so no slot changes.
    pub(super) fn step(
        &mut self,
        slots: &mut SlotTable,
        exporter: &mut Exporter,
        closer: &Closer,
        records: &RecordContext<'_>,
    ) -> Result<Drained, Error> {
        let (ending, drained) = self.choose(slots, exporter, records);
        if exporter.outlives_the_process() {
            // Were this process killed, the next one would attach before it looks at slots: no packet may find a flow that
            // has its last record.
            closer.delete(&ending)?;
        }
        for (slot, reason) in ending {
            exporter.end(slots, records, slot, reason);
        }
        Ok(drained)
    }

    /// The next flows that can end.
    fn choose(
        &mut self,
        slots: &mut SlotTable,
        exporter: &mut Exporter,
        records: &RecordContext<'_>,
    ) -> (Vec<Ending>, Drained) {
        let mut room = exporter.room_in_queue();
        let mut ending = Vec::new();
        for slot in self.next..slots.used().end {
            if slots.is_open(slot) {
                if exporter.is_unacked(slot) {
                    self.unacked = true;
                } else {
                    let suppressed = exporter.is_suppressed(slots, records, slot);
                    if room == 0 && !suppressed {
                        return (ending, Drained::Full);
                    }
                    room -= usize::from(!suppressed);
                    ending.push((slot, EndReason::ForcedEnd));
                }
            }
            self.next = slot + 1;
        }
        if self.unacked {
            // From the beginning: those may have been acknowledged by then.
            *self = Self::default();
            return (ending, Drained::Unacked);
        }
        (ending, Drained::Everything)
    }
}
