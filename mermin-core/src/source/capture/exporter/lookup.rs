//! Sockets at the ends of flows, looked up beside the capture thread.

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
    /// Has a flow looked up that is wanted, where sockets are and it was not yet.
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

    /// Counts the flows that the look-up found no room for since it was asked last.
    pub(super) fn count_missed_lookups(&self) {
        if let Some(lookup) = &self.lookup {
            self.count_missed(lookup.take_missed());
        }
    }

    fn count_missed(&self, flows: u64) {
        let missed = &self.shared.counts.lookups_missed;
        missed.fetch_add(flows, Ordering::Relaxed);
    }

    /// Knowledge of a flow, as far as it goes by now.
    pub(super) fn looked_up(&self, slot: u32, flow: &FlowSnapshot) -> LookupResult {
        let lookup = self.lookup.as_ref();
        lookup.map_or_else(LookupResult::default, |lookup| {
            lookup.of(slot, flow.first_seen)
        })
    }

    /// A flow has ended.
    pub(super) fn forget_lookup(&self, slot: u32, flow: &FlowSnapshot) {
        if let Some(lookup) = &self.lookup {
            lookup.forget(slot, flow.first_seen);
        }
    }
}

/// Of a flow of a protocol whose sockets can be looked up.
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
