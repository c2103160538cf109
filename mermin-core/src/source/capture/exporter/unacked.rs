//! Unacknowledged records of a pinned source, in the journal for the next process.

use std::sync::Arc;

use super::last_records::LastRecords;
use crate::{
    bpf::{
        ledger::{Ledger, LedgerSums},
        pin::{
            journal::{self, Journal, SlotNotes},
            lock::Lock,
            redo::{Plan, Redo},
        },
    },
    failpoint::{FailPoint, fail_point},
    flow::{EndReason, FlowId},
    source::acknowledge::Acknowledge,
    table::{export_state::Watermark, record::slot_of},
};

/// The journal, and the slots that wait for an acknowledgement.
#[derive(Debug)]
pub(in crate::source::capture) struct Unacked {
    journal: Arc<Journal>,
    redo: Redo,
    last_records: LastRecords,
}

/// Stores acknowledgements of the consumer. While it exists, no other process owns the instance.
#[derive(Debug)]
pub(in crate::source::capture) struct Receipt {
    journal: Arc<Journal>,
    _owner: Arc<Lock>,
}

impl Acknowledge for Receipt {
    fn acknowledge(&self, id: FlowId) {
        self.journal.acknowledge(slot_of(id));
    }
}

impl Unacked {
    pub(in crate::source::capture) fn new(journal: Journal, redo: Redo) -> Self {
        Self {
            journal: Arc::new(journal),
            redo,
            last_records: LastRecords::default(),
        }
    }

    /// Returns the receipt for the consumer of the instance with this lock.
    pub(in crate::source::capture) fn receipt(&self, owner: Arc<Lock>) -> Receipt {
        Receipt {
            journal: Arc::clone(&self.journal),
            _owner: owner,
        }
    }

    /// Returns true if a record of the flow is not acknowledged.
    pub(super) fn is_unacked(&self, slot: u32) -> bool {
        self.journal.is_unacked(slot)
    }

    /// Returns true if a record of the flow was acknowledged.
    pub(super) fn is_exported(&self, slot: u32) -> bool {
        self.journal.is_delivered(slot)
    }

    /// Returns true if the last record of the flow was made.
    pub(super) fn is_finished(&self, slot: u32) -> bool {
        self.journal.is_finished(slot)
    }

    /// Writes down the export state of a flow that stays open. It becomes valid when its record is acknowledged.
    pub(super) fn begin_delivery(&self, slot: u32, then: &Watermark, last_seen: u64) {
        self.journal.begin_delivery(slot, then, last_seen);
    }

    /// Writes down that a flow's last record was made.
    pub(super) fn begin_last_delivery(&mut self, slot: u32, reason: EndReason) {
        fail_point(FailPoint::Recorded);
        self.journal.begin_last_delivery(slot, reason);
        self.last_records.push(slot);
    }

    /// Moves the packets of a suppressed record to the ledger, and writes down the new export state and the time of
    /// the last packet. Without these the flow has ended.
    pub(super) fn suppress(
        &mut self,
        slot: u32,
        then: Option<(&Watermark, u64)>,
        sums: LedgerSums,
        ledger: &Ledger,
    ) {
        let word = if let Some((exported, last_seen)) = then {
            self.journal.prepare(slot, exported, last_seen)
        } else {
            self.last_records.push_done(slot);
            journal::DONE
        };
        let plan = Plan::new(slot, word, sums);
        self.redo.carry_out(&plan, &self.journal, ledger);
    }

    /// Returns the number of slots whose last record was made and is not acknowledged.
    pub(super) fn last_records(&self) -> usize {
        self.last_records.len()
    }

    /// Returns a slot whose records were all exported and acknowledged.
    pub(super) fn next_acked(&mut self) -> Option<u32> {
        let journal = &self.journal;
        self.last_records.take_done(|slot| journal.is_done(slot))
    }

    /// Returns true if all records of the flow that was in a slot were exported and acknowledged.
    pub(in crate::source::capture) fn is_done(&self, slot: u32) -> bool {
        self.journal.is_done(slot)
    }

    /// Clears the notes of an empty slot.
    pub(in crate::source::capture) fn clear(&self, slot: u32) {
        self.journal.clear(slot);
    }

    /// Returns an earlier process's notes of a slot.
    pub(in crate::source::capture) fn recover(&self, slot: u32) -> SlotNotes {
        self.journal.recover(slot)
    }
}
