//! Interface names and clocks, which a record needs besides its flow.

use std::sync::Arc;

use mermin_bpf::{abi::tcp_analysis::TcpAnalysis, wire::protocol};

use crate::{
    bpf::clock::Ticks,
    flow::{Direction, EndReason, Flow, TcpSockets},
    source::capture::{clock::SourceClock, interface_names::InterfaceNames, slots::SlotTable},
    table::{
        drops::DropSums,
        export_state::{ExportState, Watermark},
        record::{RecordClock, record},
        snapshot::FlowSnapshot,
        tcp_analysis::{self, TcpCounters},
        tcp_sockets,
    },
};

/// The analysis of a TCP flow at one time.
#[derive(Clone, Copy, Debug)]
struct Analysis {
    memory: TcpAnalysis,
    /// Counters of that time, or of a record that is delivered again.
    counters: TcpCounters,
}

impl Analysis {
    /// Reads the analysis of the flow in a slot. Returns `None` if TCP is not analysed, and for other protocols.
    fn read(slots: &SlotTable, slot: u32, flow: &FlowSnapshot) -> Option<Box<Self>> {
        let analyses = slots.slab().analyses()?;
        (flow.tail().protocol() == protocol::TCP).then(|| {
            let memory = analyses.snapshot(slot);
            Box::new(Self {
                counters: TcpCounters::of(&memory),
                memory,
            })
        })
    }
}

/// Counts of a flow beside its slot, at one time.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// In a box, because it is larger than a record and most flows have none.
    analysis: Option<Box<Analysis>>,
    pub(super) drops: Option<DropSums>,
}

impl Beside {
    /// Reads the counts of the flow in a slot.
    pub(super) fn read(slots: &SlotTable, slot: u32, flow: &FlowSnapshot) -> Self {
        let drops = slots.slab().drops();
        Self {
            analysis: Analysis::read(slots, slot, flow),
            drops: drops.map(|drops| DropSums::of(&drops.snapshot(slot))),
        }
    }

    /// Replaces the counts by those of a record that is delivered again.
    pub(super) fn replace(&mut self, then: &Watermark) {
        if let (Some(analysis), Some(counters)) = (&mut self.analysis, then.tcp) {
            analysis.counters = counters;
        }
        self.drops = then.drops.or(self.drops);
    }

    /// Returns the counts of a record with this export state.
    pub(super) fn watermark(&self, state: ExportState) -> Watermark {
        Watermark {
            state,
            tcp: self.analysis.as_ref().map(|analysis| analysis.counters),
            drops: self.drops,
        }
    }
}

/// Writes down the counts of a record beside its export state.
pub(in crate::source::capture) fn mark_beside(slots: &mut SlotTable, slot: u32, then: &Watermark) {
    if let Some(counters) = then.tcp {
        slots.mark_tcp_exported(slot, counters);
    }
    if let Some(sums) = then.drops {
        slots.mark_drops_exported(slot, sums);
    }
}

/// Returns the sockets of a flow, if they are read and one was seen.
fn tcp_sockets(slots: &SlotTable, slot: u32, flow: &FlowSnapshot) -> Option<TcpSockets> {
    let sockets = slots.slab().sockets()?;
    let stored = sockets.snapshot(slot);
    tcp_sockets::record(&stored, flow.higher_started)
}

/// Interface names and clocks of one cycle. All its records have the same time.
#[derive(Debug)]
pub(in crate::source::capture) struct RecordContext<'a> {
    pub(in crate::source::capture) names: &'a InterfaceNames,
    pub(in crate::source::capture) ticks: Ticks,
    clock: RecordClock,
}

impl<'a> RecordContext<'a> {
    /// A context for records that are made now.
    pub(in crate::source::capture) fn new(
        clock: &mut SourceClock,
        names: &'a InterfaceNames,
    ) -> Self {
        Self {
            names,
            ticks: clock.ticks(),
            clock: clock.record_clock(),
        }
    }

    /// Reads the flow in a slot.
    pub(super) fn snapshot(&self, slots: &SlotTable, slot: u32) -> FlowSnapshot {
        slots.slab().snapshot(slot, &self.ticks)
    }

    /// Returns the name of a flow's interface.
    pub(super) fn name(&self, flow: &FlowSnapshot) -> Arc<str> {
        match self.names.of(flow.tail().ifindex, flow.first_seen) {
            Some(name) => Arc::clone(name),
            None => Arc::from(""),
        }
    }

    /// Makes the next record of a flow. `listening` is its direction by listening ports.
    pub(super) fn record(
        &self,
        slots: &SlotTable,
        slot: u32,
        flow: &FlowSnapshot,
        beside: &Beside,
        reason: EndReason,
        listening: Direction,
    ) -> Flow {
        let exported = slots.exported(slot);
        let name = self.name(flow);
        let mut record = record(slot, flow, exported, reason, &name, &self.clock, listening);
        record.tcp_analysis = beside.analysis.as_ref().map(|analysis| {
            let Analysis { memory, counters } = &**analysis;
            let exported = slots.tcp_exported(slot);
            let is_higher = flow.higher_started;
            Box::new(tcp_analysis::record(memory, counters, &exported, is_higher))
        });
        record.tcp_sockets = tcp_sockets(slots, slot, flow).map(Box::new);
        record
    }
}
