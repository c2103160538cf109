//! Look-ups of sockets on both sides of flows, and of translations, in a thread of their own.

use std::{collections::VecDeque, net::SocketAddr, sync::atomic::Ordering};

use mermin_bpf::{track::origin::First, wire::pseudo_ports::icmp_identifier};

use super::{Exporter, record::RecordContext};
use crate::{
    filter::FlowFields,
    flow::{Endpoint, Protocol},
    nat::{Query, Tuple},
    process::{FlowEndpoints, Lookup, LookupResult, Question},
    source::capture::slots::SlotTable,
    table::{record::flow_fields, snapshot::FlowSnapshot},
};

/// Largest number of flows that one sweep asks about. The thread of look-ups takes requests while a sweep adds some. So without this limit, a
/// sweep could last until all flows are looked up.
const PER_SWEEP: usize = 4096;

/// Flows that wait for room in the queue of look-ups, and the number of flows that this sweep has asked about.
#[derive(Debug, Default)]
pub(super) struct Unasked {
    /// Slot, and time of the first packet.
    flows: VecDeque<(u32, u64)>,
    /// Number of flows that this sweep has asked about.
    asked: usize,
}

impl Unasked {
    /// Returns true if this sweep may ask about a new flow: no other flow waits, and the limit is not reached.
    fn may_ask(&self) -> bool {
        self.flows.is_empty() && self.asked < PER_SWEEP
    }

    /// Begins a sweep: asks about the waiting flows until `ask` returns false. A flow that has ended leaves the queue, and does not count as
    /// asked about.
    fn begin_sweep(&mut self, is_there: impl Fn(u32, u64) -> bool, ask: impl Fn(u32) -> bool) {
        self.asked = 0;
        while self.asked < PER_SWEEP
            && let Some(&(slot, first_seen)) = self.flows.front()
        {
            if is_there(slot, first_seen) {
                if !ask(slot) {
                    return;
                }
                self.asked += 1;
            }
            self.flows.pop_front();
        }
    }
}

impl Exporter {
    /// Requests a look-up of a flow that the filter admits, if look-ups are on and the flow is new. If the queue has no room, the flow waits.
    /// A flow without anything to look up does not wait, because it misses nothing when it ends.
    pub(super) fn look_up(&mut self, slots: &SlotTable, records: &RecordContext<'_>, slot: u32) {
        let Some(lookup) = &self.lookup else {
            return;
        };
        let first_seen = slots.slab().first_seen(slot);
        if !lookup.begin(slot, first_seen) {
            return;
        }
        let question = lookup.answerable(question(&records.snapshot(slots, slot)));
        let is_asked = question.any();
        if (self.unasked.may_ask() || !is_asked) && lookup.ask(slot, first_seen, question) {
            self.unasked.asked += usize::from(is_asked);
        } else {
            self.unasked.flows.push_back((slot, first_seen));
        }
    }

    /// Requests look-ups of waiting flows, as far as there is room. The sweep reads only flows that are due, and these are due much later.
    pub(in crate::source::capture) fn look_up_waiting(
        &mut self,
        slots: &SlotTable,
        records: &RecordContext<'_>,
    ) {
        let Some(lookup) = &self.lookup else {
            return;
        };
        let is_there = |slot, then| slots.is_open(slot) && slots.slab().first_seen(slot) == then;
        let ask = |slot| ask(lookup, slots, records, slot);
        self.unasked.begin_sweep(is_there, ask);
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

/// Requests a look-up. Returns false if the queue has no room.
fn ask(lookup: &Lookup, slots: &SlotTable, records: &RecordContext<'_>, slot: u32) -> bool {
    let flow = records.snapshot(slots, slot);
    lookup.ask(slot, flow.first_seen, question(&flow))
}

/// Returns a flow as each kind of look-up needs it.
fn question(flow: &FlowSnapshot) -> Question {
    let fields = flow_fields(flow, "");
    Question {
        sockets: sockets(flow, &fields),
        translation: tuple(flow, &fields),
    }
}

/// Returns the endpoints of a flow, if they have ports.
fn sockets(flow: &FlowSnapshot, fields: &FlowFields<'_>) -> Option<FlowEndpoints> {
    let end = |end: Endpoint| Some(SocketAddr::new(end.address, end.port?));
    Some(FlowEndpoints {
        protocol: fields.protocol,
        source: end(fields.source)?,
        destination: end(fields.destination)?,
        is_opened: flow.first == First::Opening,
        interface: fields.interface_index,
        is_source_higher: flow.higher_started,
    })
}

/// Returns the fields by which connection tracking knows a flow, if it does.
fn tuple(flow: &FlowSnapshot, fields: &FlowFields<'_>) -> Option<Tuple> {
    let &FlowFields {
        protocol,
        source,
        destination,
        ..
    } = fields;
    if !matches!(protocol, Protocol::ICMP | Protocol::ICMPV6) {
        return Tuple::with_ports(protocol, source, destination);
    }
    let ports = flow.tail().ports;
    let sample = flow.sides.iter().find_map(|side| side.sample)?;
    let query = Query {
        // The first port of a flow of queries and answers is the type of the queries.
        kind: u8::try_from(ports[0]).ok()?,
        code: sample.icmp_code,
        id: icmp_identifier(ports)?,
    };
    Tuple::of_query(protocol, source, destination, query)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn waiting(flows: u32) -> Unasked {
        Unasked {
            flows: (0..flows).map(|slot| (slot, 1)).collect(),
            asked: 7,
        }
    }

    #[test]
    fn sweep_asks_about_as_many_flows_as_are_there() {
        let most = u32::try_from(PER_SWEEP).unwrap();
        let mut unasked = waiting(3 * most);
        let asked = Cell::new(0);
        // All flows of the first third have ended.
        let is_there = |slot, _| slot >= most;
        unasked.begin_sweep(is_there, |slot| {
            assert!(is_there(slot, 1));
            asked.set(asked.get() + 1);
            true
        });
        assert_eq!(asked.get(), PER_SWEEP);
        assert_eq!(unasked.flows.front(), Some(&(2 * most, 1)));
        assert!(!unasked.may_ask());
    }

    #[test]
    fn flows_without_room_keep_their_place() {
        let mut unasked = waiting(4);
        unasked.begin_sweep(|slot, _| slot != 0, |slot| slot < 2);
        assert_eq!(unasked.flows, [(2, 1), (3, 1)]);
        assert_eq!(unasked.asked, 1);
        assert!(!unasked.may_ask());
        unasked.begin_sweep(|_, _| false, |_| false);
        assert_eq!(unasked.flows, []);
        assert!(unasked.may_ask());
    }
}
