//! Lookups of sockets on both sides of flows, in a thread of their own.

use std::{net::SocketAddr, sync::atomic::Ordering};

use mermin_bpf::track::origin::First;

use super::{Exporter, record::RecordContext};
use crate::{
    flow::{Endpoint, Protocol},
    process::{FlowEndpoints, LookupResult},
    source::capture::slots::SlotTable,
    table::{record::flow_fields, snapshot::FlowSnapshot},
};

impl Exporter {
    /// Requests a lookup of a flow that the filter admits, if lookups are on and the flow has none yet.
    pub(super) fn look_up(&self, slots: &SlotTable, records: &RecordContext<'_>, slot: u32) {
        let Some(lookup) = &self.lookup else {
            return;
        };
        if !lookup.knows(slot, slots.slab().first_seen(slot)) {
            let flow = records.snapshot(slots, slot);
            if !lookup.ask(slot, flow.first_seen, ends(&flow)) {
                self.count_missed(1);
            }
        }
    }

    /// Counts the flows that did not fit into the queue of lookups since the last call.
    pub(super) fn count_missed_lookups(&self) {
        if let Some(lookup) = &self.lookup {
            self.count_missed(lookup.take_missed());
        }
    }

    fn count_missed(&self, flows: u64) {
        let missed = &self.shared.counts.lookups_missed;
        missed.fetch_add(flows, Ordering::Relaxed);
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
            })
        })
        .flatten()
}
