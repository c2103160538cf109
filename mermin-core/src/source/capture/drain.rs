//! Ends all flows, after all programs are detached.

use super::{
    closer::{Closer, Ending},
    exporter::{Exporter, record::RecordContext},
    slots::SlotTable,
};
use crate::flow::EndReason;

/// Progress of ending all flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drained {
    /// The queue is full.
    Full,
    /// Only flows with unacknowledged records are left.
    Unacked,
    /// No flow is left.
    Everything,
}

/// Progress through the slots.
#[derive(Debug, Default)]
pub(super) struct Drain {
    /// Slots below this are empty or wait for an acknowledgement.
    next: u32,
    /// Some slots wait for an acknowledgement.
    unacked: bool,
}

impl Drain {
    /// Ends flows while there is room for their records. The programs are detached, so no slot changes, unless the kernel
    /// refused to detach one: the report names it.
    pub(super) fn step(
        &mut self,
        slots: &mut SlotTable,
        exporter: &mut Exporter,
        closer: &Closer,
        records: &RecordContext<'_>,
    ) -> Drained {
        let (ending, drained) = self.choose(slots, exporter, records);
        if exporter.is_pinned() {
            // If this process is killed, the next one attaches before it reads the slots. No packet may find a flow
            // that already has its last record.
            closer.unlist(&ending);
        }
        for Ending { slot, reason, .. } in ending {
            exporter.end(slots, records, slot, reason);
        }
        drained
    }

    /// Returns the next flows that can end.
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
                    let rejected = !exporter.enrol_if_admitted(slots, records, slot);
                    if room == 0 && !rejected {
                        return (ending, Drained::Full);
                    }
                    room -= usize::from(!rejected);
                    ending.push(Ending {
                        slot,
                        reason: EndReason::ForcedEnd,
                        rejected,
                    });
                }
            }
            self.next = slot + 1;
        }
        if self.unacked {
            // Starts again: the other records may be acknowledged by then.
            *self = Self::default();
            return (ending, Drained::Unacked);
        }
        (ending, Drained::Everything)
    }
}
