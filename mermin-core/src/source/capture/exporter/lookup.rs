//! Lookups of sockets on both sides of flows, in a thread of their own.

use std::{net::SocketAddr, sync::atomic::Ordering};

use mermin_bpf::track::origin::First;

use super::{Exporter, record::RecordContext};
use crate::{
    flow::{Endpoint, Protocol},
    process::{FlowEndpoints, Lookup, LookupResult},
    source::capture::slots::SlotTable,
    table::{record::flow_fields, snapshot::FlowSnapshot},
};

/// Number of flows that one sweep asks about. The thread of lookups takes requests meanwhile, so a full queue alone would let a sweep last
/// until all are looked up.
const PER_SWEEP: usize = 4096;

impl Exporter {
    /// Requests a lookup of a flow that the filter admits, if lookups are on and the flow is new. If the queue has no room, the flow waits,
    /// unless there is nothing to look up: it has missed nothing when it ends.
    pub(super) fn look_up(&mut self, slots: &SlotTable, records: &RecordContext<'_>, slot: u32) {
        let Some(lookup) = &self.lookup else {
            return;
        };
        let first_seen = slots.slab().first_seen(slot);
        if !lookup.begin(slot, first_seen) {
            return;
        }
        let ends = ends(&records.snapshot(slots, slot)).filter(|ends| lookup.is_to_ask(ends));
        // A flow goes behind those that wait.
        let may_ask = self.unasked.is_empty() && self.asked < PER_SWEEP;
        if (may_ask || ends.is_none()) && lookup.ask(slot, first_seen, ends) {
            self.asked += usize::from(ends.is_some());
        } else {
            self.unasked.push_back((slot, first_seen));
        }
    }

    /// Requests lookups of flows that wait, as far as there is room. A sweep that reads due flows alone would come to them much later.
    pub(in crate::source::capture) fn look_up_waiting(
        &mut self,
        slots: &SlotTable,
        records: &RecordContext<'_>,
    ) {
        let Some(lookup) = &self.lookup else {
            return;
        };
        self.asked = 0;
        while self.asked < PER_SWEEP {
            let Some(&(slot, first_seen)) = self.unasked.front() else {
                return;
            };
            let is_there = slots.is_open(slot) && slots.slab().first_seen(slot) == first_seen;
            if is_there && !ask(lookup, slots, records, slot) {
                return;
            }
            self.asked += 1;
            self.unasked.pop_front();
        }
    }

    /// Counts the flows that were not looked up since the last call.
    pub(super) fn count_missed_lookups(&self) {
        if let Some(lookup) = &self.lookup {
            let missed = &self.shared.counts.lookups_missed;
            missed.fetch_add(lookup.take_missed(), Ordering::Relaxed);
        }
    }

    /// Returns the results for a flow so far.
    pub(super) fn looked_up(&self, slot: u32, flow: &FlowSnapshot) -> LookupResult {
        let lookup = self.lookup.as_ref();
        lookup.map_or_else(LookupResult::default, |lookup| {
            lookup.of(slot, flow.first_seen)
        })
    }

    /// Forgets a flow that has ended.
    pub(super) fn forget_lookup(&self, slot: u32, flow: &FlowSnapshot) {
        if let Some(lookup) = &self.lookup {
            lookup.forget(slot, flow.first_seen);
        }
    }
}

/// Requests a lookup. Returns false if the queue has no room.
fn ask(lookup: &Lookup, slots: &SlotTable, records: &RecordContext<'_>, slot: u32) -> bool {
    let flow = records.snapshot(slots, slot);
    lookup.ask(slot, flow.first_seen, ends(&flow))
}

/// Returns the endpoints of a flow, if its protocol has sockets that can be looked up.
fn ends(flow: &FlowSnapshot) -> Option<FlowEndpoints> {
    let flow_fields = flow_fields(flow, "");
    let end = |end: Endpoint| Some(SocketAddr::new(end.address, end.port?));
    matches!(flow_fields.protocol, Protocol::TCP | Protocol::UDP)
        .then(|| {
            Some(FlowEndpoints {
                protocol: flow_fields.protocol,
                source: end(flow_fields.source)?,
                destination: end(flow_fields.destination)?,
                is_opened: flow.first == First::Opening,
                interface: flow_fields.interface_index,
            })
        })
        .flatten()
}
