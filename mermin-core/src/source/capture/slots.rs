//! The slot table: user space's state of each slot of the kernel's flow table, and its transitions.
//!
//! A slot is free until the kernel program puts a flow there and leaves a hint. Then sweeps read it when it is due, the
//! closer closes it, and it is emptied. The three arrays are separate because a sweep reads only the first of them for
//! most slots.

use std::{ops::Range, sync::Arc};

use mermin_bpf::abi::slot::state;

use super::due::Due;
use crate::{
    bpf::{slab::Slab, zeroed},
    error::Error,
    filter::FilterDecision,
    table::{coarse_time::CoarseTime, export_state::ExportState},
};

/// Interval at which a sweep reads every slot ever used, even if no new flow is known there (ns).
const WHOLE_PERIOD: u64 = 2_000_000_000;

/// The flow table's slots.
#[derive(Debug)]
pub(super) struct SlotTable {
    slab: Arc<Slab>,
    /// When each slot is to be looked at.
    due: Box<[CoarseTime]>,
    /// The filter's decision about the flow in each slot.
    decisions: Box<[FilterDecision]>,
    /// Export state of the flow in each slot: counters and time of its latest record.
    exported: Box<[ExportState]>,
    /// When all slots are to be looked at, monotonic ns.
    whole_at: u64,
}

impl SlotTable {
    pub(super) fn new(slab: Arc<Slab>) -> Result<Self, Error> {
        let slots = slab.len() as usize;
        Ok(Self {
            slab,
            due: zeroed::slice(slots)?,
            decisions: zeroed::slice(slots)?,
            exported: zeroed::slice(slots)?,
            whole_at: 0,
        })
    }

    /// The kernel's side of it.
    pub(super) fn slab(&self) -> &Slab {
        &self.slab
    }

    /// Slots that have ever had a flow.
    pub(super) fn used(&self) -> Range<u32> {
        0..self.slab.touched()
    }

    pub(super) fn is_free(&self, slot: u32) -> bool {
        self.slab.state(slot) == state::FREE
    }

    /// True if the flow was handed to the closer, or waits for its last record to be acknowledged.
    pub(super) fn is_closing(&self, slot: u32) -> bool {
        self.due[slot as usize] == CoarseTime::CLOSING
    }

    /// True if the slot has an open flow.
    pub(super) fn is_open(&self, slot: u32) -> bool {
        !self.is_closing(slot) && !self.is_free(slot)
    }

    /// The flow's export state.
    pub(super) fn exported(&self, slot: u32) -> &ExportState {
        &self.exported[slot as usize]
    }

    /// The filter's decision about the flow.
    pub(super) fn decision(&self, slot: u32) -> FilterDecision {
        self.decisions[slot as usize]
    }

    /// Has the next sweep look at the slots that were free and where a flow may have begun.
    pub(super) fn take_new_flow_hints(&mut self) {
        let due = &mut self.due;
        self.slab.take_fresh(|slots| {
            for slot in slots {
                if due[slot as usize] == CoarseTime::NEVER {
                    due[slot as usize] = CoarseTime::NOW;
                }
            }
        });
    }

    /// Begins a sweep at `now` (monotonic ns) of the slots that are due, and every two seconds also of those that are
    /// believed to be free.
    pub(super) fn begin_sweep(&mut self, now: u64) -> Due {
        let whole = now >= self.whole_at;
        if whole {
            self.whole_at = now + WHOLE_PERIOD;
        }
        Due::at(CoarseTime::at(now), whole)
    }

    /// Advances to the next slots that are due, of the first `used`. False if there are none.
    pub(super) fn next_due(&self, due: &mut Due, used: u32) -> bool {
        due.advance(&self.due[..used as usize])
    }

    /// Nothing is to be done about a flow before `next`.
    pub(super) fn wait_until(&mut self, slot: u32, next: CoarseTime) {
        self.due[slot as usize] = next;
    }

    /// There is no flow: the kernel program leaves a hint when there is one.
    pub(super) fn found_free(&mut self, slot: u32) {
        self.due[slot as usize] = CoarseTime::NEVER;
    }

    /// The flow is being closed: no sweep reads it any more.
    pub(super) fn begin_close(&mut self, slot: u32) {
        self.due[slot as usize] = CoarseTime::CLOSING;
    }

    /// Has the next sweep look at every open flow: it may be due earlier than was thought.
    pub(super) fn look_at_all(&mut self) {
        for slot in self.used() {
            if self.is_open(slot) {
                self.due[slot as usize] = CoarseTime::NOW;
            }
        }
    }

    /// Remembers a decision.
    pub(super) fn decide(&mut self, slot: u32, decision: FilterDecision) {
        self.decisions[slot as usize] = decision;
    }

    /// Notes the flow's export state, of this process or of a former one.
    pub(super) fn mark_exported(&mut self, slot: u32, exported: ExportState) {
        self.exported[slot as usize] = exported;
    }

    /// The interval of the next record begins at `now` (monotonic ns), because there was nothing to export before.
    pub(super) fn begin_interval(&mut self, slot: u32, now: u64) {
        self.exported[slot as usize].since = CoarseTime::at(now);
    }

    /// Clears the state of a slot, so that the kernel program can use it again. Returns the decision about its flow.
    pub(super) fn empty(&mut self, slot: u32) -> FilterDecision {
        self.slab.scrub(slot);
        let index = slot as usize;
        // Most flows have one record, and their export state was never touched: reading it takes no memory.
        if self.exported[index] != ExportState::default() {
            self.exported[index] = ExportState::default();
        }
        // Nor was a decision written without a filter.
        let decision = self.decisions[index];
        if decision != FilterDecision::UNDECIDED {
            self.decisions[index] = FilterDecision::UNDECIDED;
        }
        self.due[index] = CoarseTime::NEVER;
        decision
    }
}
