//! Resumes the flows of an earlier process: reads every slot once, with its note in the journal.

use std::collections::BTreeSet;

use mermin_bpf::abi::slot::state;

use super::{degradations, instance::PinnedInstance};
use crate::{
    attach::pinned_hooks::PinnedHooks,
    bpf::pin::{free_stack::FreeStack, instance::Stale, journal::SlotNotes},
    error::{Error, ErrorKind},
    failpoint::{FailPoint, fail_point},
    filter::FilterDecision,
    flow::EndReason,
    report::{Degradation, Recovered},
    source::capture::{
        closer::{Batch, Closer, Ending},
        exporter::{
            Exporter,
            record::{RecordContext, mark_beside},
        },
        interfaces::InterfaceSet,
        slots::SlotTable,
    },
    table::{export_state::ExportState, snapshot::FlowSnapshot},
};

/// A flow to close, because its interface is gone or not watched, or because it was marked as closing before: its slot,
/// and the time of its first packet (ns).
pub(in crate::source::capture) type FlowToClose = (u32, u64);

/// Pins and programs of earlier processes.
#[derive(Debug)]
pub(in crate::source::capture) struct Leftovers {
    /// Ids of the programs that were loaded for this source.
    pub(super) programs: Vec<u32>,
    /// Pins to remove once this source has replaced them.
    pub(super) stale: Vec<Stale>,
    /// Free slots that move to the new stack. `None` if nothing is taken over.
    pub(super) free_stack: Option<FreeStack>,
    /// Indexes of the interfaces to which another process attached. `None` if this process attaches.
    pub(super) passed: Option<BTreeSet<u32>>,
}

impl Leftovers {
    /// Returns true if flows of an earlier process continue.
    pub(in crate::source::capture) fn has_flows(&self) -> bool {
        self.free_stack.is_some()
    }

    /// Creates those of a source that another process prepared.
    pub(super) fn passed(free_stack: FreeStack, interfaces: BTreeSet<u32>) -> Self {
        Self {
            programs: Vec::new(),
            stale: Vec::new(),
            // Flows may have begun since the other process attached.
            free_stack: Some(free_stack),
            passed: Some(interfaces),
        }
    }

    /// Returns the indexes of the interfaces to which another process attached, if it did.
    pub(in crate::source::capture) fn attached_elsewhere(&self) -> Option<&BTreeSet<u32>> {
        self.passed.as_ref()
    }

    /// Removes the remaining programs of earlier processes from the hooks and from the instance. Returns the free
    /// slots.
    pub(in crate::source::capture) fn clear(
        self,
        instance: &PinnedInstance,
        interfaces: &InterfaceSet,
    ) -> Result<Option<FreeStack>, Error> {
        let refused = |error| system("cannot remove what a former process left", error);
        let hooks = interfaces.hooks();
        let interfaces = interfaces.list();
        hooks.clear(&interfaces);
        let Some(instance) = &instance.instance else {
            return Ok(self.free_stack);
        };
        instance.unpin_programs(&self.programs).map_err(refused)?;
        for stale in self.stale {
            hooks.clear_leftovers_of(
                &PinnedHooks::new("".into(), [], stale.programs.clone()),
                &interfaces,
            );
            stale.remove().map_err(refused)?;
        }
        Ok(self.free_stack)
    }
}

/// Resumes the existing flows.
pub(in crate::source::capture) struct TakeOver<'a> {
    pub(in crate::source::capture) slots: &'a mut SlotTable,
    pub(in crate::source::capture) exporter: &'a mut Exporter,
    pub(in crate::source::capture) closer: &'a mut Closer,
    pub(in crate::source::capture) records: &'a RecordContext<'a>,
    pub(in crate::source::capture) watched: &'a BTreeSet<u32>,
}

/// Result of reading all slots.
#[derive(Default)]
pub(in crate::source::capture) struct TakeOverResult {
    /// Flows that were being closed.
    batch: Batch,
    pub(in crate::source::capture) taken: Recovered,
    pub(in crate::source::capture) to_close: Vec<FlowToClose>,
    /// Number of notes in the journal that were ignored.
    torn: u64,
}

impl TakeOverResult {
    /// Returns the degradation for the report.
    pub(in crate::source::capture) fn degradation(&self) -> Option<Degradation> {
        (self.torn != 0).then(|| degradations::torn(self.torn))
    }
}

impl TakeOver<'_> {
    /// Resumes the existing flows. Call it once everything is attached.
    pub(in crate::source::capture) fn run(
        mut self,
        free_stack: FreeStack,
    ) -> Result<TakeOverResult, Error> {
        self.closer.wait_for_grace()?;
        self.clear_done();
        let remaining = free_stack.rest(self.slots.slab());
        let returned = remaining.len();
        self.closer.take_remaining(remaining);
        self.exporter.enrol_all(self.slots, self.records);
        let mut recovered = self.walk();
        recovered.taken.slots_returned = returned;
        self.closer.close(std::mem::take(&mut recovered.batch));
        self.exporter.enqueue();
        Ok(recovered)
    }

    /// Empties slots whose records were all exported and acknowledged. The earlier process had not returned them to a
    /// stack, even if their state is `FREE`.
    fn clear_done(&self) {
        let Some(unacked) = self.exporter.unacked() else {
            return;
        };
        for slot in self.slots.used() {
            if unacked.is_done(slot) {
                self.slots.slab().scrub(slot);
                unacked.clear(slot);
            }
        }
    }

    fn walk(&mut self) -> TakeOverResult {
        let mut recovered = TakeOverResult::default();
        for slot in self.slots.used() {
            let state = self.slots.slab().state(slot);
            if state == state::FREE {
                continue;
            }
            fail_point(FailPoint::TakingOver);
            let Some(mut noted) = self.exporter.unacked().map(|unacked| unacked.recover(slot))
            else {
                continue;
            };
            if !self.exporter.reads_names() {
                // The former process did: packets that wait for payloads cost more than others.
                self.slots.slab().pass_no_sections(slot);
            }
            let flow = self.slots.slab().snapshot(slot, &self.records.ticks);
            if self.recover(slot, &flow, &noted) {
                recovered.torn += 1;
                // Its record is made anew, from the flow's beginning.
                noted.unacked = None;
            }
            self.go_on(slot, state, &flow, &noted, &mut recovered);
        }
        recovered
    }

    /// Continues a flow, or continues to close it.
    fn go_on(
        &mut self,
        slot: u32,
        state: u8,
        flow: &FlowSnapshot,
        noted: &SlotNotes,
        recovered: &mut TakeOverResult,
    ) {
        let index = flow.tail().ifindex;
        let is_former = self.records.names.is_former(index, flow.first_seen);
        let unwatched = !self.watched.contains(&index) || is_former;
        let is_closing = state == state::CLOSING;
        let taken = &mut recovered.taken;
        // For a flow that the kernel program replaced, only the journal shows that it was being closed: its state is
        // not `CLOSING`. A flow marked as closing because its interface disappeared may have an unacknowledged record,
        // which is delivered again before its last record is made.
        if noted.ended.is_some() || is_closing && noted.unacked.is_none() {
            taken.flows_closing += 1;
            taken.records_redelivered += u64::from(noted.ended.is_some());
            let otherwise = if unwatched {
                EndReason::ForcedEnd
            } else {
                EndReason::IdleTimeout
            };
            self.resume_close(slot, noted.ended, otherwise, recovered);
            return;
        }
        taken.flows += u64::from(!is_closing);
        taken.flows_closing += u64::from(is_closing);
        if let Some((then, last_seen)) = noted.unacked {
            taken.records_redelivered += 1;
            self.exporter
                .redeliver(self.slots, self.records, slot, &then, last_seen);
        }
        if unwatched || is_closing {
            recovered.to_close.push((slot, flow.first_seen));
        }
    }

    /// Restores the export state of a flow. Returns true if the journal's note has higher counts than the slot. Such a
    /// note is ignored.
    fn recover(&mut self, slot: u32, flow: &FlowSnapshot, noted: &SlotNotes) -> bool {
        let counted = |entry: &ExportState| {
            let sides = entry.exported.iter().zip(&flow.sides);
            sides.into_iter().all(|(exported, side)| {
                exported.packets <= side.packets && exported.octets <= side.octets
            })
        };
        let unacked = noted.unacked.as_ref().map(|(entry, _)| &entry.state);
        let torn = !counted(&noted.exported.state) || !unacked.is_none_or(counted);
        let exported = if torn {
            ExportState {
                sequence: noted.exported.state.sequence,
                ..ExportState::default()
            }
        } else {
            noted.exported.state
        };
        self.slots.mark_exported(slot, exported);
        mark_beside(self.slots, slot, &noted.exported);
        torn
    }

    /// Continues to close a flow: deletes its key, if the key still leads to this slot. The flow's last record is made
    /// a grace period later.
    fn resume_close(
        &mut self,
        slot: u32,
        ended: Option<EndReason>,
        otherwise: EndReason,
        recovered: &mut TakeOverResult,
    ) {
        self.closer.remove_key(slot);
        let reason = ended.unwrap_or(otherwise);
        self.slots.begin_close(slot);
        if ended.is_some() {
            // Records that are delivered again ignore the filter.
            self.slots.set_decision(slot, FilterDecision::WANTED);
        }
        let rejected = !self
            .exporter
            .enrol_if_admitted(self.slots, self.records, slot);
        self.exporter.promise(rejected);
        recovered.batch.flows.push(Ending {
            slot,
            reason,
            rejected,
        });
    }
}

fn system(message: &'static str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::System, message).with_source(error)
}
