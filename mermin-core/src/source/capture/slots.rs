//! The slot table: user space's state of each slot of the kernel's flow table, and its transitions.
//!
//! A slot is free until the kernel program puts a flow there and leaves a hint. Then sweeps read it when it is due,
//! the closer closes it, and it is emptied. The arrays are separate because for most slots a sweep reads only `due`.

use std::{ops::Range, sync::Arc};

use mermin_bpf::abi::slot::state;

use super::due::Due;
use crate::{
    bpf::{slab::Slab, zeroed},
    error::Error,
    filter::FilterDecision,
    table::{
        coarse_time::CoarseTime, drops::DropSums, export_state::ExportState,
        tcp_analysis::TcpCounters,
    },
};

/// Interval of sweeps that also read presumably free slots, because a hint of a new flow may be missing (ns).
const FULL_SWEEP_PERIOD: u64 = 2_000_000_000;

/// The flow table's slots.
#[derive(Debug)]
pub(super) struct SlotTable {
    slab: Arc<Slab>,
    /// Time at which each slot is due.
    due: Box<[CoarseTime]>,
    /// The filter's decision about the flow in each slot.
    decisions: Box<[FilterDecision]>,
    /// Export state of the flow in each slot: counters and time of its latest record.
    exported: Box<[ExportState]>,
    /// The TCP counters that the latest record of each flow has. Empty if TCP is not analysed.
    tcp_exported: Box<[TcpCounters]>,
    /// The counts of dropped packets that the latest record of each flow has. Empty if they are not counted.
    drops_exported: Box<[DropSums]>,
    /// Time of the next sweep that also reads presumably free slots, monotonic ns.
    next_full_sweep: u64,
}

impl SlotTable {
    pub(super) fn new(slab: Arc<Slab>) -> Result<Self, Error> {
        let slots = slab.len() as usize;
        let analysed = if slab.analyses().is_some() { slots } else { 0 };
        let dropped = if slab.drops().is_some() { slots } else { 0 };
        Ok(Self {
            slab,
            drops_exported: zeroed::slice(dropped)?,
            tcp_exported: zeroed::slice(analysed)?,
            due: zeroed::slice(slots)?,
            decisions: zeroed::slice(slots)?,
            exported: zeroed::slice(slots)?,
            next_full_sweep: 0,
        })
    }

    /// Returns the kernel's side of the table.
    pub(super) fn slab(&self) -> &Slab {
        &self.slab
    }

    /// Returns the slots that have ever had a flow.
    pub(super) fn used(&self) -> Range<u32> {
        0..self.slab.touched()
    }

    pub(super) fn is_free(&self, slot: u32) -> bool {
        self.slab.state(slot) == state::FREE
    }

    /// Returns true if the flow was handed to the closer, or if its last record is not acknowledged.
    pub(super) fn is_closing(&self, slot: u32) -> bool {
        self.due[slot as usize] == CoarseTime::CLOSING
    }

    /// Returns true if the slot has an open flow.
    pub(super) fn is_open(&self, slot: u32) -> bool {
        !self.is_closing(slot) && !self.is_free(slot)
    }

    /// Returns the flow's export state.
    pub(super) fn exported(&self, slot: u32) -> &ExportState {
        &self.exported[slot as usize]
    }

    /// Returns the TCP counters that the flow's latest record has.
    pub(super) fn tcp_exported(&self, slot: u32) -> TcpCounters {
        let exported = self.tcp_exported.get(slot as usize);
        exported.copied().unwrap_or_default()
    }

    /// Returns the counts of dropped packets that the flow's latest record has.
    pub(super) fn drops_exported(&self, slot: u32) -> DropSums {
        let exported = self.drops_exported.get(slot as usize);
        exported.copied().unwrap_or_default()
    }

    /// Returns the filter's decision about the flow.
    pub(super) fn decision(&self, slot: u32) -> FilterDecision {
        self.decisions[slot as usize]
    }

    /// Takes the hints of new flows. The free slots that a hint names are due at the next sweep.
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

    /// Begins a sweep at `now` (monotonic ns) over the slots that are due, and every two seconds also over those that
    /// are presumably free.
    pub(super) fn begin_sweep(&mut self, now: u64) -> Due {
        let is_full = now >= self.next_full_sweep;
        if is_full {
            self.next_full_sweep = now + FULL_SWEEP_PERIOD;
        }
        Due::at(CoarseTime::at(now), is_full)
    }

    /// Advances the iterator to the next due slots among the first `used` slots. Returns false if there are none.
    pub(super) fn next_due(&self, due: &mut Due, used: u32) -> bool {
        due.advance(&self.due[..used as usize])
    }

    /// Makes a flow due at `next`.
    pub(super) fn wait_until(&mut self, slot: u32, next: CoarseTime) {
        self.due[slot as usize] = next;
    }

    /// Marks a slot as free. The kernel program leaves a hint when it puts a flow there.
    pub(super) fn found_free(&mut self, slot: u32) {
        self.due[slot as usize] = CoarseTime::NEVER;
    }

    /// Marks a flow as closing. Sweeps do not read it any more.
    pub(super) fn begin_close(&mut self, slot: u32) {
        self.due[slot as usize] = CoarseTime::CLOSING;
    }

    /// Makes every open flow due at the next sweep, because it may be due earlier than before.
    pub(super) fn look_at_all(&mut self) {
        for slot in self.used() {
            if self.is_open(slot) {
                self.due[slot as usize] = CoarseTime::NOW;
            }
        }
    }

    /// Stores a decision.
    pub(super) fn set_decision(&mut self, slot: u32, decision: FilterDecision) {
        self.decisions[slot as usize] = decision;
    }

    /// Stores the flow's export state, of this process or of an earlier one.
    pub(super) fn mark_exported(&mut self, slot: u32, exported: ExportState) {
        self.exported[slot as usize] = exported;
    }

    /// Stores the TCP counters that the flow's latest record has.
    pub(super) fn mark_tcp_exported(&mut self, slot: u32, counters: TcpCounters) {
        if let Some(exported) = self.tcp_exported.get_mut(slot as usize) {
            *exported = counters;
        }
    }

    /// Stores the counts of dropped packets that the flow's latest record has.
    pub(super) fn mark_drops_exported(&mut self, slot: u32, sums: DropSums) {
        // Most flows have none. Reading untouched memory allocates no page.
        if let Some(exported) = self.drops_exported.get_mut(slot as usize)
            && *exported != sums
        {
            *exported = sums;
        }
    }

    /// Begins the interval of the next record at `now` (monotonic ns), because there was nothing to export.
    pub(super) fn begin_interval(&mut self, slot: u32, now: u64) {
        self.exported[slot as usize].interval_start = CoarseTime::at(now);
    }

    /// Clears the state of a slot for reuse by the kernel program. Returns the decision about its flow.
    pub(super) fn clear(&mut self, slot: u32) -> FilterDecision {
        self.slab.scrub(slot);
        let index = slot as usize;
        // Most flows have one record, so their export state was never written. Reading untouched memory allocates no
        // page.
        if self.exported[index] != ExportState::default() {
            self.exported[index] = ExportState::default();
        }
        if let Some(exported) = self.tcp_exported.get_mut(index)
            && *exported != TcpCounters::default()
        {
            *exported = TcpCounters::default();
        }
        self.mark_drops_exported(slot, DropSums::default());
        // Without a filter, no decision was written either.
        let decision = self.decisions[index];
        if decision != FilterDecision::UNDECIDED {
            self.decisions[index] = FilterDecision::UNDECIDED;
        }
        self.due[index] = CoarseTime::NEVER;
        decision
    }
}
