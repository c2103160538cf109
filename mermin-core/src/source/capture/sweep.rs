//! The sweep: reads the flows that may be due, exports records, and collects the flows that end in a batch for the closer.

use std::collections::BTreeSet;

use mermin_bpf::abi::slot::state;

use super::{
    closer::{Batch, Ending},
    exporter::{Exporter, Room, record::RecordContext},
    pinned::FlowToClose,
    slots::SlotTable,
};
use crate::{
    flow::EndReason,
    table::{
        limits::Limits,
        verdict::{Verdict, judge},
    },
};

/// One sweep. The caller passes `batch` to the closer.
pub(super) struct Sweep<'a> {
    slots: &'a mut SlotTable,
    exporter: &'a mut Exporter,
    records: &'a RecordContext<'a>,
    limits: &'a Limits,
    /// The kernel program's time, monotonic ns.
    now: u64,
    room: Room,
    batch: Batch,
    /// Flows that ended because they continue at another rate of sampling.
    resampled: u64,
}

/// Result of a sweep.
#[derive(Debug)]
pub(super) struct Swept {
    /// Flows to close.
    pub(super) batch: Batch,
    /// Number of open flows, those to close included.
    pub(super) open: u64,
    /// Number of flows to close that continue at another rate of sampling.
    pub(super) resampled: u64,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(
        slots: &'a mut SlotTable,
        exporter: &'a mut Exporter,
        records: &'a RecordContext<'a>,
        limits: &'a Limits,
        now: u64,
    ) -> Self {
        let room = exporter.room(slots.slab().len(), now);
        Self {
            slots,
            exporter,
            records,
            limits,
            now,
            room,
            batch: Batch::default(),
            resampled: 0,
        }
    }

    /// Closes the flows of interfaces that no program counts for any more, as far as [`Room::endings`] allows. Returns true
    /// when all of them are being closed; the interfaces then wait for the same grace period.
    pub(super) fn close_flows_of(&mut self, interfaces: &BTreeSet<u32>) -> bool {
        if interfaces.is_empty() {
            return false;
        }
        let mut all = true;
        for slot in self.slots.used() {
            if !self.slots.is_open(slot) || !interfaces.contains(&self.slots.slab().ifindex(slot)) {
                continue;
            }
            // A flow with an unacknowledged record is closed only after the acknowledgement.
            if self.exporter.is_unacked(slot) {
                all = false;
                continue;
            }
            if !self.close(slot, EndReason::ForcedEnd) {
                return false;
            }
        }
        if all {
            self.batch.detached.extend(interfaces);
        }
        all
    }

    /// Closes flows of a former process. Flows that must wait stay in the list.
    pub(super) fn close_taken_over(&mut self, to_close: &mut Vec<FlowToClose>) {
        to_close.retain(|&(slot, first_seen)| {
            let is_there =
                self.slots.is_open(slot) && self.slots.slab().first_seen(slot) == first_seen;
            is_there && !self.close(slot, EndReason::ForcedEnd)
        });
    }

    /// Reads every flow that may be due.
    pub(super) fn run(mut self) -> Swept {
        self.exporter.look_up_waiting(self.slots, self.records);
        // Flows of removed interfaces and of a former process, closed just now, were open until this sweep.
        let mut open = self.batch.flows.len() as u64;
        let used = self.slots.used().end;
        let mut due = self.slots.begin_sweep(self.now);
        while self.slots.next_due(&mut due, used) {
            let slots = due.slots();
            for (number, &slot) in slots.iter().enumerate() {
                self.slots.slab().prefetch_ahead(&slots[number..]);
                match self.slots.slab().state(slot) {
                    state::LIVE => {
                        open += 1;
                        self.examine(slot);
                    }
                    state::REPLACED => {
                        open += 1;
                        self.close(slot, EndReason::EndOfFlow);
                    }
                    state::RESAMPLED => {
                        open += 1;
                        self.resampled += u64::from(self.close(slot, EndReason::LackOfResources));
                    }
                    _ => self.slots.found_free(slot),
                }
            }
        }
        Swept {
            batch: self.batch,
            open: open + due.waiting(),
            resampled: self.resampled,
        }
    }

    /// Decides about one live flow. If the queue has no room for a record, the flow is unchanged and read again later.
    fn examine(&mut self, slot: u32) {
        let rejected = !self
            .exporter
            .enrol_if_admitted(self.slots, self.records, slot);
        let flow = self.slots.slab().expiry_state(slot, &self.records.ticks);
        match judge(&flow, self.slots.exported(slot), self.limits, self.now) {
            Verdict::Keep(next) => self.slots.wait_until(slot, next),
            Verdict::Report => self.exporter.export_interval(
                self.slots,
                self.records,
                slot,
                self.now,
                rejected,
                &mut self.room.records,
            ),
            Verdict::Close(reason) => _ = self.close(slot, reason),
        }
    }

    /// Closes a flow if it has no unacknowledged record, and if the sweep still has room for an ending or the filter rejects
    /// the flow. Returns false if the flow must wait.
    fn close(&mut self, slot: u32, reason: EndReason) -> bool {
        if self.exporter.is_unacked(slot) {
            return false;
        }
        let rejected = !self
            .exporter
            .enrol_if_admitted(self.slots, self.records, slot);
        if !rejected {
            if self.room.endings == 0 {
                return false;
            }
            self.room.endings -= 1;
        }
        self.exporter.promise(rejected);
        self.batch.flows.push(Ending {
            slot,
            reason,
            rejected,
        });
        self.slots.begin_close(slot);
        true
    }
}
